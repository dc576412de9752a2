// `health`: is the daemon that runs beside us late? Asked over an abstract Unix socket (unix(7)):
// no file, no port, so it works on a read-only root without shell or network. Such names belong to
// the network namespace: of a container, of all containers of one Kubernetes pod, of a machine.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/service/daemon.h"

namespace pgbackup {

struct Health {
  bool is_well = false;
  std::string sentence;  ///< one line
};

/// Pure. Unwell is who is late by late_from(), or, with `max_age`, whose last success began longer
/// ago than that. The first run of a daemon has a whole period for itself unless it fails, however
/// late it begins: who restarts what is unwell would cut off its catching up for ever. A success
/// that lies in the future proves nothing: unwell.
[[nodiscard]] Health judge(const DaemonStatus& status, const DaemonWork& work,
                           std::optional<std::chrono::seconds> max_age, UtcTime now);

/// Answers in a thread of its own while it lives. Whatever fails here, such as a name that is
/// taken, is a warning: no reason to make no backups.
class HealthServer {
 public:
  /// `answer` is called from that thread.
  HealthServer(const std::string& name, std::function<Health()> answer, Log& log);
  HealthServer(const HealthServer&) = delete;
  HealthServer& operator=(const HealthServer&) = delete;
  ~HealthServer();

 private:
  void serve() noexcept;
  void answer_next();
  void warn(const Error& error) noexcept;

  std::function<Health()> answer_;
  Log& log_;
  Fd socket_;
  std::stop_source stop_;
  std::optional<StopFd> stop_fd_;
  std::jthread thread_;  // last: ends before what it uses
};

/// Asks the daemon of that name. Nobody there, or no whole answer within 5 s: unwell.
[[nodiscard]] Health ask_health(const std::string& name);

}  // namespace pgbackup
