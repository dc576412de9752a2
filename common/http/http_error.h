// The meaning of libcurl's failures: which kind of Error, and what the user can do. Pure.
// https://curl.se/libcurl/c/libcurl-errors.html
#pragma once

#include <curl/curl.h>

#include <string_view>

#include "common/base/error.h"

namespace pgbackup {

/// Returns the Error for a failure of libcurl. `server` is the host and port of the request, `text`
/// is libcurl's explanation.
[[nodiscard]] Error transport_error(CURLcode code, std::string_view server, std::string_view text);

}  // namespace pgbackup
