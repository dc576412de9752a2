#include "backup/verify/time_limit.h"

namespace pgbackup {

TimeLimit::TimeLimit(std::chrono::milliseconds limit, const std::stop_token& outer)
    : on_stop_(outer, [this] { stop_.request_stop(); }),
      thread_([this, limit](const std::stop_token& end) {
        std::unique_lock lock(mutex_);
        never_.wait_for(lock, end, limit, [] { return false; });
        if (end.stop_requested() || stop_.stop_requested()) return;
        is_over_ = true;
        stop_.request_stop();
      }) {}

}  // namespace pgbackup
