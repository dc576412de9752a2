#include "backup/restore/adopted_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "backup/postgres/dump_format.h"
#include "backup/restore/hold_back.h"
#include "common/base/printable.h"
#include "common/codec/digest.h"
#include "common/codec/packing.h"
#include "common/codec/progress.h"

namespace pgbackup {
namespace {

/// Passes on the end of plain SQL only when it is pg_dump's. psql would commit one that was cut
/// off.
class EndCheck final : public Sink {
 public:
  EndCheck(Sink& next, StreamFormat form) : hold_(next), format_(form) {}
  void write(std::string_view bytes) override { hold_.write(bytes); }
  void finish() override {
    if (format_ == StreamFormat::plain && !is_complete_sql(hold_.held())) {
      throw damaged("the SQL is cut off: it does not end as pg_dump ends it");
    }
    hold_.finish();
  }
  [[nodiscard]] uint64_t bytes() const { return hold_.bytes(); }

 private:
  HoldBackSink hold_;
  StreamFormat format_;
};

/// Keeps the first bytes.
class HeadSink final : public Sink {
 public:
  void write(std::string_view bytes) override {
    head_ += bytes.substr(0, kFormatBytes - head_.size());
  }
  void finish() override {}
  [[nodiscard]] const std::string& head() const { return head_; }
  [[nodiscard]] bool is_full() const { return head_.size() == kFormatBytes; }

 private:
  std::string head_;
};

/// Runs `body`, and adds `location` to the damage that it finds; other errors know their place.
template <class Body>
void look_for_damage(const std::string& location, const Body& body) {
  with_damage_hint([&] {
    try {
      body();
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::corrupt) throw error.within(location);
      throw;
    }
  });
}

StreamFormat known_format_of(const std::string& head) {
  if (const std::optional<StreamFormat> form = format_of(head)) return *form;
  if (head.empty()) throw damaged("it is empty");
  if (head.starts_with("toc.dat")) {
    throw Error(ErrorKind::corrupt, "it is pg_dump's tar format, which is not restored",
                "pg_restore restores it: pg_restore -d DATABASE FILE");
  }
  throw Error(ErrorKind::corrupt,
              fmt::format("it is neither an archive nor plain SQL of pg_dump: it begins with '{}'",
                          as_utf8(printable(head))),
              "only what pg_dump wrote of one database can be restored");
}

}  // namespace

AdoptedDump::AdoptedDump(Store& store, const Backup& backup, const AgeKeys* keys)
    : store_(store), backup_(backup), keys_(keys) {
  look_for_damage(store.location(backup.commit_key()), [&] {
    HeadSink sink;
    copy_head(sink, [&] { return sink.is_full(); });
    format_ = known_format_of(sink.head());
    if (format_ == StreamFormat::custom) client_version_ = least_pg_restore(sink.head());
  });
}

uint64_t AdoptedDump::copy(Sink& sink, Clock& clock, Log& log) {
  const std::optional<std::string> sum = read_sum();
  EndCheck end(sink, format_);
  const std::unique_ptr<Sink> unpacked = unpack_by_content(end, keys_);
  ProgressSink progress(*unpacked, {.what = backup_.group.name(), .total = backup_.bytes}, clock,
                        log);
  HashSink stored(progress);
  Sink& first = sum ? static_cast<Sink&>(stored) : progress;
  const std::string key = backup_.commit_key();
  look_for_damage(store_.location(key), [&] {
    copy_bytes(*store_.open(key), first);
    if (sum && stored.sha256() != *sum) {
      throw damaged(fmt::format("its SHA-256 does not match {}", sum_key()));
    }
    first.finish();
  });
  return end.bytes();
}

void AdoptedDump::copy_head(Sink& sink, const std::function<bool()>& enough) {
  constexpr size_t kStep = size_t{64} << 10U;
  const std::unique_ptr<Sink> unpacked = unpack_by_content(sink, keys_);
  std::vector<char> buffer(kStep);
  const std::unique_ptr<Source> source = store_.open(backup_.commit_key());
  while (const size_t got = source->read(buffer)) {
    unpacked->write({buffer.data(), got});
    if (enough()) return;
  }
  unpacked->finish();
}

std::string AdoptedDump::sum_key() const { return backup_.commit_key() + ".sha256"; }

std::optional<std::string> AdoptedDump::read_sum() const {
  constexpr size_t kMaxBytes = 16384;
  const std::string key = sum_key();
  const bool is_there = std::any_of(backup_.files.begin(), backup_.files.end(),
                                    [&](const BackupFile& file) { return file.name == key; });
  if (!is_there) return {};
  std::optional<std::string> sum;
  look_for_damage(store_.location(key),
                  [&] { sum = parse_sha256sum(read_small_object(store_, key, kMaxBytes)); });
  return sum;
}

}  // namespace pgbackup
