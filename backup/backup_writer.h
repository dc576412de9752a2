// The end of the chain: one stream into every target, where it becomes a backup. Each target is
// complete in itself or holds nothing of it, whatever happens to the others.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/catalog/manifest.h"
#include "common/codec/sink.h"
#include "common/store/targets.h"

namespace pgbackup {

class BackupWriter final : public Sink {
 public:
  struct Written {
    std::string target;  ///< its name
    Manifest manifest;   ///< as committed there
  };

  /// Begins the object `key` in each target; throws when none takes it. They must outlive it.
  BackupWriter(SomeTargets targets, const std::string& key, Clock& clock, Log& log);
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;
  ~BackupWriter() override;

  /// Throws when no target is left, and `canceled`. A target that fails while others go on is
  /// logged at once, and what it has of the backup is removed.
  void write(std::string_view bytes) override;
  /// What finish() commits: all but the objects and the time of the end, which each target adds.
  void describe(Manifest manifest) { manifest_ = std::move(manifest); }
  /// Target by target: finishes the object, writes the manifest and logs it. Throws when none
  /// succeeded.
  void finish() override;

  [[nodiscard]] const std::vector<Written>& written() const { return written_; }
  [[nodiscard]] const std::vector<TargetFailure>& failures() const { return failures_; }

 private:
  class Branch;

  void commit(const StoreTarget& target, const std::vector<StoredObject>& objects);
  void log_written(const std::string& target, const Manifest& manifest);
  void let_go(Branch& branch, const Error& error);
  void note(const std::string& target, const Error& error);
  [[nodiscard]] Error failure_of_all(const Error& error) const;

  SomeTargets targets_;
  Clock& clock_;
  Log& log_;
  std::vector<std::unique_ptr<Branch>> branches_;
  std::optional<Tee> tee_;
  std::optional<Manifest> manifest_;
  std::vector<Written> written_;
  std::vector<TargetFailure> failures_;
};

}  // namespace pgbackup
