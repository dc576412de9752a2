// Hands over metrics after a run: to a Pushgateway of Prometheus, or as a file that node_exporter
// reads. A daemon that is scraped needs neither.
// https://github.com/prometheus/pushgateway/blob/master/README.md
// https://github.com/prometheus/node_exporter#textfile-collector
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/http/receiver.h"
#include "common/service/metrics.h"

namespace pgbackup {

/// Names the label by which pushed metrics are split into groups of the gateway.
inline constexpr std::string_view kDatabaseLabel = "database";

/// Splits metrics by the label kDatabaseLabel. The metrics without it are under "". A gateway that
/// has the same series in two of its groups refuses everything from then on, so each series belongs
/// to exactly one group, whatever else is pushed. Pure.
[[nodiscard]] std::map<std::string, std::vector<MetricFamily>> split_by_database(
    const std::vector<MetricFamily>& families);

/// Holds the labels that all groups of one program have.
struct PushLabels {
  std::string job;       ///< METRICS_JOB
  std::string instance;  ///< METRICS_INSTANCE
  std::string program;   ///< `pg-backup`: both programs may have the same job and instance
};

/// Returns the path of a group of the gateway:
/// `/metrics/job/pg_backup/instance/db1/program/pg-backup`, and `/database/app` where there is one.
/// Other bytes than letters, digits, `.`, `-` and `_` are sent in Base64. Pure.
[[nodiscard]] std::string gateway_path(const PushLabels& labels, std::string_view database);

/// Pushes to one gateway. Used by one thread.
class Pusher {
 public:
  Pusher(DeliveryMeans means, PushLabels labels);

  /// Replaces the groups of this program: one for each database, so that another process that
  /// pushes under the same labels replaces only the databases that it knows, too. A group that does
  /// not agree with what the gateway has is deleted and pushed again. So is, once, what an older
  /// system has pushed under the same job and instance. The type of a metric must be the same in
  /// all groups, so what is refused still is tried again after the others. It does not stop them.
  /// Deletes the groups of
  /// databases that an earlier call pushed and that are gone. Throws what Receiver throws.
  void push(std::string_view url, const std::vector<MetricFamily>& families,
            const std::stop_token& stop);

 private:
  void put(Receiver& gateway, const std::string& database,
           const std::vector<MetricFamily>& families, const std::stop_token& stop);
  void put_anew(Receiver& gateway, const std::string& database,
                const std::vector<MetricFamily>& families, const std::stop_token& stop);

  const DeliveryMeans means_;
  const PushLabels labels_;
  std::set<std::string> pushed_;  ///< databases
  bool is_instance_deleted_ = false;
};

/// Replaces `path` by `text`, so that a reader sees the old file or the new one. Its temporary name
/// does not end in `.prom`, because node_exporter would read it. Every user may read the file.
/// Throws what the file system says.
void write_textfile(const std::filesystem::path& path, std::string_view text);

}  // namespace pgbackup
