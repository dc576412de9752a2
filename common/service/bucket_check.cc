#include "common/service/bucket_check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "common/base/due.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

/// Gives the days that a backup may take with all its attempts; a shorter rule ends its uploads.
constexpr int kLeastAbortDays = 3;

constexpr std::array<std::string_view, 2> kArchiveClasses = {"GLACIER", "DEEP_ARCHIVE"};

std::string_view policy_of(StoreUser user) {
  return user == StoreUser::writer ? "deploy/iam/pg-backup.json" : "deploy/iam/pg-prune.json";
}

/// Describes a permission that is needed.
struct Permission {
  std::string_view subject;
  std::string_view action;    ///< of a policy: `s3:PutObject`
  std::string_view what_is;   ///< a clause for when it is there
  bool is_of_bucket = false;  ///< granted for the bucket, not for objects below the prefix
  bool is_fatal = true;
};

class BucketJudge {
 public:
  explicit BucketJudge(const BucketWish& wish) : wish_(wish) {}

  void add(FindingLevel level, std::string_view subject, std::string sentence,
           std::string advice = {}, bool is_fatal = false) {
    findings_.push_back({.level = level,
                         .area = wish_.area,
                         .subject = std::string(subject),
                         .sentence = std::move(sentence),
                         .advice = std::move(advice),
                         .is_fatal = is_fatal});
  }

  void need(const S3Trial& trial, const Permission& permission) {
    if (trial.is_done) {
      add(FindingLevel::ok, permission.subject, std::string(permission.what_is));
    } else if (trial.is_forbidden()) {
      add(FindingLevel::attention, permission.subject, trial.error->message(),
          fmt::format("grant {} on {}: {} has the policy", permission.action,
                      permission.is_of_bucket ? "the bucket" : "the objects below the prefix",
                      policy_of(wish_.user)),
          permission.is_fatal);
    } else if (trial.error) {
      add(FindingLevel::attention, permission.subject, trial.error->message(), trial.error->hint(),
          permission.is_fatal);
    }
  }

  Findings take() { return std::move(findings_); }

 private:
  const BucketWish& wish_;
  Findings findings_;
};

void judge_server(const S3ProbeFacts& facts, BucketJudge& judge) {
  const bool is_known = facts.list.is_done || facts.list.is_forbidden();
  if (!is_known) {
    const Error error = facts.list.error.value_or(Error(ErrorKind::failed, "it was not asked"));
    judge.add(FindingLevel::failed, "server", error.message(), error.hint(), true);
    return;
  }
  judge.add(FindingLevel::ok, "server",
            fmt::format("{} answers and knows the keys", facts.address));
  if (facts.region == facts.asked_region) {
    judge.add(FindingLevel::ok, "region", facts.region);
  } else {
    judge.add(FindingLevel::attention, "region",
              fmt::format("the bucket is in {}, and {} was tried first", facts.region,
                          facts.asked_region),
              fmt::format("set S3_REGION={}", facts.region));
  }
}

void judge_clock(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  if (!facts.ahead) return;
  const std::chrono::seconds difference = std::chrono::abs(*facts.ahead);
  if (difference <= kClockStep) {
    judge.add(FindingLevel::ok, "clock",
              fmt::format("differs from the server's by {}", format_duration(difference)));
    return;
  }
  judge.add(FindingLevel::attention, "clock",
            fmt::format("this machine is {} {} the server", format_age(difference),
                        facts.ahead->count() > 0 ? "behind" : "ahead of"),
            wish.user == StoreUser::writer
                ? "set the clock of this machine (NTP)"
                : "set the clock of this machine (NTP): pg-prune refuses to delete by a wrong one");
}

void judge_writing(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  if (facts.conditional_put.is_done) {
    judge.add(FindingLevel::attention, "permission to write",
              "the bucket takes only writes that do not overwrite (If-None-Match)",
              "set S3_CONDITIONAL_WRITES=true", true);
  } else {
    judge.need(facts.put,
               {.subject = "permission to write",
                .action = wish.locks ? "s3:PutObject and s3:PutObjectRetention" : "s3:PutObject",
                .what_is = "an object was written"});
  }
  judge.need(facts.get, {.subject = "permission to read",
                         .action = "s3:GetObject",
                         .what_is = "the object was read back"});
  judge.need(facts.create_upload,
             {.subject = "uploads in parts", .action = "s3:PutObject", .what_is = "one was begun"});
  judge.need(facts.list_uploads, {.subject = "permission to list uploads",
                                  .action = "s3:ListBucketMultipartUploads",
                                  .what_is = "unfinished uploads can be found",
                                  .is_of_bucket = true,
                                  .is_fatal = false});
  judge.need(facts.abort_upload, {.subject = "permission to abort uploads",
                                  .action = "s3:AbortMultipartUpload",
                                  .what_is = "the upload was given up again",
                                  .is_fatal = false});
}

void judge_removing(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  judge.need(facts.list_uploads, {.subject = "permission to list uploads",
                                  .action = "s3:ListBucketMultipartUploads",
                                  .what_is = "unfinished uploads can be found",
                                  .is_of_bucket = true});
  judge.need(facts.list_parts, {.subject = "permission to list parts",
                                .action = "s3:ListMultipartUploadParts",
                                .what_is = "the age of unfinished uploads can be told",
                                .is_fatal = false});
  judge.need(facts.abort_upload, {.subject = "permission to abort uploads",
                                  .action = "s3:AbortMultipartUpload",
                                  .what_is = "unfinished uploads can be swept",
                                  .is_fatal = false});
  judge.need(facts.remove, {.subject = "permission to delete",
                            .action = "s3:DeleteObject",
                            .what_is = "backups can be deleted"});
  if (!wish.deletes_versions) return;
  judge.need(facts.remove_version, {.subject = "permission to delete versions",
                                    .action = "s3:DeleteObjectVersion",
                                    .what_is = "versions can be deleted"});
}

/// Judges that pg-backup may not delete.
void judge_unwanted_rights(const S3ProbeFacts& facts, BucketJudge& judge) {
  constexpr const char* kAdvice =
      "take s3:DeleteObject and s3:DeleteObjectVersion away: deploy/iam/pg-backup.json has all "
      "that is needed";
  if (facts.remove_version.is_done) {
    judge.add(FindingLevel::attention, "permission to delete",
              "these keys may delete backups with all their versions: whoever steals them can "
              "destroy every backup",
              kAdvice);
  } else if (facts.remove.is_done) {
    judge.add(FindingLevel::attention, "permission to delete",
              "these keys may delete backups: whoever steals them can destroy every backup",
              kAdvice);
  } else if (facts.remove.is_forbidden()) {
    judge.add(FindingLevel::ok, "permission to delete", "these keys lack it, as they should");
  } else if (facts.remove.error) {
    judge.add(FindingLevel::unknown, "permission to delete", facts.remove.error->message());
  }
  if (facts.left_behind.empty()) return;
  judge.add(FindingLevel::ok, "left behind",
            fmt::format("{}, which pg-prune sweeps", facts.left_behind));
}

void judge_condition(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  constexpr std::string_view kSubject = "conditional writes";
  if (facts.condition.is_done) {
    judge.add(FindingLevel::ok, kSubject,
              wish.is_conditional
                  ? "the server refuses to overwrite"
                  : "the server can refuse to overwrite; S3_CONDITIONAL_WRITES=true "
                    "would ask for it");
    return;
  }
  const bool was_tried = facts.put.is_done;
  if (!was_tried) return;
  const std::string sentence = facts.condition.error
                                   ? facts.condition.error->message()
                                   : "the server ignores If-None-Match and overwrites";
  if (wish.is_conditional) {
    judge.add(FindingLevel::attention, kSubject, sentence,
              "unset S3_CONDITIONAL_WRITES, which protects nothing here",
              facts.condition.error.has_value());
  } else {
    judge.add(FindingLevel::ok, kSubject, sentence + "; no promise of pg-backup needs it");
  }
}

bool touches(const S3LifecycleRule& rule, const std::string& prefix) {
  return !rule.is_of_tagged && (prefix.starts_with(rule.prefix) || rule.prefix.starts_with(prefix));
}

std::string title_of_rule(const S3LifecycleRule& rule) {
  return fmt::format("the rule {}for '{}*'", rule.id.empty() ? "" : "'" + rule.id + "' ",
                     rule.prefix);
}

void judge_rule(const S3LifecycleRule& rule, BucketJudge& judge, bool& is_harmless) {
  constexpr std::string_view kSubject = "life cycle";
  const auto object = [&](std::string sentence, std::string advice) {
    judge.add(FindingLevel::attention, kSubject, std::move(sentence), std::move(advice));
    is_harmless = false;
  };
  if (rule.expires) {
    object(fmt::format("{} deletes backups {}, whatever pg-prune decides", title_of_rule(rule),
                       rule.expiration_days ? fmt::format("after {} days", *rule.expiration_days)
                                            : "at a date"),
           "take its Expiration away, and let pg-prune delete");
  }
  if (rule.abort_days && *rule.abort_days < kLeastAbortDays) {
    object(
        fmt::format("{} gives up uploads after {} {}: a backup that takes longer fails",
                    title_of_rule(rule), *rule.abort_days, *rule.abort_days == 1 ? "day" : "days"),
        fmt::format("raise DaysAfterInitiation to {} or more", kLeastAbortDays));
  }
  for (const std::string& storage_class : rule.storage_classes) {
    const bool is_archive = std::find(kArchiveClasses.begin(), kArchiveClasses.end(),
                                      storage_class) != kArchiveClasses.end();
    if (!is_archive) continue;
    object(fmt::format("{} moves backups to {}, where none can be read before it is thawed",
                       title_of_rule(rule), storage_class),
           "take the transition away, or choose GLACIER_IR");
  }
}

void judge_lifecycle(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  constexpr std::string_view kSubject = "life cycle";
  if (!facts.lifecycle.obstacle.empty()) {
    judge.add(FindingLevel::unknown, kSubject, facts.lifecycle.obstacle);
    return;
  }
  bool is_harmless = true;
  if (facts.lifecycle.settings) {
    for (const S3LifecycleRule& rule : *facts.lifecycle.settings) {
      if (touches(rule, wish.prefix)) judge_rule(rule, judge, is_harmless);
    }
  }
  if (is_harmless) {
    judge.add(FindingLevel::ok, kSubject, "no rule of the bucket harms backups or uploads");
  }
}

/// Returns whether a rule deletes hidden versions of ours; true where that is not known.
bool may_expire_versions(const S3ProbeFacts& facts, const BucketWish& wish) {
  if (!facts.lifecycle.obstacle.empty()) return true;
  const auto rules = facts.lifecycle.settings.value_or(std::vector<S3LifecycleRule>());
  return std::any_of(rules.begin(), rules.end(), [&](const S3LifecycleRule& rule) {
    return rule.expires_noncurrent && touches(rule, wish.prefix);
  });
}

void judge_versioning(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  constexpr std::string_view kSubject = "versions";
  if (!facts.versioning.obstacle.empty()) {
    judge.add(FindingLevel::unknown, kSubject, facts.versioning.obstacle);
    return;
  }
  const bool is_kept = facts.versioning.settings == S3Versioning::enabled;
  if (!is_kept) {
    judge.add(FindingLevel::ok, kSubject, "the bucket keeps none");
  } else if (wish.user == StoreUser::remover && !wish.deletes_versions &&
             !may_expire_versions(facts, wish)) {
    judge.add(FindingLevel::attention, kSubject,
              "the bucket keeps them, so what pg-prune deletes is only hidden, and takes space for "
              "ever",
              "add a rule NoncurrentVersionExpiration to the bucket's life cycle, or set "
              "S3_DELETE_VERSIONS=true");
  } else {
    judge.add(FindingLevel::ok, kSubject, "the bucket keeps them");
  }
}

void judge_lock(const S3ProbeFacts& facts, const BucketWish& wish, BucketJudge& judge) {
  constexpr std::string_view kSubject = "Object Lock";
  if (!facts.lock.obstacle.empty()) {
    judge.add(FindingLevel::unknown, kSubject, facts.lock.obstacle);
    return;
  }
  const bool is_enabled = facts.lock.settings && facts.lock.settings->is_enabled;
  const std::string default_mode = is_enabled ? facts.lock.settings->default_mode : "";
  if (wish.locks && !is_enabled) {
    judge.add(
        FindingLevel::attention, kSubject,
        "S3_OBJECT_LOCK_MODE is set, and the bucket has no Object Lock",
        "unset S3_OBJECT_LOCK_MODE and S3_OBJECT_LOCK_RETENTION, or make a bucket with Object "
        "Lock",
        true);
  } else if (wish.user == StoreUser::writer && !wish.locks && !default_mode.empty()) {
    judge.add(
        FindingLevel::attention, kSubject,
        fmt::format("the bucket locks by default ({}), which servers allow only with an MD5 of "
                    "what is written",
                    default_mode),
        "set S3_OBJECT_LOCK_MODE and S3_OBJECT_LOCK_RETENTION, too");
  } else if (is_enabled) {
    judge.add(FindingLevel::ok, kSubject,
              wish.locks ? "the bucket has it" : "the bucket has it, and no setting asks for it");
  } else {
    judge.add(FindingLevel::ok, kSubject, "the bucket has none");
  }
}

}  // namespace

Findings judge_reach(const S3ProbeFacts& facts, const BucketWish& wish) {
  BucketJudge judge(wish);
  judge_server(facts, judge);
  judge_clock(facts, wish, judge);
  if (facts.list.is_done || facts.list.is_forbidden()) {
    judge.need(facts.list, {.subject = "permission to list",
                            .action = "s3:ListBucket",
                            .what_is = "backups can be listed",
                            .is_of_bucket = true});
  }
  return judge.take();
}

Findings judge_bucket(const S3ProbeFacts& facts, const BucketWish& wish) {
  Findings findings = judge_reach(facts, wish);
  if (!facts.list.is_done && !facts.list.is_forbidden()) return findings;
  BucketJudge judge(wish);
  if (wish.user == StoreUser::writer) {
    judge_writing(facts, wish, judge);
    judge_unwanted_rights(facts, judge);
    judge_condition(facts, wish, judge);
  } else {
    judge_removing(facts, wish, judge);
  }
  judge_lifecycle(facts, wish, judge);
  judge_versioning(facts, wish, judge);
  judge_lock(facts, wish, judge);
  append_findings(findings, judge.take());
  return findings;
}

}  // namespace pgbackup
