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

/// Returns the path of a group of the gateway: `/metrics/job/pg_backup/instance/db1`, and
/// `/database/app` where there is one. Other bytes than letters, digits, `.`, `-` and `_` are sent
/// in Base64. Pure.
[[nodiscard]] std::string gateway_path(std::string_view job, std::string_view instance,
                                       std::string_view database);

/// Pushes to one gateway. Used by one thread.
class Pusher {
 public:
  Pusher(DeliveryMeans means, std::string job, std::string instance);

  /// Replaces the groups of this job and instance: one for each database, so that another process
  /// that pushes under the same names replaces only the databases that it knows, too. A group that
  /// the gateway refuses is deleted and pushed again, since the type of a metric cannot change
  /// otherwise; one that is refused still does not stop the others. Deletes the groups of databases
  /// that an earlier call pushed and that are gone. Throws what Receiver throws.
  void push(std::string_view url, const std::vector<MetricFamily>& families,
            const std::stop_token& stop);

 private:
  void put(Receiver& gateway, const std::string& database,
           const std::vector<MetricFamily>& families, const std::stop_token& stop);

  const DeliveryMeans means_;
  const std::string job_;
  const std::string instance_;
  std::set<std::string> pushed_;  ///< databases
};

/// Replaces `path` by `text`, so that a reader sees the old file or the new one. Its temporary name
/// does not end in `.prom`, because node_exporter would read it. Every user may read the file.
/// Throws what the file system says.
void write_textfile(const std::filesystem::path& path, std::string_view text);

}  // namespace pgbackup
