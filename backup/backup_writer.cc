#include "backup/backup_writer.h"

#include <fmt/format.h>

#include <utility>

#include "backup/commit.h"
#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {

/// One target's object in the making. Its finish() is the commit, so that a target that is done
/// does not wait for the next one.
class BackupWriter::Branch final : public Sink {
 public:
  Branch(BackupWriter& parent, const StoreTarget& target, const std::string& key)
      : parent_(parent), target_(target), writer_(target.store().create(key)) {}

  void write(std::string_view bytes) override { writer_->write(bytes); }
  void finish() override {
    writer_->finish();
    parent_.commit(target_, writer_->stored());
    writer_.reset();
  }
  void abandon() { writer_.reset(); }
  /// Neither committed nor abandoned.
  [[nodiscard]] bool is_open() const { return writer_ != nullptr; }
  [[nodiscard]] const std::string& target() const { return target_.name(); }

 private:
  BackupWriter& parent_;
  const StoreTarget& target_;
  std::unique_ptr<ObjectWriter> writer_;
};

BackupWriter::BackupWriter(SomeTargets targets, const std::string& key, Clock& clock, Log& log)
    : targets_(std::move(targets)), clock_(clock), log_(log) {
  std::vector<Sink*> sinks;
  for (const StoreTarget* const target : targets_) {
    try {
      sinks.push_back(branches_.emplace_back(std::make_unique<Branch>(*this, *target, key)).get());
    } catch (...) {
      note(target->name(), current_failure());
    }
  }
  if (sinks.empty()) throw join_failures(failures_);
  tee_.emplace(std::move(sinks), [this](Sink& sink, const Error& error) {
    // These are the only sinks that it was given.
    let_go(static_cast<Branch&>(sink), error);
  });
}

BackupWriter::~BackupWriter() = default;

void BackupWriter::write(std::string_view bytes) {
  try {
    tee_->write(bytes);
  } catch (...) {
    throw failure_of_all(current_error());
  }
}

void BackupWriter::finish() {
  try {
    tee_->finish();
  } catch (...) {
    const Error error = current_error();
    if (written_.empty()) throw failure_of_all(error);
    // Stopped when one target was done already. Its backup stays; only the others have none.
    for (const std::unique_ptr<Branch>& branch : branches_) {
      if (branch->is_open()) let_go(*branch, error);
    }
  }
}

void BackupWriter::commit(const StoreTarget& target, const std::vector<StoredObject>& objects) {
  Manifest manifest = manifest_.value();
  manifest.finished = clock_.now();
  for (const StoredObject& object : objects) {
    manifest.objects.push_back(
        {object.key.substr(object.key.rfind('/') + 1), object.bytes, object.sha256});
  }
  commit_backup(target.store(), manifest, objects, log_);
  log_written(target.name(), manifest);
  written_.push_back({target.name(), std::move(manifest)});
}

void BackupWriter::log_written(const std::string& target, const Manifest& manifest) {
  uint64_t stored = 0;
  for (const ManifestObject& object : manifest.objects) stored += object.bytes;
  LogFields fields = {{"id", manifest.id},
                      {"size", format_bytes(stored)},
                      {"plain", format_bytes(manifest.plain_bytes)},
                      {"seconds", std::to_string((manifest.finished - manifest.started).count())}};
  if (!target.empty()) fields.emplace_back("target", target);
  log_.info(fmt::format("backed up {}", manifest.group), fields);
}

void BackupWriter::let_go(Branch& branch, const Error& error) {
  note(branch.target(), error);
  branch.abandon();
}

void BackupWriter::note(const std::string& target, const Error& error) {
  failures_.push_back({target, error});
  if (failures_.size() == targets_.size()) return;  // thrown, and said there
  LogFields fields;
  if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
  log_.warn(fmt::format("{} gets no backup this time: {}", target, error.message()), fields);
}

/// What write() or finish() throw: `canceled` as it is, else what all targets said.
Error BackupWriter::failure_of_all(const Error& error) const {
  return failures_.size() == targets_.size() ? join_failures(failures_) : error;
}

}  // namespace pgbackup
