#include "common/base/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace pgbackup {
namespace {

ErrorKind kind_of(int error_number) {
  switch (error_number) {
    case ENOENT:
      return ErrorKind::not_found;
    case EACCES:
    case EPERM:
      return ErrorKind::denied;
    default:
      return ErrorKind::failed;
  }
}

/// Returns the exception that is being handled. Throws std::bad_alloc when there is no memory for
/// its text.
Error translate() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::system_error& error) {
    const std::error_condition cause = error.code().default_error_condition();
    const bool is_errno = cause.category() == std::generic_category();
    return {is_errno ? kind_of(cause.value()) : ErrorKind::failed, error.what()};
  } catch (const std::exception& error) {
    return {ErrorKind::failed, fmt::format("unexpected error: {}", error.what())};
  } catch (...) {
    return {ErrorKind::failed, "unexpected error: an exception of an unknown type"};
  }
}

}  // namespace

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

Error errno_error(std::string_view what) {
  const int error_number = errno;
  return {kind_of(error_number), fmt::format("{}: {}", what, errno_text(error_number))};
}

void throw_errno(std::string_view what) { throw errno_error(what); }

Error current_error() noexcept {
  try {
    return translate();
  } catch (...) {
    // This text is short enough to need no memory.
    return {ErrorKind::failed, "out of memory"};
  }
}

Error current_failure() {
  Error error = current_error();
  if (error.kind() == ErrorKind::canceled) throw;
  return error;
}

}  // namespace pgbackup
