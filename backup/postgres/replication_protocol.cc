#include "backup/postgres/replication_protocol.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <span>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr int kVersionOfOptionLists = 150000;  // the first with options in parentheses

/// Returns `text` between two `quote`, those within doubled: the only escape of this grammar, for
/// names as for strings.
std::string quoted(std::string_view text, char quote) {
  std::string result(1, quote);
  for (const char c : text) {
    if (c == quote) result += quote;
    result += c;
  }
  return result + quote;
}

std::string name(std::string_view text) { return quoted(text, '"'); }
std::string string(std::string_view text) { return quoted(text, '\''); }

/// Reads a message from its start to its end.
class Reader {
 public:
  explicit Reader(std::string_view message) : rest_(message) {
    if (message.size() > kMostMessageBytes) fail();
  }

  char byte() { return take(1).front(); }

  uint64_t number() {
    uint64_t value = 0;
    for (const char c : take(sizeof value)) value = value << 8U | static_cast<unsigned char>(c);
    return value;
  }

  std::string_view text() {
    const std::string_view found = rest_.substr(0, rest_.find('\0'));
    take(found.size() + 1);
    return found;
  }

  std::string_view all() { return take(rest_.size()); }

  void end() const {
    if (!rest_.empty()) fail();
  }

  [[noreturn]] static void fail() {
    throw Error(ErrorKind::corrupt,
                "PostgreSQL sent a message that is not of the replication protocol");
  }

 private:
  std::string_view take(size_t bytes) {
    if (bytes > rest_.size()) fail();
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
};

void append_number(std::string& message, uint64_t value) {
  for (unsigned shift = 64; shift > 0; shift -= 8) {
    message += static_cast<char>(value >> (shift - 8) & 0xffU);
  }
}

constexpr UtcTime kStartOfTime = std::chrono::sys_days(std::chrono::year(2000) / 1 / 1);

/// Returns microseconds since the year 2000, in which PostgreSQL counts time.
uint64_t server_time(UtcTime now) {
  return static_cast<uint64_t>(std::chrono::microseconds(now - kStartOfTime).count());
}

UtcTime parse_server_time(uint64_t microseconds) {
  const std::chrono::microseconds since(static_cast<int64_t>(microseconds));
  return kStartOfTime + std::chrono::floor<std::chrono::seconds>(since);
}

struct Unit {
  std::string_view name;
  uint64_t factor;
};

/// Parses digits and one of `units`, or a bare 0.
std::optional<uint64_t> parse_setting(std::string_view text, std::span<const Unit> units) {
  uint64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc()) return std::nullopt;
  const std::string_view rest(stopped, static_cast<size_t>(end - stopped));
  if (rest.empty() && count == 0) return 0;
  for (const Unit& unit : units) {
    if (unit.name != rest) continue;
    if (count > std::numeric_limits<uint64_t>::max() / unit.factor) return std::nullopt;
    return count * unit.factor;
  }
  return std::nullopt;
}

}  // namespace

std::string create_slot_command(std::string_view slot, SlotLife life, int version) {
  const bool has_lists = version >= kVersionOfOptionLists;
  return fmt::format("CREATE_REPLICATION_SLOT {}{} PHYSICAL {}", name(slot),
                     life == SlotLife::temporary ? " TEMPORARY" : "",
                     has_lists ? "(RESERVE_WAL)" : "RESERVE_WAL");
}

std::string drop_slot_command(std::string_view slot) {
  return "DROP_REPLICATION_SLOT " + name(slot);
}

std::string read_slot_command(std::string_view slot) {
  return "READ_REPLICATION_SLOT " + name(slot);
}

std::string start_streaming_command(const StreamStart& start) {
  return fmt::format("START_REPLICATION {}PHYSICAL {} TIMELINE {}",
                     start.slot.empty() ? "" : fmt::format("SLOT {} ", name(start.slot)),
                     format_lsn(start.position), start.timeline);
}

std::string base_backup_command(const BaseBackupOptions& options, int version) {
  const bool is_fast = options.checkpoint == CheckpointPace::fast;
  const std::string rate =
      options.max_rate_kib == 0 ? "" : fmt::format("MAX_RATE {}", options.max_rate_kib);
  if (version >= kVersionOfOptionLists) {
    return fmt::format(
        "BASE_BACKUP (LABEL {}, PROGRESS, CHECKPOINT '{}', WAIT false, {}{}TABLESPACE_MAP, "
        "MANIFEST 'yes', MANIFEST_CHECKSUMS 'SHA256')",
        string(options.label), is_fast ? "fast" : "spread", rate, rate.empty() ? "" : ", ");
  }
  return fmt::format(
      "BASE_BACKUP LABEL {} PROGRESS {}NOWAIT {}{}TABLESPACE_MAP MANIFEST 'yes' "
      "MANIFEST_CHECKSUMS 'SHA256'",
      string(options.label), is_fast ? "FAST " : "", rate, rate.empty() ? "" : " ");
}

StreamMessage parse_stream_message(std::string_view message) {
  Reader reader(message);
  const char kind = reader.byte();
  if (kind == 'w') {
    WalBytes wal{.start = {reader.number()}, .server_end = {reader.number()}};
    static_cast<void>(reader.number());  // the server's time
    wal.bytes = reader.all();
    return wal;
  }
  if (kind != 'k') Reader::fail();
  Keepalive keepalive{.server_end = {reader.number()}};
  keepalive.server_time = parse_server_time(reader.number());
  keepalive.reply_wanted = reader.byte() != 0;
  reader.end();
  return keepalive;
}

std::string format_status(const StreamStatus& status) {
  std::string message = "r";
  append_number(message, status.written.value);
  append_number(message, status.flushed.value);
  append_number(message, status.applied.value);
  append_number(message, server_time(status.now));
  message += static_cast<char>(status.reply_wanted);
  return message;
}

BackupMessage parse_backup_message(std::string_view message) {
  using Kind = BackupMessage::Kind;
  Reader reader(message);
  switch (reader.byte()) {
    case 'd':
      return {.kind = Kind::data, .data = reader.all()};
    case 'm':
      reader.end();
      return {.kind = Kind::manifest};
    case 'n': {
      BackupMessage archive{.kind = Kind::archive};
      archive.archive = reader.text();
      archive.location = reader.text();
      reader.end();
      return archive;
    }
    case 'p':
      static_cast<void>(reader.number());
      reader.end();
      return {.kind = Kind::progress};
    default:
      Reader::fail();
  }
}

std::optional<uint64_t> parse_setting_bytes(std::string_view text) {
  static constexpr std::array<Unit, 5> kUnits = {{{"B", 1},
                                                  {"kB", uint64_t{1} << 10U},
                                                  {"MB", uint64_t{1} << 20U},
                                                  {"GB", uint64_t{1} << 30U},
                                                  {"TB", uint64_t{1} << 40U}}};
  return parse_setting(text, kUnits);
}

std::optional<std::chrono::seconds> parse_setting_time(std::string_view text) {
  static constexpr std::array<Unit, 4> kUnits = {
      {{"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}}};
  const std::optional<uint64_t> seconds = parse_setting(text, kUnits);
  if (!seconds || *seconds > std::numeric_limits<uint32_t>::max()) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace pgbackup
