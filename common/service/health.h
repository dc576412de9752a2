// The verb `health` asks whether the daemon that runs in the same place is late. The question goes
// over an abstract Unix socket (unix(7)), which needs no file and no port, and so works on a
// read-only root without shell or network. The name of the socket belongs to the network namespace:
// of a container, of all containers of one Kubernetes pod, or of a machine.
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

/// Judges one job. A job is unwell when it is late by late_from(), or, with `max_age`, when its
/// last success began longer ago than that. The first run of a job has a whole period for itself
/// unless it fails, however late it begins: a restart of an unwell container would interrupt its
/// catching up for ever. A success in the future proves nothing. Pure.
[[nodiscard]] Health judge(const JobStatus& status, const JobWork& work,
                           std::optional<std::chrono::seconds> max_age, UtcTime now);

/// Judges the jobs of one daemon together: the daemon is well while all are. The sentence names the
/// work that fails.
[[nodiscard]] Health judge_all(const std::vector<const ServedJob*>& jobs, const RunStates& states,
                               std::optional<std::chrono::seconds> max_age, UtcTime now);

/// Answers `health` in a thread of its own. A failure here, such as a name that is taken, is logged
/// as a warning: it must not keep the daemon from making backups.
class HealthServer {
 public:
  /// Calls `answer` from that thread.
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

/// Asks the daemon of that name. Returns unwell when no daemon is there, or none answers in full
/// within 5 s.
[[nodiscard]] Health ask_health(const std::string& name);

}  // namespace pgbackup
