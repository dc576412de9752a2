// Calls PING_URL: a dead man's switch in the style of healthchecks.io. The service alarms when a
// run tells of a failure, or when no run tells anything.
// https://healthchecks.io/docs/http_api/
#pragma once

#include <stop_token>

#include "common/http/receiver.h"
#include "common/service/courier.h"

namespace pgbackup {

/// Tells of the start of a run, without repeating what fails, of a run that was good as a whole, or
/// of any other run with the last lines of the log. Throws what Receiver throws.
void ping(const DeliveryMeans& means, const Letter& letter, const std::stop_token& stop);

}  // namespace pgbackup
