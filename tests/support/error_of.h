// The Error that a call ends with, for tests that look at more than its type.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/error.h"

namespace pgbackup {

/// nullopt when the call returns.
template <class Call>
[[nodiscard]] std::optional<Error> error_of(const Call& call) {
  try {
    static_cast<void>(call());
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

/// Its kind is `kind` and its text holds `part`.
template <class Call>
[[nodiscard]] bool fails_with(ErrorKind kind, std::string_view part, const Call& call) {
  const std::optional<Error> error = error_of(call);
  return error && error->kind() == kind &&
         std::string_view(error->what()).find(part) != std::string_view::npos;
}

}  // namespace pgbackup
