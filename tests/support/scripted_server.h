// A server of the loopback that answers word for word as the test says.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/error.h"

namespace pgbackup {

inline constexpr const char* kHangUp = "hang up";
/// In front of a reply, perhaps an empty one: it is sent before the request's body was read, and
/// the connection ends.
inline constexpr std::string_view kEarly = "early:";

/// Takes one connection after the other on a free port of the loopback and answers each request
/// with the next of its replies, word for word. An empty reply: says nothing and waits; kHangUp:
/// hangs up.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> replies)
      : replies_(std::move(replies)), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, generic, length) != 0 || listen(listener_, 8) != 0 ||
        getsockname(listener_, generic, &length) != 0) {
      throw_errno("listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    end();
    close(listener_);
  }

  /// Ends the server; what it has seen may then be looked at.
  void end() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  [[nodiscard]] std::string url(const std::string& path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  /// Ends the server and returns the beginning of each request: `PUT /path`.
  std::vector<std::string> lines() {
    end();
    std::vector<std::string> result;
    for (const std::string& request : requests) {
      result.push_back(request.substr(0, request.find(" HTTP")));
    }
    return result;
  }

  std::vector<std::string> requests;
  std::atomic<int> connections = 0;  ///< notifies who waits for a change

 private:
  static bool is_readable(int fd, const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
      if (poll(&wanted, 1, 20) > 0) return true;
    }
    return false;
  }

  /// Head and body (by Content-Length; early: what came with the head) of one request; empty: the
  /// peer is gone.
  static std::string receive(int fd, bool is_early, const std::stop_token& stop) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
      const size_t head = text.find("\r\n\r\n");
      if (head != std::string::npos && is_early) return text;
      if (head != std::string::npos) {
        const size_t at = text.find("Content-Length: ");
        const size_t body = at > head ? 0 : std::stoul(text.substr(at + 16));
        if (text.size() >= head + 4 + body) return text;
      }
      if (!is_readable(fd, stop)) return "";
      const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
      if (got <= 0) return "";
      text.append(buffer.data(), static_cast<size_t>(got));
    }
  }

  void serve(const std::stop_token& stop) {
    while (next_ < replies_.size() && is_readable(listener_, stop)) {
      const int fd = accept(listener_, nullptr, nullptr);
      ++connections;
      connections.notify_all();
      converse(fd, stop);
      close(fd);
    }
  }

  void converse(int fd, const std::stop_token& stop) {
    while (next_ < replies_.size()) {
      const bool is_early = replies_[next_].starts_with(kEarly);
      const std::string request = receive(fd, is_early, stop);
      if (request.empty()) return;
      requests.push_back(request);
      std::string reply = replies_[next_++];
      if (is_early) reply.erase(0, kEarly.size());
      if (reply == kHangUp) return;
      static_cast<void>(send(fd, reply.data(), reply.size(), MSG_NOSIGNAL));
      if (is_early) return;
      if (reply.empty()) static_cast<void>(is_readable(fd, stop));
      if (reply.find("Connection: close") != std::string::npos) return;
    }
  }

  std::vector<std::string> replies_;
  size_t next_ = 0;
  int listener_;
  int port_ = 0;
  std::jthread thread_;
};

[[nodiscard]] inline std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace pgbackup
