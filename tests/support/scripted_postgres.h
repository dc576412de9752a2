// A PostgreSQL of the loopback that answers word for word as the test says. Nothing here knows SQL
// or replication commands.
// https://www.postgresql.org/docs/current/protocol-message-formats.html
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "backup/postgres/connection_config.h"
#include "common/base/error.h"
#include "common/base/fd.h"

namespace pgbackup {

/// What a server sends.
namespace wire {

/// A number of that many bytes.
[[nodiscard]] inline std::string number(uint64_t value, unsigned bytes = 8) {
  std::string text;
  for (unsigned i = bytes; i > 0; --i) text += static_cast<char>(value >> (i - 1) * 8 & 0xffU);
  return text;
}

[[nodiscard]] inline std::string message(char type, std::string_view body = {}) {
  return type + number(body.size() + 4, 4) + std::string(body);
}

inline std::string text(std::string_view value) { return std::string(value) + '\0'; }

[[nodiscard]] inline std::string complete() { return message('C', text("SELECT")); }
/// Ends the answer to a command.
[[nodiscard]] inline std::string ready() { return message('Z', "I"); }

using Row = std::vector<std::optional<std::string>>;

/// One result with rows, all of them of the same width.
[[nodiscard]] inline std::string rows(const std::vector<Row>& values) {
  const size_t width = values.empty() ? 1 : values.front().size();
  std::string head = number(width, 2);
  for (size_t i = 0; i < width; ++i) {
    head += text("column") + number(0, 4) + number(0, 2) + number(25, 4) + number(0xffff, 2) +
            number(0xffffffff, 4) + number(0, 2);
  }
  std::string all = message('T', head);
  for (const Row& row : values) {
    std::string body = number(row.size(), 2);
    for (const std::optional<std::string>& value : row) {
      body += value ? number(value->size(), 4) + *value : number(0xffffffff, 4);
    }
    all += message('D', body);
  }
  return all + complete();
}

[[nodiscard]] inline std::string copy_out() { return message('H', number(0, 3)); }
[[nodiscard]] inline std::string copy_both() { return message('W', number(0, 3)); }
[[nodiscard]] inline std::string copy_data(std::string_view bytes) { return message('d', bytes); }
[[nodiscard]] inline std::string copy_done() { return message('c'); }

[[nodiscard]] inline std::string error(const std::string& sqlstate, const std::string& words,
                                       const std::string& function = "f") {
  return message('E', text("SERROR") + text("VERROR") + text("C" + sqlstate) + text("M" + words) +
                          text("R" + function) + '\0');
}

}  // namespace wire

/// Takes one connection on a free port of the loopback and answers each command, and the end of a
/// COPY by the client, with the next of its replies, and each message that the client sends within
/// a COPY with the next of `replies_to_copied`. After the last one it says nothing more and waits.
class ScriptedPostgres {
 public:
  ScriptedPostgres(std::string version, std::vector<std::string> replies,
                   std::vector<std::string> replies_to_copied = {})
      : version_(std::move(version)),
        replies_(std::move(replies)),
        replies_to_copied_(std::move(replies_to_copied)),
        listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_.get(), generic, length) != 0 || listen(listener_.get(), 1) != 0 ||
        getsockname(listener_.get(), generic, &length) != 0) {
      throw_errno("listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
  }
  ScriptedPostgres(const ScriptedPostgres&) = delete;
  ScriptedPostgres& operator=(const ScriptedPostgres&) = delete;
  ~ScriptedPostgres() { end(); }

  /// Ends the server; what it has seen may then be looked at.
  void end() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }

  /// Waits until the client has gone; what the server has seen may then be looked at.
  void wait_for_end() { thread_.join(); }

  [[nodiscard]] PgConfig config() const {
    PgConfig config;
    config.host = "127.0.0.1";
    config.port = port_;
    config.user = "backup";
    config.further = {{"sslmode", "disable"}, {"gssencmode", "disable"}};
    return config;
  }

  std::string startup;                ///< parameters of the connection, each ended by a zero byte
  std::vector<std::string> commands;  ///< of the client
  std::vector<std::string> copied;    ///< what the client sent within a COPY

 private:
  /// Exactly that many bytes; fewer when the peer is gone or a stop was requested.
  static std::string receive(int fd, size_t bytes, const std::stop_token& stop) {
    std::string got(bytes, '\0');
    size_t size = 0;
    while (size < bytes && !stop.stop_requested()) {
      pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
      if (poll(&wanted, 1, 20) <= 0) continue;
      const ssize_t count = recv(fd, got.data() + size, bytes - size, 0);
      if (count <= 0) break;
      size += static_cast<size_t>(count);
    }
    got.resize(size);
    return got;
  }

  static std::string receive_body(int fd, const std::stop_token& stop) {
    size_t length = 0;
    for (const char c : receive(fd, 4, stop)) length = length << 8U | static_cast<unsigned char>(c);
    return length < 4 ? "" : receive(fd, length - 4, stop);
  }

  static void send_all(int fd, const std::string& bytes) {
    static_cast<void>(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }

  void serve(const std::stop_token& stop) {
    pollfd wanted{.fd = listener_.get(), .events = POLLIN, .revents = 0};
    while (poll(&wanted, 1, 20) <= 0) {
      if (stop.stop_requested()) return;
    }
    const Fd connection(accept(listener_.get(), nullptr, nullptr));
    startup = receive_body(connection.get(), stop);
    send_all(connection.get(),
             wire::message('R', wire::number(0, 4)) +
                 wire::message('S', wire::text("server_version") + wire::text(version_)) +
                 wire::message('S', wire::text("client_encoding") + wire::text("UTF8")) +
                 wire::ready());
    converse(connection.get(), stop);
  }

  void converse(int fd, const std::stop_token& stop) {
    size_t next = 0;
    size_t next_to_copied = 0;
    while (true) {
      const std::string type = receive(fd, 1, stop);
      if (type.empty() || type == "X") return;
      std::string body = receive_body(fd, stop);
      if (type == "Q") commands.push_back(body.substr(0, body.find('\0')));
      if (type == "d") {
        copied.push_back(std::move(body));
        if (next_to_copied < replies_to_copied_.size()) {
          send_all(fd, replies_to_copied_[next_to_copied++]);
        }
      }
      if (type != "Q" && type != "c") continue;
      if (next < replies_.size()) send_all(fd, replies_[next++]);
    }
  }

  std::string version_;
  std::vector<std::string> replies_;
  std::vector<std::string> replies_to_copied_;
  Fd listener_;
  int port_ = 0;
  std::jthread thread_;
};

}  // namespace pgbackup
