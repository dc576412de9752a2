#include "backup/postgres/base_backup.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace pgbackup {
namespace {

constexpr std::string_view kCommand = "BASE_BACKUP";
constexpr int kVersionOfOneStream = 150000;
/// Two blocks of zeros end a tar. The server leaves them out up to version 14.
constexpr size_t kTarEndBytes = 1024;

/// Returns how long the server may take before it sends anything. A spread checkpoint takes most of
/// checkpoint_timeout, and may have to wait for another one to end; then the server adds up the
/// sizes of all files.
std::chrono::seconds start_limit(ReplicationConnection& connection) {
  constexpr auto kForSizes = std::chrono::minutes(30);
  const auto timeout = parse_setting_time(connection.show("checkpoint_timeout"));
  if (!timeout) throw protocol_error("a checkpoint_timeout");
  return 2 * *timeout + kForSizes;
}

uint64_t parse_kilobytes(const std::string& text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end) throw protocol_error("a tablespace's size");
  return value;
}

BackupStart read_start(const PGresult* position, const PGresult* tablespaces) {
  BackupStart start{
      .position = lsn_at(position, 0, 0), .timeline = timeline_at(position, 0, 1), .archives = {}};
  for (int row = 0; row < PQntuples(tablespaces); ++row) {
    start.archives.push_back(
        {.name = value_at(tablespaces, row, 0).value_or(std::string(kBaseArchive)),
         .location = value_at(tablespaces, row, 1).value_or(""),
         .kilobytes = parse_kilobytes(value_at(tablespaces, row, 2).value_or("0"))});
  }
  return start;
}

/// Hands on what comes, and knows what must come next.
class Delivery {
 public:
  Delivery(const BackupStart& start, BaseBackupReceiver& receiver)
      : start_(start), receiver_(receiver) {}

  void begin_archive(std::string_view name) {
    end_stream();
    if (next_ == start_.archives.size() || start_.archives[next_].name != name) {
      throw protocol_error("an archive");
    }
    begin_stream(start_.archives[next_++].name);
  }

  void begin_manifest() {
    end_stream();
    if (next_ != start_.archives.size() || has_manifest_) throw protocol_error("a manifest");
    has_manifest_ = true;
    begin_stream(std::string(kBackupManifest));
  }

  void data(std::string_view bytes) {
    if (!is_open_) throw protocol_error("data");
    receiver_.data(bytes);
  }

  void end_stream() {
    if (is_open_) receiver_.end_stream();
    is_open_ = false;
  }

  void finish() {
    end_stream();
    if (!has_manifest_) throw protocol_error("a base backup");
  }

 private:
  void begin_stream(const std::string& name) {
    receiver_.begin_stream(name);
    is_open_ = true;
  }

  const BackupStart& start_;
  BaseBackupReceiver& receiver_;
  size_t next_ = 0;
  bool is_open_ = false;
  bool has_manifest_ = false;
};

class Transfer {
 public:
  explicit Transfer(ReplicationConnection& connection) : connection_(connection) {}

  /// Returns the next result, which must be of that status.
  PgResult expect(ExecStatusType status, std::chrono::milliseconds limit) {
    PgResult result = connection_.next_result(limit, kCommand);
    const ExecStatusType actual = PQresultStatus(result.get());
    if (actual == status) return result;
    if (actual == PGRES_FATAL_ERROR) throw replication_error(result.get());
    throw protocol_error("a result");
  }

  PgResult expect(ExecStatusType status) {
    return expect(status, connection_.limits().backup_data);
  }

  void expect_copy() { static_cast<void>(expect(PGRES_COPY_OUT)); }

  /// Returns the next message of a COPY, valid until the next call. Returns nullopt at its end,
  /// which may be an error: the next expect() tells.
  std::optional<std::string_view> next_message() {
    PgLink& link = connection_.link();
    const auto deadline = PgLink::Deadline::clock::now() + connection_.limits().backup_data;
    while (true) {
      char* message = nullptr;
      const int bytes = PQgetCopyData(link.get(), &message, 1);
      message_.reset(message);
      if (bytes == -1) return std::nullopt;
      if (bytes < 0) throw link.lost();
      if (bytes > 0) return std::string_view(message, static_cast<size_t>(bytes));
      if (!link.read(deadline)) {
        throw Error(ErrorKind::transient,
                    "PostgreSQL does not answer: a part of the base backup took too long");
      }
    }
  }

 private:
  ReplicationConnection& connection_;
  Handle<char, PQfreemem> message_;
};

/// Returns the name of an archive by that of its file: `base.tar`.
std::string_view archive_name(std::string_view file) {
  constexpr std::string_view kEnd = ".tar";
  if (!file.ends_with(kEnd)) throw protocol_error("the name of an archive");
  return file.substr(0, file.size() - kEnd.size());
}

/// Takes the one COPY of version 15 and later.
void copy_messages(Transfer& transfer, Delivery& delivery) {
  transfer.expect_copy();
  while (const auto bytes = transfer.next_message()) {
    const BackupMessage message = parse_backup_message(*bytes);
    switch (message.kind) {
      case BackupMessage::Kind::archive:
        delivery.begin_archive(archive_name(message.archive));
        break;
      case BackupMessage::Kind::manifest:
        delivery.begin_manifest();
        break;
      case BackupMessage::Kind::data:
        delivery.data(message.data);
        break;
      case BackupMessage::Kind::progress:
        break;
    }
  }
}

/// Takes the COPYs of version 13 and 14. That another one follows tells that one was whole.
void copy_archives(Transfer& transfer, const BackupStart& start, Delivery& delivery) {
  const std::string tar_end(kTarEndBytes, '\0');
  for (const BackupArchive& archive : start.archives) {
    transfer.expect_copy();
    if (&archive != &start.archives.front()) delivery.data(tar_end);
    delivery.begin_archive(archive.name);
    while (const auto bytes = transfer.next_message()) delivery.data(*bytes);
  }
  transfer.expect_copy();
  delivery.data(tar_end);
  delivery.begin_manifest();
  while (const auto bytes = transfer.next_message()) delivery.data(*bytes);
}

}  // namespace

BackupEnd take_base_backup(ReplicationConnection& connection, const BaseBackupOptions& options,
                           BaseBackupReceiver& receiver) {
  const auto limit = start_limit(connection);
  const int version = connection.server_version();
  connection.send(base_backup_command(options, version));
  Transfer transfer(connection);
  const PgResult position = transfer.expect(PGRES_TUPLES_OK, limit);
  const PgResult tablespaces = transfer.expect(PGRES_TUPLES_OK, limit);
  const BackupStart start = read_start(position.get(), tablespaces.get());
  receiver.begin(start);
  Delivery delivery(start, receiver);
  if (version >= kVersionOfOneStream) {
    copy_messages(transfer, delivery);
  } else {
    copy_archives(transfer, start, delivery);
  }
  const PgResult end = transfer.expect(PGRES_TUPLES_OK);
  static_cast<void>(transfer.expect(PGRES_COMMAND_OK));
  connection.finish_command(kCommand);
  delivery.finish();
  return {.position = lsn_at(end.get(), 0, 0), .timeline = timeline_at(end.get(), 0, 1)};
}

}  // namespace pgbackup
