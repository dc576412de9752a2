// The one exception class. Its kind answers two questions: whether a repeat may succeed, and which
// exit code the program ends with. Its text is built outward, from the cause to the job.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace pgbackup {

enum class ErrorKind {
  usage,      ///< wrong configuration or command line; exit 2
  not_found,  ///< the named thing does not exist
  denied,     ///< credentials, privileges or permissions are missing
  conflict,   ///< refused: going on would harm existing data; exit 3
  transient,  ///< the same call may succeed later: retried
  corrupt,    ///< bytes are not the expected ones
  canceled,   ///< asked to stop
  failed,     ///< anything else
};

/// Holds a `message`, which says what failed, where and on which object, and a `hint`, which says
/// what the user can do.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {});

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  /// Returns the message, followed by "\nhint: ..." where there is a hint.
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  /// Returns the same error with `context` in front: "context: message".
  [[nodiscard]] Error within(std::string_view context) const;

 private:
  ErrorKind kind_;
  std::string message_;
  std::string hint_;
  std::string text_;
};

/// Returns true for kinds whose cause may pass by itself.
[[nodiscard]] bool is_retryable(ErrorKind kind);

/// Returns the exit code of the process: 1 failed, 2 usage, 3 refused.
[[nodiscard]] int exit_code(ErrorKind kind);

/// Returns the text of an errno value, as in "No space left on device".
[[nodiscard]] std::string errno_text(int error_number);

/// Returns the Error for the current errno, with the message "what: <errno text>". Its kind is
/// `denied` for EACCES and EPERM, `not_found` for ENOENT, else `failed`.
[[nodiscard]] Error errno_error(std::string_view what);
[[noreturn]] void throw_errno(std::string_view what);

/// Returns the exception that is being handled as an Error. An Error stays as it is, a
/// std::system_error (which std::filesystem throws) gets the kind that throw_errno() gives its
/// code, and anything else becomes `failed`. Must be called within a catch block. A `catch (...)`
/// with current_error() or current_failure() is the boundary that keeps a failure from stopping
/// other work.
[[nodiscard]] Error current_error() noexcept;

/// Returns what current_error() returns, for callers that go on with other work. Throws an Error of
/// the kind `canceled` on, because a stop is no failure of one part.
[[nodiscard]] Error current_failure();

/// Runs `body` and returns its result. Throws whatever leaves `body` as an Error with `context` in
/// front.
template <class Body>
decltype(auto) with_context(std::string_view context, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    throw current_error().within(context);
  }
}

}  // namespace pgbackup
