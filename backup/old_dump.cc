#include "backup/old_dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "backup/dump_form.h"
#include "backup/hold_back.h"
#include "backup/progress.h"
#include "common/base/printable.h"
#include "common/codec/digest.h"
#include "common/codec/gzip.h"

namespace pgbackup {
namespace {

/// Undoes gzip as often as the bytes begin like it, twice at most: an archive that was packed by a
/// script and again by whatever carried it here.
class UnpackSink final : public Sink {
 public:
  explicit UnpackSink(Sink& next, int layers = 2) : next_(next), layers_(layers) {}

  void write(std::string_view bytes) override {
    if (chosen_ != nullptr) {
      chosen_->write(bytes);
    } else {
      head_ += bytes;
      if (head_.size() >= kGzipMagic.size()) choose();
    }
  }
  void finish() override {
    if (chosen_ == nullptr) choose();
    chosen_->finish();
  }

 private:
  void choose() {
    chosen_ = &next_;
    if (layers_ > 0 && head_.starts_with(kGzipMagic)) {
      inner_ = std::make_unique<UnpackSink>(next_, layers_ - 1);
      gunzip_ = std::make_unique<GunzipSink>(*inner_);
      chosen_ = gunzip_.get();
    }
    if (!head_.empty()) chosen_->write(head_);
    head_.clear();
  }

  Sink& next_;
  int layers_;
  std::string head_;
  std::unique_ptr<UnpackSink> inner_;
  std::unique_ptr<GunzipSink> gunzip_;
  Sink* chosen_ = nullptr;
};

/// Passes on the end of plain SQL only when it is pg_dump's. psql would commit one that was cut
/// off.
class EndCheck final : public Sink {
 public:
  EndCheck(Sink& next, DumpForm form) : hold_(next), form_(form) {}
  void write(std::string_view bytes) override { hold_.write(bytes); }
  void finish() override {
    if (form_ == DumpForm::sql && !is_complete_sql(hold_.held())) {
      throw damaged("the SQL is cut off: it does not end as pg_dump ends it");
    }
    hold_.finish();
  }
  [[nodiscard]] uint64_t bytes() const { return hold_.bytes(); }

 private:
  HoldBackSink hold_;
  DumpForm form_;
};

/// Keeps the first bytes.
class HeadSink final : public Sink {
 public:
  void write(std::string_view bytes) override {
    head_ += bytes.substr(0, kFormBytes - head_.size());
  }
  void finish() override {}
  [[nodiscard]] const std::string& head() const { return head_; }
  [[nodiscard]] bool is_full() const { return head_.size() == kFormBytes; }

 private:
  std::string head_;
};

/// Damage that `body` finds is told with its place; other errors know theirs.
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

DumpForm known_form_of(const std::string& head) {
  if (const std::optional<DumpForm> form = form_of(head)) return *form;
  if (head.empty()) throw damaged("it is empty");
  throw Error(ErrorKind::corrupt,
              fmt::format("it is neither an archive nor plain SQL of pg_dump: it begins with '{}'",
                          as_utf8(printable(head))),
              "only what pg_dump wrote of one database can be restored");
}

}  // namespace

OldDump::OldDump(Store& store, const Backup& backup) : store_(store), backup_(backup) {
  look_for_damage(store.location(backup.commit_key()), [&] {
    HeadSink sink;
    copy_head(sink, [&] { return sink.is_full(); });
    form_ = known_form_of(sink.head());
    if (form_ == DumpForm::archive) client_version_ = least_pg_restore(sink.head());
  });
}

uint64_t OldDump::copy(Sink& sink, Clock& clock, Log& log) {
  const std::optional<std::string> sum = read_sum();
  EndCheck end(sink, form_);
  UnpackSink unpack(end);
  ProgressSink progress(unpack, backup_.group, backup_.bytes, clock, log);
  HashSink stored(progress);
  Sink& first = sum ? static_cast<Sink&>(stored) : progress;
  const std::string key = backup_.commit_key();
  look_for_damage(store_.location(key), [&] {
    pour(*store_.open(key), first);
    if (sum && stored.sha256() != *sum) {
      throw damaged(fmt::format("it has another SHA-256 than {} says", sum_key()));
    }
    first.finish();
  });
  return end.bytes();
}

void OldDump::copy_head(Sink& sink, const std::function<bool()>& enough) {
  constexpr size_t kStep = size_t{64} << 10U;
  UnpackSink unpack(sink);
  std::vector<char> buffer(kStep);
  const std::unique_ptr<Source> source = store_.open(backup_.commit_key());
  while (const size_t got = source->read(buffer)) {
    unpack.write({buffer.data(), got});
    if (enough()) return;
  }
  unpack.finish();
}

std::string OldDump::sum_key() const { return backup_.commit_key() + ".sha256"; }

std::optional<std::string> OldDump::read_sum() const {
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
