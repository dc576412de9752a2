// The one exception class. A kind answers two questions, both answered here: is a repeat worth it,
// and which exit code does the program end with? Text is built outward, from the cause to the job.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace pgbackup {

enum class ErrorKind {
  usage,      ///< wrong configuration or command line; exit 2
  not_found,  ///< the named thing does not exist
  denied,     ///< credentials or rights are missing
  conflict,   ///< refused: going on would harm what is there; exit 3
  transient,  ///< the same call may succeed later: retried
  corrupt,    ///< bytes are not what they should be
  canceled,   ///< asked to stop
  failed,     ///< anything else
};

/// `message` says what, where and which object; `hint` what the user can do about it.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message, std::string hint = {});

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  /// Message, then "\nhint: ..." where there is one.
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  /// The same error seen from further out: "context: message".
  [[nodiscard]] Error within(std::string_view context) const;

 private:
  ErrorKind kind_;
  std::string message_;
  std::string hint_;
  std::string text_;
};

/// True for kinds whose cause may pass by itself.
[[nodiscard]] bool is_retryable(ErrorKind kind);

/// Process exit code: 1 failed, 2 usage, 3 refused.
[[nodiscard]] int exit_code(ErrorKind kind);

/// Text of the current errno, as in "No space left on device".
[[nodiscard]] std::string errno_text(int error_number);

/// The Error for errno, `failed` (`denied` for EACCES/EPERM, `not_found` for ENOENT):
/// "what: <errno text>".
[[nodiscard]] Error errno_error(std::string_view what);
[[noreturn]] void throw_errno(std::string_view what);

/// The exception that is being handled, as an Error: an Error as it is; std::system_error, which
/// std::filesystem throws, of the kind that throw_errno() gives its code; anything else `failed`.
/// Call it within a catch block only. `catch (...)` with this or the next one is the boundary at
/// which work of one kind is kept from stopping other work.
[[nodiscard]] Error current_error() noexcept;

/// The same for what others go on without: `canceled` is no failure of one part, and is thrown on.
[[nodiscard]] Error current_failure();

/// Runs `body`; what leaves it is an Error with `context` put in front.
template <class Body>
decltype(auto) with_context(std::string_view context, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    throw current_error().within(context);
  }
}

}  // namespace pgbackup
