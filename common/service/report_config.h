// The settings of reports: who is told of each run. The URLs are secrets.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/options.h"
#include "common/base/secret.h"

namespace pgbackup {

// The names of the settings, for errors.
inline constexpr std::string_view kPingUrl = "PING_URL";
inline constexpr std::string_view kNotifyUrl = "NOTIFY_URL";
inline constexpr std::string_view kPushgatewayUrl = "PUSHGATEWAY_URL";
inline constexpr std::string_view kMetricsTextfile = "METRICS_TEXTFILE";

enum class NotifyOn { change, failure, always };
enum class NotifyFormat { json, slack, ntfy };

struct ReportConfig {
  std::string metrics_job;  ///< has the default of the program
  Secret ping_url{};
  Secret notify_url{};
  NotifyOn notify_on = NotifyOn::change;
  NotifyFormat notify_format = NotifyFormat::json;
  Secret pushgateway_url{};
  std::string metrics_instance{};  ///< check_report_config() puts the name of the host in its place
  std::filesystem::path metrics_textfile{};
};

/// Returns rows of the option table. The rows point into `config`, which must outlive them.
[[nodiscard]] std::vector<Option> report_options(ReportConfig& config);

/// Completes `config`, and adds to `parsed` one sentence for each setting that is wrong. A file of
/// a URL that cannot be read is worth a note only: backups are made without reports, and the file
/// is read again for each run.
void check_report_config(ReportConfig& config, ParsedOptions& parsed);

}  // namespace pgbackup
