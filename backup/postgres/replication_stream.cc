#include "backup/postgres/replication_stream.h"

#include <algorithm>
#include <string_view>
#include <thread>
#include <utility>

namespace pgbackup {
namespace {

constexpr std::string_view kStartCommand = "START_REPLICATION";

TimelineEnd read_timeline_end(const PGresult* result) {
  return {.next = timeline_at(result, 0, 0), .at = lsn_at(result, 0, 1)};
}

/// Returns whether the server refuses a slot because it is lost. The same SQLSTATE stands for a
/// logical slot; unlike messages, the names of the server's functions are never translated.
bool is_slot_lost(const PGresult* result) {
  const char* const function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
  return sqlstate_of(result) == "55000" && function != nullptr &&
         std::string_view(function) == "ReplicationSlotAcquire";
}

}  // namespace

ReplicationStream::ReplicationStream(ReplicationConnection& connection, const StreamStart& start)
    : connection_(connection), gather_(start.gather) {
  connection_.send(start_streaming_command(start));
  const PgResult result = connection_.next_result(connection_.limits().answer, kStartCommand);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COPY_BOTH) return;
  if (status != PGRES_TUPLES_OK) fail(result.get());
  timeline_end_ = read_timeline_end(result.get());
  connection_.finish_command(kStartCommand);
}

std::optional<StreamMessage> ReplicationStream::receive(PgLink::Deadline deadline) {
  if (timeline_end_) return std::exchange(timeline_end_, std::nullopt);
  while (true) {
    char* message = nullptr;
    const int bytes = PQgetCopyData(link().get(), &message, 1);
    message_.reset(message);
    if (bytes == -1) return finish();
    if (bytes < 0) throw link().lost();
    if (bytes > 0) {
      gathered_ += static_cast<size_t>(bytes);
      answer_by_.reset();
      return parse_stream_message({message, static_cast<size_t>(bytes)});
    }
    gather();
    if (link().read(std::min(deadline, answer_by_.value_or(deadline)))) continue;
    if (!answer_by_ || PgLink::Deadline::clock::now() < *answer_by_) return std::nullopt;
    throw Error(ErrorKind::transient, "PostgreSQL does not answer: the stream of WAL is silent");
  }
}

/// Lets messages gather where the last ones were few: what comes in large amounts is read at once.
void ReplicationStream::gather() {
  constexpr size_t kFew = size_t{64} << 10U;
  if (gathered_ > 0 && gathered_ < kFew && gather_.count() > 0) {
    std::this_thread::sleep_for(gather_);
  }
  gathered_ = 0;
}

void ReplicationStream::send_status(const StreamStatus& status) {
  const std::string message = format_status(status);
  link().check_sent(PQputCopyData(link().get(), message.data(), static_cast<int>(message.size())));
  if (PQflush(link().get()) < 0) throw link().lost();
  if (!status.reply_wanted || answer_by_) return;
  answer_by_ = PgLink::Deadline::clock::now() + connection_.limits().answer;
}

void ReplicationStream::stop() {
  link().check_sent(PQputCopyEnd(link().get(), nullptr));
  const auto deadline = PgLink::Deadline::clock::now() + connection_.limits().answer;
  while (true) {
    char* message = nullptr;
    const int bytes = PQgetCopyData(link().get(), &message, 1);
    message_.reset(message);
    if (bytes < 0) break;
    if (bytes == 0 && !link().read(deadline)) {
      throw Error(ErrorKind::transient, "PostgreSQL does not answer: the stream of WAL goes on");
    }
  }
  connection_.finish_command(kStartCommand);
}

/// Reads why the server has ended the stream: an error, a stop of the server, or the end of the
/// timeline.
TimelineEnd ReplicationStream::finish() {
  PgResult result = connection_.next_result(connection_.limits().answer, kStartCommand);
  if (PQresultStatus(result.get()) == PGRES_COPY_IN) {  // the server's side of the stream is over
    link().check_sent(PQputCopyEnd(link().get(), nullptr));
    result = connection_.next_result(connection_.limits().answer, kStartCommand);
  }
  const ExecStatusType status = PQresultStatus(result.get());
  if (status == PGRES_COMMAND_OK) {
    throw Error(ErrorKind::transient, "PostgreSQL has ended the stream of WAL: it stops");
  }
  if (status != PGRES_TUPLES_OK) fail(result.get());
  const TimelineEnd end = read_timeline_end(result.get());
  connection_.finish_command(kStartCommand);
  return end;
}

void ReplicationStream::fail(const PGresult* result) {
  const Error error = replication_error(result);
  connection_.finish_command(kStartCommand);
  if (sqlstate_of(result) == "58P01") throw WalRemoved(error);
  if (is_slot_lost(result)) throw SlotLost(error);
  throw Error(error);
}

}  // namespace pgbackup
