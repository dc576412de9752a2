// Where a connection may go: every host that it names, with the addresses of each. libpq would look
// the names up in a call that no stop request ends, and leaves it to its caller to give up a host
// that does not answer. (PQconnectPoll() does not know connect_timeout.)
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "common/base/fd.h"

namespace pgbackup {

/// Holds keywords of libpq and their values; of two with the same keyword the last one counts.
using PgSettings = std::vector<std::pair<std::string, std::string>>;

struct PgPlace {
  std::string host;     ///< a name, an address, or the directory of a Unix socket
  std::string address;  ///< "" for a socket, and for a name that was not looked up
  std::string port;
};

/// Returns the places of `settings` and of libpq's own variables and service file, names not yet
/// looked up. Returns none where libpq shall find out by itself: nothing names a host, or the lists
/// differ in length, which libpq reports.
[[nodiscard]] std::vector<PgPlace> list_places(const PgSettings& settings);

/// Returns how long each of `count` places may take to answer: 30 s for one, 10 s for each of
/// several.
[[nodiscard]] std::chrono::seconds place_limit(size_t count);

/// Looks up the names and returns a place for each address, in the order in which they should be
/// tried. Each name has place_limit(). A name without an address is left out. Throws `transient`
/// when no place remains, and `canceled`.
[[nodiscard]] std::vector<PgPlace> look_up(const std::vector<PgPlace>& places, const StopFd& stop);

/// Returns `settings` followed by `places` as libpq's lists host, hostaddr and port.
[[nodiscard]] PgSettings with_places(PgSettings settings, const std::vector<PgPlace>& places);

}  // namespace pgbackup
