#include "common/store/s3/credentials/credential_source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/store/s3/credentials/credential_documents.h"

namespace pgbackup {
namespace {

/// The largest file that is read: far more than any token or list of keys.
constexpr size_t kMaxBytes = size_t{64} << 10U;

ErrorKind kind_of_refusal(int status, std::string_view code) {
  const bool may_pass = status >= 500 || status == 429 || status == 408 ||
                        code.starts_with("Throttl") || code == "IDPCommunicationError";
  return may_pass ? ErrorKind::transient : ErrorKind::denied;
}

}  // namespace

std::string_view variable(const CredentialContext& context, std::string_view name) {
  const auto found = context.environment.find(name);
  return found == context.environment.end() ? std::string_view() : found->second;
}

Secret read_secret_file(const std::string& path) {
  // A pipe that nobody fills must not block us.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) throw_errno("cannot read " + path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw_errno("cannot read " + path);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::failed, fmt::format("{} is not a regular file", path));
  }
  std::array<char, kMaxBytes + 1> buffer{};
  size_t size = 0;
  while (size < buffer.size()) {
    const ssize_t got = ::read(file.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno != EINTR) throw_errno("cannot read " + path);
    if (got == 0) break;
    if (got > 0) size += static_cast<size_t>(got);
  }
  if (size == buffer.size()) {
    throw Error(ErrorKind::failed, fmt::format("{} is larger than {} bytes", path, kMaxBytes));
  }
  std::string_view text(buffer.data(), size);
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  Secret secret(text);
  explicit_bzero(buffer.data(), buffer.size());
  if (secret.empty()) throw Error(ErrorKind::corrupt, fmt::format("{} is empty", path));
  return secret;
}

HttpResponse ask_service(const CredentialContext& context, std::string_view what,
                         const HttpRequest& request, const std::stop_token& stop) {
  return with_context(what, [&] {
    const std::unique_ptr<Transport> transport = context.transports();
    HttpResponse response = transport->start(request, stop);
    response.body = transport->read_rest(kMaxBytes);
    if (response.status == 200) return response;
    const Explanation said = explanation_in(response.body);
    const std::string text = said.text();
    throw Error(kind_of_refusal(response.status, said.code),
                fmt::format("HTTP status {}{}{}", response.status, text.empty() ? "" : ": ", text));
  });
}

UtcTime local_expiry(const CredentialContext& context, const HttpResponse& response,
                     UtcTime expires) {
  const std::optional<UtcTime> date = parse_http_date(response.header("date"));
  return date ? expires + (context.clock->now() - *date) : expires;
}

void add_reason(std::string& reasons, std::string_view separator, std::string_view reason) {
  reasons += fmt::format("{}{}", reasons.empty() ? "" : separator, reason);
}

}  // namespace pgbackup
