#include "common/base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace pgbackup {

Error::Error(ErrorKind kind, std::string message, std::string hint)
    : kind_(kind), message_(std::move(message)), hint_(std::move(hint)) {
  text_ = hint_.empty() ? message_ : message_ + "\nhint: " + hint_;
}

Error Error::within(std::string_view context) const {
  return {kind_, fmt::format("{}: {}", context, message_), hint_};
}

bool is_retryable(ErrorKind kind) { return kind == ErrorKind::transient; }

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return 2;
    case ErrorKind::conflict:
      return 3;
    case ErrorKind::not_found:
    case ErrorKind::denied:
    case ErrorKind::transient:
    case ErrorKind::corrupt:
    case ErrorKind::canceled:
    case ErrorKind::failed:
      return 1;
  }
  return 1;
}

std::string errno_text(int error_number) { return std::generic_category().message(error_number); }

void throw_errno(std::string_view what) {
  const int error_number = errno;
  const ErrorKind kind = error_number == ENOENT                            ? ErrorKind::not_found
                         : error_number == EACCES || error_number == EPERM ? ErrorKind::denied
                                                                           : ErrorKind::failed;
  throw Error(kind, fmt::format("{}: {}", what, errno_text(error_number)));
}

Error current_error() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::failed, "out of memory"};
  } catch (const std::exception& error) {
    return {ErrorKind::failed, fmt::format("unexpected: {}", error.what())};
  } catch (...) {
    return {ErrorKind::failed, "unexpected: an exception of an unknown type"};
  }
}

}  // namespace pgbackup
