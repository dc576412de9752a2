#include "common/service/push.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/printable.h"
#include "common/codec/encoding.h"
#include "common/service/report_config.h"

namespace pgbackup {
namespace {

/// Every user may read the file: node_exporter runs as another one.
constexpr mode_t kMode = 0644;

/// Returns the name as format_metrics() writes it: a group whose path and whose series differ makes
/// the gateway refuse everything from then on.
std::string database_of(const MetricSample& sample) {
  for (const auto& [name, value] : sample.labels) {
    if (name == kDatabaseLabel) return as_utf8(value);
  }
  return {};
}

/// Returns `/instance/db1`, or `/instance@base64/...`.
std::string label_path(std::string_view name, std::string_view given) {
  const std::string value = as_utf8(given);
  // A path of `.` or `..` would be taken for a step through directories.
  const bool is_plain = value.find_first_not_of('.') != std::string::npos &&
                        encode_percent(value) == value && value.find('~') == std::string::npos;
  if (is_plain) return fmt::format("/{}/{}", name, value);
  const std::string encoded = encode_base64_url(value);
  return fmt::format("/{}@base64/{}", name, encoded.empty() ? "=" : encoded);
}

/// Returns the path of the group in which an older system kept everything.
std::string path_of_instance(const PushLabels& labels) {
  return "/metrics" + label_path("job", labels.job) + label_path("instance", labels.instance);
}

/// Returns whether the gateway refuses metrics because of what it has, so that it helps to delete
/// that.
bool is_inconsistent(const Error& error) {
  return error.kind() == ErrorKind::conflict &&
         error.message().find("inconsistent with existing metrics") != std::string::npos;
}

void write_and_close(Fd file, std::string_view text, const std::string& name) {
  if (fchmod(file.get(), kMode) != 0) throw_errno(name);  // the umask may be stricter
  write_all(file.get(), text, name);
  if (fsync(file.get()) != 0) throw_errno(name);
}

}  // namespace

std::map<std::string, std::vector<MetricFamily>> split_by_database(
    const std::vector<MetricFamily>& families) {
  std::map<std::string, std::vector<MetricFamily>> groups;
  for (const MetricFamily& family : families) {
    for (const MetricSample& sample : family.samples) {
      std::vector<MetricFamily>& group = groups[database_of(sample)];
      if (group.empty() || group.back().name != family.name) {
        group.push_back({.name = family.name, .help = family.help, .type = family.type});
      }
      group.back().samples.push_back(sample);
    }
  }
  return groups;
}

std::string gateway_path(const PushLabels& labels, std::string_view database) {
  std::string path = path_of_instance(labels) + label_path("program", labels.program);
  if (!database.empty()) path += label_path(kDatabaseLabel, database);
  return path;
}

Pusher::Pusher(DeliveryMeans means, PushLabels labels)
    : means_(std::move(means)), labels_(std::move(labels)) {}

void Pusher::push(std::string_view url, const std::vector<MetricFamily>& families,
                  const std::stop_token& stop) {
  Receiver gateway(means_, kPushgatewayUrl, url);
  const auto groups = split_by_database(families);
  const auto put_or_refused = [&](const std::string& database,
                                  const auto& how) -> std::optional<Error> {
    try {
      (this->*how)(gateway, database, groups.at(database), stop);
      pushed_.insert(database);
      return std::nullopt;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::conflict) throw;
      return error;
    }
  };
  std::vector<std::string> refused;
  std::optional<Error> refusal;
  for (const auto& [database, metrics] : groups) {
    const std::optional<Error> error = put_or_refused(database, &Pusher::put_anew);
    if (!error) continue;
    if (!refusal) refusal = error;
    if (is_inconsistent(*error)) refused.push_back(database);
  }
  // What stood in the way may have been a group that has been replaced since.
  if (!refused.empty()) refusal.reset();
  for (const std::string& database : refused) {
    const std::optional<Error> error = put_or_refused(database, &Pusher::put);
    if (error && !refusal) refusal = error;
  }
  for (auto database = pushed_.begin(); database != pushed_.end();) {
    if (groups.contains(*database)) {
      ++database;
      continue;
    }
    gateway.send({.method = "DELETE", .suffix = gateway_path(labels_, *database)}, stop);
    database = pushed_.erase(database);
  }
  if (refusal) throw Error(*refusal);
}

void Pusher::put(Receiver& gateway, const std::string& database,
                 const std::vector<MetricFamily>& families, const std::stop_token& stop) {
  gateway.send({.method = "PUT",
                .suffix = gateway_path(labels_, database),
                .headers = {{"Content-Type", std::string(kMetricsContentType)}},
                .body = format_metrics(families)},
               stop);
}

/// Puts a group, and once more when what it and an older system have left there is deleted.
void Pusher::put_anew(Receiver& gateway, const std::string& database,
                      const std::vector<MetricFamily>& families, const std::stop_token& stop) {
  try {
    return put(gateway, database, families, stop);
  } catch (const Error& error) {
    if (!is_inconsistent(error)) throw;
  }
  gateway.send({.method = "DELETE", .suffix = gateway_path(labels_, database)}, stop);
  if (!std::exchange(is_instance_deleted_, true)) {
    gateway.send({.method = "DELETE", .suffix = path_of_instance(labels_)}, stop);
  }
  put(gateway, database, families, stop);
}

void write_textfile(const std::filesystem::path& path, std::string_view text) {
  // Random, because another process may be writing the same file.
  const std::string temporary = fmt::format("{}.{}.new", path.string(), random_hex(4));
  Fd file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kMode));
  if (!file.is_open()) throw_errno(path.string());
  try {
    write_and_close(std::move(file), text, path.string());
    if (rename(temporary.c_str(), path.c_str()) != 0) throw_errno(path.string());
  } catch (...) {
    static_cast<void>(unlink(temporary.c_str()));
    throw;
  }
}

}  // namespace pgbackup
