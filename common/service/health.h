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
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/log.h"
#include "common/service/job.h"
#include "common/service/run_state.h"

namespace pgbackup {

struct Health {
  bool is_well = false;
  std::string sentence;  ///< one line
};

/// Judges one job. A job is unwell when it is late by late_from(), or, with `max_age`, when its
/// last success began longer ago than that. The first run of a job has a whole period for itself
/// unless it fails, however late it begins: what restarts an unwell container would cut off its
/// catching up for ever. A success that lies in the future proves nothing. Pure.
[[nodiscard]] Health judge(const JobStatus& status, const JobWork& work,
                           std::optional<std::chrono::seconds> max_age, UtcTime now);

/// Judges the jobs of one daemon together: the daemon is well while all are. The sentence names the
/// work that fails.
[[nodiscard]] Health judge_all(const std::vector<const Job*>& jobs, const RunStates& states,
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
