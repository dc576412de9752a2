#include "common/service/health.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "common/base/due.h"
#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

constexpr std::string_view kWell = "well: ";
constexpr std::string_view kUnwell = "unwell: ";
constexpr auto kAnswerTime = std::chrono::seconds(5);
constexpr int kAfterFailureMilliseconds = 200;

struct Address {
  sockaddr_un bytes{};
  socklen_t size = 0;
};

/// Returns an abstract address: its name begins with a zero byte and is as long as the address
/// says.
Address address_of(std::string_view name) {
  Address address;
  address.bytes.sun_family = AF_UNIX;
  const size_t count = name.copy(&address.bytes.sun_path[1], sizeof address.bytes.sun_path - 1);
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + count);
  return address;
}

/// Calls bind or connect.
template <class Call>
bool apply(Call call, const Fd& socket, const std::string& name) {
  const Address address = address_of(name);
  // The socket calls take every family through one type.
  return call(socket.get(), reinterpret_cast<const sockaddr*>(&address.bytes), address.size) == 0;
}

Fd make_socket() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.is_open()) throw_errno("cannot make a socket");
  return socket;
}

/// Returns from when on a job is late that counts from `since`.
UtcTime deadline_after(UtcTime since, const JobWork& work,
                       std::optional<std::chrono::seconds> max_age) {
  if (max_age) return since + *max_age;
  return late_from(next_due_after(since, work.schedule) + work.jitter, work.schedule);
}

/// Returns from when on a job is late.
UtcTime deadline(const JobStatus& status, const JobWork& work,
                 std::optional<std::chrono::seconds> max_age) {
  if (status.last_success) return deadline_after(*status.last_success, work, max_age);
  return max_age ? status.begun + *max_age : late_from(status.begun, work.schedule);
}

/// Returns whether the first run of this daemon goes on, and none has failed before it.
bool is_first_run(const JobStatus& status) {
  return status.running_since && status.failures == 0 && !status.has_succeeded;
}

/// Returns whether a daemon in another container answers. Such a daemon can share our network
/// namespace, but its process has no id here.
bool is_elsewhere(const Fd& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == 0;
}

}  // namespace

Health judge(const JobStatus& status, const JobWork& work,
             std::optional<std::chrono::seconds> max_age, UtcTime now) {
  UtcTime late = deadline(status, work, max_age);
  const bool is_catching_up = is_first_run(status) && now > late;
  if (is_catching_up) late = deadline_after(*status.running_since, work, max_age);
  std::string sentence =
      status.last_success
          ? fmt::format("the last {} began at {}", work.noun, format_iso(*status.last_success))
          : fmt::format("no {} yet since {}", work.noun, format_iso(status.begun));
  sentence += fmt::format(", late {} {}", now > late ? "since" : "after", format_iso(late));
  const bool is_from_future = status.last_success.value_or(status.begun) > now + kClockStep;
  if (is_from_future) sentence += "; but the clock was set back since";
  if (status.running_since) {
    sentence += fmt::format("; one is running since {}{}", format_iso(*status.running_since),
                            is_catching_up ? ", to catch up" : "");
  }
  if (status.failures > 0) {
    sentence += fmt::format("; {} failed since, the last: {}", status.failures,
                            short_line(status.last_error.substr(0, status.last_error.find('\n'))));
  }
  return {now <= late && !is_from_future, printable(sentence)};
}

Health judge_all(const std::vector<const ServedJob*>& jobs, const RunStates& states,
                 std::optional<std::chrono::seconds> max_age, UtcTime now) {
  Health all{.is_well = true, .sentence = {}};
  for (const ServedJob* const job : jobs) {
    const Health health = job->health(max_age, now);
    all.is_well = all.is_well && health.is_well;
    if (health.sentence.empty()) continue;
    all.sentence += (all.sentence.empty() ? "" : "; ") + health.sentence;
  }
  const std::string failing = describe_failing(states.all());
  if (!failing.empty()) all.sentence += "; failing: " + failing;
  return all;
}

HealthServer::HealthServer(const std::string& name, std::function<Health()> answer, Log& log)
    : answer_(std::move(answer)), log_(log) {
  try {
    socket_ = make_socket();
    if (!apply(::bind, socket_, name) || ::listen(socket_.get(), 8) != 0) throw_errno("bind");
    stop_fd_.emplace(stop_.get_token());
    thread_ = std::jthread([this] { serve(); });
  } catch (...) {
    log_.warn("`health` cannot ask this daemon",
              {{"socket", "@" + name},
               {"cause", current_error().message()},
               {"hint", "when another one runs here, give each its own HEALTH_SOCKET"}});
  }
}

HealthServer::~HealthServer() { stop_.request_stop(); }

/// Answers until the end. A question that cannot be answered, such as for want of a descriptor, is
/// not the last one.
void HealthServer::serve() noexcept {
  bool has_failed = false;
  while (!stop_.stop_requested()) {
    try {
      answer_next();
      has_failed = false;
    } catch (...) {
      if (stop_.stop_requested()) return;
      if (!has_failed) warn(current_error());
      has_failed = true;
      // A connection that cannot be accepted stays in the queue, and the next poll reports it at
      // once.
      static_cast<void>(::poll(nullptr, 0, kAfterFailureMilliseconds));
    }
  }
}

void HealthServer::warn(const Error& error) noexcept {
  try {
    log_.warn("`health` could not be answered", {{"cause", error.message()}});
  } catch (...) {
    return;  // out of memory
  }
}

void HealthServer::answer_next() {
  std::array<pollfd, 1> fds = {{{socket_.get(), POLLIN, 0}}};
  stop_fd_->wait(fds, kNoDeadline);
  const Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client.is_open()) {
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
    throw_errno("accept");
  }
  const Health health = answer_();
  const std::string text = fmt::format("{}{}\n", health.is_well ? kWell : kUnwell, health.sentence);
  // The answer fits into the socket's buffer: a client that does not read cannot hold us up.
  static_cast<void>(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL));
}

Health ask_health(const std::string& name) {
  const auto deadline = std::chrono::steady_clock::now() + kAnswerTime;
  const Fd socket = make_socket();
  if (!apply(::connect, socket, name)) {
    return {false, fmt::format("no daemon answers at @{} ({}): is `serve` running here?", name,
                               errno_text(errno))};
  }
  if (is_elsewhere(socket)) {
    return {false, fmt::format("the daemon at @{} is another container's: give each its own "
                               "HEALTH_SOCKET",
                               name)};
  }
  const StopFd no_stop({});
  std::string text;
  while (!text.ends_with('\n')) {
    std::array<pollfd, 1> fds = {{{socket.get(), POLLIN, 0}}};
    std::array<char, 4096> buffer{};
    if (!no_stop.wait(fds, deadline)) return {false, "the daemon does not answer"};
    const ssize_t got = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return {false, "the daemon closed the connection without an answer"};
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  text.pop_back();
  if (text.starts_with(kWell)) return {true, text.substr(kWell.size())};
  if (text.starts_with(kUnwell)) return {false, text.substr(kUnwell.size())};
  return {false, fmt::format("something else answers at @{}", name)};
}

}  // namespace pgbackup
