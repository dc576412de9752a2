#include "backup/postgres/hosts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <netdb.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <string_view>
#include <thread>

#include "common/base/error.h"
#include "common/base/handle.h"

namespace pgbackup {
namespace {

using std::chrono::steady_clock;

/// Marks an error in what getaddrinfo() said as one text; otherwise the text holds addresses, one
/// per line.
constexpr char kErrorMark = '!';

std::vector<std::string> split(std::string_view list, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = list.find(separator);
    parts.emplace_back(list.substr(0, end));
    if (end == std::string_view::npos) return parts;
    list.remove_prefix(end + 1);
  }
}

/// Returns the value of the last setting with each keyword, or what libpq takes from its variables
/// and service file.
std::map<std::string, std::string> effective(const PgSettings& settings) {
  std::map<std::string, std::string> values;
  const Handle<PQconninfoOption, PQconninfoFree> defaults(PQconndefaults());
  const PQconninfoOption* option = defaults.get();
  for (; option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr) values[option->keyword] = option->val;
  }
  for (const auto& [keyword, value] : settings) {
    if (!value.empty()) values[keyword] = value;
  }
  return values;
}

bool is_socket(std::string_view host) {
  return host.empty() || host.starts_with('/') || host.starts_with('@');
}

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string numeric(const addrinfo& found) {
  std::array<char, NI_MAXHOST> text{};
  const int status = getnameinfo(found.ai_addr, found.ai_addrlen, text.data(), text.size(), nullptr,
                                 0, NI_NUMERICHOST);
  return status == 0 ? std::string(text.data()) + "\n" : "";
}

std::string addresses_of(const std::string& name) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(name.c_str(), nullptr, &wanted, &found);
  if (status != 0) return kErrorMark + std::string(gai_strerror(status));
  const Handle<addrinfo, freeaddrinfo> owned(found);
  std::string text;
  for (const addrinfo* item = found; item != nullptr; item = item->ai_next) text += numeric(*item);
  return text;
}

/// Returns what the thread of start_look_up() says, until it ends.
std::string read_answer(const Fd& answer, const StopFd& stop, steady_clock::time_point deadline) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (true) {
    std::array<pollfd, 1> fds = {{{answer.get(), POLLIN, 0}}};
    if (!stop.wait(fds, deadline)) return kErrorMark + std::string("no name server answers");
    const ssize_t got = ::read(answer.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
}

/// Starts a lookup in a thread that may be left behind, since nothing ends getaddrinfo(). The
/// thread owns all that it uses: the name, and the end of a pipe that nobody may be reading from
/// any more.
Fd start_look_up(const std::string& name) {
  auto [read_end, write_end] = make_pipe();
  std::thread([name, out = std::move(write_end)] {
    try {
      write_all(out.get(), addresses_of(name), "cannot pass on an address");
    } catch (...) {  // nobody reads any more, or memory is short: there is no answer
    }
  }).detach();
  return std::move(read_end);
}

}  // namespace

std::vector<PgPlace> list_places(const PgSettings& settings) {
  for (const auto& [keyword, value] : settings) {
    if (keyword == "service") return {};  // libpq alone reads that file
  }
  std::map<std::string, std::string> values = effective(settings);
  if (values["host"].empty() && values["hostaddr"].empty()) return {};
  std::vector<std::string> addresses = split(values["hostaddr"], ',');
  std::vector<std::string> hosts = split(values["host"], ',');
  std::vector<std::string> ports = split(values["port"], ',');
  const size_t count = std::max(hosts.size(), addresses.size());
  if (values["host"].empty()) hosts.assign(count, "");
  if (values["hostaddr"].empty()) addresses.assign(count, "");
  if (ports.size() == 1) ports.assign(count, ports.front());
  if (hosts.size() != count || addresses.size() != count || ports.size() != count) return {};
  std::vector<PgPlace> places;
  for (size_t i = 0; i < count; ++i) places.push_back({hosts[i], addresses[i], ports[i]});
  return places;
}

std::chrono::seconds place_limit(size_t count) { return std::chrono::seconds(count > 1 ? 10 : 30); }

std::vector<PgPlace> look_up(const std::vector<PgPlace>& places, const StopFd& stop) {
  if (places.empty()) return {};
  std::vector<PgPlace> found;
  std::string failure;
  for (const PgPlace& place : places) {
    if (!place.address.empty() || is_socket(place.host)) {
      found.push_back(place);
    } else if (is_address(place.host)) {
      found.push_back({place.host, place.host, place.port});
    } else {
      const std::string answer = read_answer(start_look_up(place.host), stop,
                                             steady_clock::now() + place_limit(places.size()));
      for (std::string& line : split(answer, '\n')) {
        if (line.empty()) continue;
        if (line.front() != kErrorMark) {
          found.push_back({place.host, std::move(line), place.port});
        } else if (failure.empty()) {
          failure = fmt::format("could not translate host name \"{}\" to address: {}", place.host,
                                line.substr(1));
        }
      }
    }
  }
  if (found.empty()) {
    if (failure.empty()) failure = "the name of the host has no address";
    throw Error(ErrorKind::transient, "cannot connect to PostgreSQL: " + failure, "check DB_HOST");
  }
  return found;
}

PgSettings with_places(PgSettings settings, const std::vector<PgPlace>& places) {
  if (places.empty()) return settings;
  const auto add = [&](const char* keyword, std::string PgPlace::*member) {
    std::string list;
    bool has_value = false;
    for (const PgPlace& place : places) {
      if (&place != &places.front()) list += ',';
      list += place.*member;
      has_value = has_value || !(place.*member).empty();
    }
    if (has_value) settings.emplace_back(keyword, std::move(list));
  };
  add("host", &PgPlace::host);
  add("hostaddr", &PgPlace::address);
  add("port", &PgPlace::port);
  return settings;
}

}  // namespace pgbackup
