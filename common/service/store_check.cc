#include "common/service/store_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "common/base/units.h"
#include "common/catalog/key_grammar.h"
#include "common/service/directory_check.h"
#include "common/store/dir_store.h"
#include "common/store/s3/probe.h"

namespace pgbackup {
namespace {

/// Checks one after the other, and keeps what was found.
class StoreChecker {
 public:
  StoreChecker(const StoreConfig& config, const StoreCheck& check, Clock& clock, Log& log,
               const std::stop_token& stop)
      : config_(config), check_(check), clock_(clock), log_(log), stop_(stop) {}

  void check_directory() {
    const std::string area = config_.backup_dir.string();
    try {
      DirStore store(config_.backup_dir, clock_);
      add({{.area = area, .subject = "directory", .sentence = "it is there and can be read"}});
      if (check_.depth == CheckDepth::full) look_into(store, area);
    } catch (...) {
      fail(area, "directory");
    }
  }

  void check_bucket() {
    const S3Config& s3 = config_.s3;
    const BucketWish wish{
        .user = check_.user,
        .area = fmt::format("s3://{}/{}", s3.bucket, normalized_prefix(s3.prefix)),
        .prefix = normalized_prefix(s3.prefix),
        .is_conditional = s3.write.is_conditional,
        .locks = s3.write.lock_mode != S3LockMode::none,
        .deletes_versions = s3.delete_versions};
    try {
      S3Probe probe(bucket_config(), clock_, log_, stop_);
      if (check_.depth == CheckDepth::reach) return add(judge_reach(probe.look(), wish));
      const S3ProbeFacts facts = check_.user == StoreUser::writer
                                     ? probe.try_writing(new_folder())
                                     : probe.try_removing(new_folder());
      add(judge_bucket(facts, wish));
      if (check_.user == StoreUser::writer && facts.put.is_done) add_size(wish.area);
      if (facts.list.is_done) read_backups(wish.area);
    } catch (...) {
      fail(wish.area, "server");
    }
  }

  Findings take() { return std::move(findings_); }

 private:
  void add(Findings findings) { append_findings(findings_, std::move(findings)); }
  void fail(const std::string& area, const char* subject) {
    add({finding_of(current_failure(), FindingLevel::failed, area, subject)});
  }

  /// Returns the settings of the bucket for a check, which does not wait for long.
  [[nodiscard]] S3Config bucket_config() const {
    S3Config config = s3_config(config_, clock_);
    config.retry.total = std::min<std::chrono::milliseconds>(config.retry.total, kCheckPatience);
    return config;
  }

  [[nodiscard]] std::string new_folder() const {
    const Group group = check_.group.is_named() ? check_.group : Group::globals();
    return backup_folder(group, make_backup_id(clock_.now()));
  }

  void look_into(Store& store, const std::string& area) {
    add(check_.user == StoreUser::writer ? check_writing(store, new_folder(), area)
                                         : check_deleting(config_.backup_dir, area));
    const std::vector<GroupBackups> groups = judge(store, area);
    if (check_.user == StoreUser::writer) {
      add(check_space(config_.backup_dir, need_of(groups), area));
    }
  }

  void read_backups(const std::string& area) {
    S3Store store(bucket_config(), clock_, log_, stop_);
    static_cast<void>(judge(store, area));
  }

  /// Compares the largest database with what one object holds.
  void add_size(const std::string& area) {
    uint64_t largest = 0;
    for (const auto& [group, bytes] : check_.sizes) largest = std::max(largest, bytes);
    const uint64_t limit = config_.s3.part_bytes * static_cast<uint64_t>(config_.s3.max_parts);
    if (largest == 0) return;
    add({{.area = area,
          .subject = "size",
          .sentence = fmt::format("the largest database has {} on disk, and an object holds {}{}",
                                  format_bytes(largest), format_bytes(limit),
                                  largest > limit ? ": its backup may take several" : "")}});
  }

  /// Judges the backups, and returns what there is.
  std::vector<GroupBackups> judge(Store& store, const std::string& area) {
    try {
      store.use_signatures(signatures_of(config_.signatures));
      if (check_.judge_backups) {
        add(check_.judge_backups(store, area));
        return {};
      }
      const UtcTime now = store.now();
      std::vector<GroupBackups> groups = read_newest(store, check_.adoption, now);
      add(judge_backups(groups,
                        {.area = area, .groups = check_.wanted, .schedule = check_.schedule}, now));
      if (check_.further) add(check_.further(store, area, groups));
      return groups;
    } catch (...) {
      fail(area, "backups");
      return {};
    }
  }

  /// Returns the size of the next backups: of each group that of its newest one, else that of the
  /// database. Returns nullopt where one is not known.
  [[nodiscard]] std::optional<uint64_t> need_of(const std::vector<GroupBackups>& groups) const {
    uint64_t need = 0;
    for (const Group& group : check_.wanted) {
      const auto stored = std::find_if(groups.begin(), groups.end(), [&](const GroupBackups& one) {
        return one.group == group && one.newest;
      });
      const auto size = check_.sizes.find(group);
      if (stored != groups.end()) {
        need += stored->newest->bytes;
      } else if (size != check_.sizes.end()) {
        need += size->second;
      } else if (group.kind() != GroupKind::globals) {
        return std::nullopt;
      }
    }
    return check_.wanted.empty() ? std::nullopt : std::optional(need);
  }

  const StoreConfig& config_;
  const StoreCheck& check_;
  Clock& clock_;
  Log& log_;
  const std::stop_token& stop_;
  Findings findings_;
};

}  // namespace

Findings check_stores(const StoreConfig& config, const StoreCheck& check, Clock& clock, Log& log,
                      const std::stop_token& stop) {
  StoreChecker checker(config, check, clock, log, stop);
  if (!config.backup_dir.empty()) checker.check_directory();
  if (!config.s3.bucket.empty()) checker.check_bucket();
  return checker.take();
}

}  // namespace pgbackup
