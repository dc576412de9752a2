// Sends messages about runs to NOTIFY_URL: when something begins to fail, and when it no longer
// does. docs/notifications.md lists the fields of the JSON form.
#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "common/http/receiver.h"
#include "common/service/courier.h"
#include "common/service/report_config.h"

namespace pgbackup {

/// Says what a message is about.
enum class NoticeKind {
  failure,   ///< something is wrong after the run
  recovery,  ///< all is well again
  success,   ///< all is well, as before
};

struct Notice {
  NoticeKind kind = NoticeKind::success;
  std::vector<std::string> recovered{};  ///< names of what was wrong before and no longer is
};

/// Decides whether a report is told, and as what. `told` holds the names of the troubles that the
/// receiver knows of; nullopt before the first message of the process. Pure.
[[nodiscard]] std::optional<Notice> decide_notice(const RunReport& report, NotifyOn on,
                                                  const std::optional<std::set<std::string>>& told);

/// Returns the message in the form that the receiver takes. Pure.
[[nodiscard]] Message format_notice(const RunReport& report, const Notice& notice,
                                    NotifyFormat format);

/// Holds what the receiver knows. Used by one thread.
class Notifier {
 public:
  Notifier(DeliveryMeans means, NotifyOn on, NotifyFormat format);

  /// Sends what there is to say. What could not be delivered is said with the next report. Throws
  /// what Receiver throws.
  void tell(const Letter& letter, const std::stop_token& stop);

 private:
  const DeliveryMeans means_;
  const NotifyOn on_;
  const NotifyFormat format_;
  std::optional<std::set<std::string>> told_;
};

}  // namespace pgbackup
