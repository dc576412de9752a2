#include "common/store/s3/versions.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "common/store/s3/list.h"

namespace pgbackup {
namespace {

constexpr const char* kNeedsVersions =
    "S3_DELETE_VERSIONS=true is for servers that keep versions: is it meant for this one?";

/// Groups keys by the shortest prefix that lists them all: the key itself, or the directory of
/// several.
std::map<std::string, std::set<std::string>> by_prefix(std::span<const S3ObjectName> objects) {
  std::map<std::string, std::set<std::string>> folders;
  for (const S3ObjectName& object : objects) {
    folders[object.key.substr(0, object.key.rfind('/') + 1)].insert(object.key);
  }
  std::map<std::string, std::set<std::string>> prefixes;
  for (auto& [folder, keys] : folders) {
    const bool is_single = keys.size() == 1;
    prefixes.emplace(is_single ? *keys.begin() : folder, std::move(keys));
  }
  return prefixes;
}

}  // namespace

std::vector<S3RemovalFailure> S3VersionRemover::remove_all(std::span<const S3ObjectName> objects) {
  const Versions versions = find(objects);
  // The current version is deleted last, and only when no older one is left: a delete marker that
  // goes while a version stays would bring the object back.
  remove(versions, false);
  remove(versions, true);
  std::vector<S3RemovalFailure> failures;
  for (auto& [key, failure] : failures_) failures.push_back(std::move(failure));
  return failures;
}

S3VersionRemover::Versions S3VersionRemover::find(std::span<const S3ObjectName> objects) {
  Versions found;
  std::optional<Error> unanswered;  // the others would wait as long for the same error
  for (const auto& [prefix, keys] : by_prefix(objects)) {
    if (stop_.stop_requested()) throw Error(ErrorKind::canceled, "stopped on request");
    try {
      if (unanswered) throw Error(*unanswered);
      list_versions(
          client_, transport_, {.prefix = prefix},
          [&, &wanted = keys](const S3VersionEntry& version) {
            if (wanted.contains(version.object.key)) found.push_back(version);
          },
          stop_);
    } catch (...) {
      const Error error = current_failure();
      if (is_retryable(error.kind())) unanswered = error;
      const Error told = error.kind() == ErrorKind::failed && error.hint().empty()
                             ? Error(error.kind(), error.message(), kNeedsVersions)
                             : error;
      for (const std::string& key : keys) note(key, told);
    }
  }
  return found;
}

void S3VersionRemover::remove(const Versions& versions, bool latest) {
  std::vector<S3ObjectName> objects;
  for (const S3VersionEntry& version : versions) {
    const bool is_due = version.is_latest == latest && !failures_.contains(version.object.key);
    if (is_due) objects.push_back(version.object);
  }
  for (const S3RemovalFailure& failure : remover_.remove_all(transport_, objects)) {
    const bool is_refused = failure.error.kind() == ErrorKind::denied ||  // MinIO: 400
                            failure.error.kind() == ErrorKind::failed;
    note(failure.object.key, failure.error, is_refused ? lock_of(failure.object) : "");
  }
}

/// Keeps the failure of a key. A fault takes precedence over a lock.
void S3VersionRemover::note(const std::string& key, const Error& error, const std::string& lock) {
  const auto [place, is_new] =
      failures_.try_emplace(key, S3RemovalFailure{.object = {key}, .error = error, .lock = lock});
  if (!is_new && lock.empty()) place->second = {.object = {key}, .error = error};
}

/// Returns how a version is locked. Returns an empty string when it is not locked, or when this key
/// pair lacks the permission to ask (AWS wants GetObjectRetention).
std::string S3VersionRemover::lock_of(const S3ObjectName& version) {
  if (is_unanswered_) return "";  // the others would wait as long for the same error
  try {
    const HttpResponse head = client_.send(transport_,
                                           {.method = "HEAD",
                                            .key = version.key,
                                            .query = {{"versionId", version.version_id}},
                                            .returned = ErrorKind::not_found},
                                           stop_);
    if (head.header("x-amz-object-lock-legal-hold") == "ON") return "under a legal hold";
    const auto until = parse_iso(head.header("x-amz-object-lock-retain-until-date"));
    const UtcTime now =
        client_.server_time(std::chrono::minutes(5)).value_or(client_.clock().now());
    return until && *until > now ? fmt::format("locked until {}", format_iso(*until)) : "";
  } catch (...) {
    is_unanswered_ = is_retryable(current_failure().kind());
    return "";  // the caller reports the refusal itself
  }
}

}  // namespace pgbackup
