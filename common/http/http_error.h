// What libcurl's failures mean: which kind of Error, and what the user can do. Pure.
// https://curl.se/libcurl/c/libcurl-errors.html
#pragma once

#include <curl/curl.h>

#include <string_view>

#include "common/base/error.h"

namespace pgbackup {

/// `server` is the host and port that was asked for, `text` libcurl's own explanation.
[[nodiscard]] Error transport_error(CURLcode code, std::string_view server, std::string_view text);

}  // namespace pgbackup
