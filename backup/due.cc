#include "backup/due.h"

#include <algorithm>

namespace pgbackup {

using std::chrono::minutes;
using std::chrono::seconds;

UtcTime first_start(std::optional<UtcTime> newest, seconds interval, UtcTime now) {
  if (!newest || *newest > now) return now;
  return std::max(now, *newest + interval);
}

UtcTime start_after_success(UtcTime started, seconds interval, UtcTime now) {
  return std::max(now, started + interval);
}

UtcTime start_after_failure(int failures, UtcTime due, seconds interval, UtcTime now) {
  constexpr int kDoublings = 6;  // 64 minutes, cut to 60
  const auto wait = std::min(minutes(1 << std::min(failures - 1, kDoublings)), minutes(60));
  // A run that failed only after the next one was due waits all the same: no busy loop.
  const UtcTime next_regular = due + interval;
  const UtcTime retry = now + wait;
  return next_regular > now ? std::min(retry, next_regular) : retry;
}

}  // namespace pgbackup
