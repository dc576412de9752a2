#include "backup/physical/wal_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "backup/physical/wal_server.h"
#include "common/base/error.h"
#include "common/base/units.h"

namespace pgbackup {
namespace {

/// The server is told at least so often how far its WAL has come, and asked for a reply: a server
/// of 17 before 17.12 can sleep although WAL waits to be sent.
constexpr std::chrono::seconds kStatusInterval{10};
constexpr std::chrono::seconds kLongestPause{60};
/// Bytes that are not stored at once may as well come in larger amounts.
constexpr std::chrono::milliseconds kGather{10};
/// The store is asked so often whether the base backup is still there.
constexpr std::chrono::hours kLookInterval{1};

const Destination& named(const Destinations& destinations, const std::string& name) {
  const auto found = std::find_if(destinations.begin(), destinations.end(),
                                  [&](const Destination& one) { return one.name() == name; });
  return found == destinations.end() ? destinations.front() : *found;
}

std::string describe_gap(Lsn begin, Lsn end) {
  return fmt::format(
      "the WAL from {} to {} is not in the store: no moment after {} can be restored until the "
      "next base backup",
      format_lsn(begin), format_lsn(end), format_lsn(begin));
}

/// Throws where the server has not come as far as `least`, and the store holds more. Of a server
/// that is no standby that is a proof of another history.
void require_ahead(ReplicationConnection& server, const WalStart& start, Lsn least) {
  const Lsn end = read_position(server).position;  // anew: another daemon may be faster
  if (end >= least) return;
  const bool may_catch_up = is_standby(server);
  throw Error(
      may_catch_up ? ErrorKind::failed : ErrorKind::conflict,
      fmt::format("the server's WAL ends at {}, and the store holds WAL of this server up "
                  "to {}",
                  format_lsn(end), format_lsn(start.stored)),
      fmt::format("{}{}", may_catch_up ? "a standby that is behind goes on by itself; " : "",
                  kOtherHistoryHint));
}

/// Describes what is missing first between where a recovery gets and `start`.
std::string describe_gap(const WalReach& reach, Lsn start) {
  return describe_gap(reach.until, reach.gaps.empty() ? start : reach.gaps.front().end);
}

}  // namespace

WalStream::WalStream(WalStreamSettings settings, WalStreamContext context, Clock& clock, Log& log)
    : settings_(std::move(settings)), context_(std::move(context)), clock_(clock), log_(log) {
  status_.begun = clock_.now();
  status_.destination = context_.destination;
}

WalStatus WalStream::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void WalStream::change(const std::function<void(WalStatus&)>& work) {
  const std::lock_guard lock(mutex_);
  work(status_);
}

void WalStream::announce() {
  LogFields fields = {
      {"slot", settings_.slot},
      {"every", settings_.is_synchronous ? "commit" : format_duration(settings_.flush_interval)}};
  if (!context_.destination.empty()) fields.emplace_back("destination", context_.destination);
  log_.info(kWalJob, fields);
}

Health WalStream::health(std::optional<std::chrono::seconds> /*max_age*/, UtcTime now) const {
  return judge_wal(status(), settings_.flush_interval, now);
}

void WalStream::serve(const std::stop_token& stop) {
  std::chrono::seconds pause{1};
  while (!stop.stop_requested()) {
    const auto began = clock_.steady();
    try {
      stream(stop);
    } catch (...) {
      const Error error = current_error();
      if (error.kind() == ErrorKind::canceled) return;
      if (clock_.steady() - began > kLongestPause) pause = std::chrono::seconds(1);
      note_failure(error);
    }
    clock_.sleep(pause, stop);
    pause = std::min(pause * 2, kLongestPause);
  }
}

void WalStream::note_failure(const Error& error) {
  bool is_new = false;
  works_ = false;
  change([&](WalStatus& status) {
    is_new = status.last_error != error.message();
    status.connected_since.reset();
    if (!status.failing_since) status.failing_since = clock_.now();
    status.last_error = error.message();
    status.is_refused = error.kind() == ErrorKind::conflict;
  });
  if (context_.states != nullptr) {
    context_.states->fail(kWalJob, Group::cluster(), context_.destination, error);
  }
  if (!is_new) return;  // an outage of hours is one line
  LogFields fields = {{"cause", error.message()}};
  if (!error.hint().empty()) fields.emplace_back("hint", error.hint());
  log_.error("WAL streaming stopped, and is tried again", fields);
}

void WalStream::stream(const std::stop_token& stop) {
  PgConfig pg = context_.pg();
  // synchronous_standby_names and pg_stat_replication tell the streams apart by this name.
  pg.further.emplace_back("application_name", settings_.slot);
  ReplicationConnection server(pg, stop);
  prepare_slot(server);  // before all else: from now on the server keeps WAL
  const ServerPosition position = read_position(server);
  const std::string system_id = server.identify_system().system_id;
  const Destinations destinations = context_.open();
  Store& store = named(destinations, context_.destination).store();
  WalArchive archive(store, system_id, settings_.packing, settings_.effort);
  const Goal goal{destinations, store, system_id, position.segment_bytes};
  WalStart start = settings_.life == SlotLife::temporary ? start_own(server, archive, position)
                                                         : go_on(server, goal, position);
  store_history(server, archive, position.timeline);
  log_.info("WAL streaming starts", {{"at", format_lsn(start.stored)},
                                     {"timeline", start.timeline},
                                     {"to", store.location(wal_prefix(system_id))}});
  change([&](WalStatus& status) {
    status.connected_since = clock_.now();
    status.stored = start.stored;
    status.server_end = position.position;
  });
  stream_all(server, archive, start, goal);
}

/// Returns where to start so that what is stored goes on without a hole, as far as the server can
/// fill it. Looks for a gap that it cannot fill.
WalStart WalStream::go_on(ReplicationConnection& server, const Goal& goal,
                          const ServerPosition& position) {
  StoredLog stored = read_log(goal);
  if (position.timeline > 1) stored.histories[position.timeline] = position.history;
  WalStart start = find_start(stored.wal, position);
  if (start.is_first) {
    start = start_kept(server, start, position);
  } else if (const std::optional<SlotState> slot = server.read_slot(settings_.slot);
             slot && slot->restart) {
    start = fill_hole(stored.wal, position, start, *slot->restart);
  }
  // Within a segment the bytes are compared, unless they are encrypted.
  const bool is_closed = settings_.packing.encryption != Encryption::none;
  const Lsn least = is_closed ? start.stored : start.position;
  if (start.timeline == position.timeline && least > position.position)
    require_ahead(server, start, least);
  looked_ = clock_.now();
  look(goal, {goal.system_id, position.timeline, start.stored}, stored);
  return start;
}

/// Returns where to start for one base backup, which needs nothing from before. What is stored of
/// that segment already is compared, as far as it can be: it may be of another history.
WalStart WalStream::start_own(ReplicationConnection& server, WalArchive& archive,
                              const ServerPosition& position) {
  WalStart start = start_kept(server, start_here(position), position);
  const uint64_t segment_bytes = position.segment_bytes;
  const std::string name =
      segment_name(segment_at(start.timeline, start.position, segment_bytes), segment_bytes);
  start.stored.value += archive.find(name).reach(segment_bytes);
  return start;
}

StoredLog WalStream::read_log(const Goal& goal) {
  return std::move(read_stored_logs(goal.store, goal.system_id, log_)[goal.system_id]);
}

/// Returns the start of the segment from which on the slot keeps WAL, where that is before `start`:
/// the base backup of a standby begins with its last restartpoint, which may be long ago.
WalStart WalStream::start_kept(ReplicationConnection& server, WalStart start,
                               const ServerPosition& position) {
  const std::optional<SlotState> slot = server.read_slot(settings_.slot);
  if (!slot || !slot->restart || *slot->restart >= start.position) return start;
  const bool is_of_ancestor =
      !position.history.empty() && *slot->restart < position.history.back().at;
  const Lsn from = is_of_ancestor ? position.history.back().at : *slot->restart;
  start.position =
      start_of(segment_at(start.timeline, from, position.segment_bytes), position.segment_bytes);
  start.stored = start.position;
  return start;
}

/// Makes the slot where there is none, and a new one in place of a slot that keeps nothing.
void WalStream::prepare_slot(ReplicationConnection& server) {
  if (settings_.life == SlotLife::temporary) {
    return server.create_slot(settings_.slot, settings_.life);
  }
  if (!is_warned_ && server.show("max_slot_wal_keep_size") == "-1") {
    log_.warn(
        "max_slot_wal_keep_size is -1: while this program cannot store WAL, the server keeps all "
        "of it, until its disk is full",
        {{"hint",
          "set max_slot_wal_keep_size to what the disk can spare; a new base backup "
          "bridges what is lost then"}});
  }
  is_warned_ = true;
  const std::optional<SlotState> state = server.read_slot(settings_.slot);
  if (state && state->exists) {
    if (!state->restart) replace_lost_slot(server);
    return;
  }
  try {
    server.create_slot(settings_.slot, settings_.life);
    log_.info("made the replication slot", {{"slot", settings_.slot}});
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::conflict || state) throw;
  }
}

void WalStream::renew_slot(ReplicationConnection& server) {
  server.drop_slot(settings_.slot);
  server.create_slot(settings_.slot, settings_.life);
}

void WalStream::replace_lost_slot(ReplicationConnection& server) {
  renew_slot(server);
  log_.warn("the replication slot kept no WAL any more, and was made anew",
            {{"slot", settings_.slot},
             {"hint", "raise max_slot_wal_keep_size, or find out why WAL waited so long"}});
}

/// Streams one timeline after the other. Throws why it ended.
void WalStream::stream_all(ReplicationConnection& server, WalArchive& archive, WalStart start,
                           const Goal& goal) {
  const uint64_t segment_bytes = goal.segment_bytes;
  bool is_renewed = false;
  while (true) {
    WalWriter writer(archive, start, segment_bytes, log_);
    try {
      ReplicationStream stream(
          server, {.slot = settings_.slot,
                   .timeline = start.timeline,
                   .position = start.position,
                   .gather = settings_.is_synchronous ? std::chrono::milliseconds(0) : kGather});
      const TimelineEnd end = follow(stream, writer, goal, start.timeline);
      store_history(server, archive, end.next);
      const WalSegment segment = segment_at(end.next, end.at, segment_bytes);
      start = {.timeline = end.next, .position = start_of(segment, segment_bytes), .stored = {}};
      start.stored = start.position;
    } catch (const SlotLost&) {
      if (settings_.life == SlotLife::temporary || is_renewed) throw;
      replace_lost_slot(server);
      is_renewed = true;
    } catch (const WalRemoved&) {
      if (settings_.life == SlotLife::temporary) throw;
      renew_slot(server);
      const ServerPosition position = read_position(server);
      store_history(server, archive, position.timeline);
      const WalStart here = start_kept(server, start_here(position), position);
      note_gap(describe_gap(start.stored, here.position));
      change([&](WalStatus& status) { status.stored = here.position; });
      start = here;
    }
  }
}

TimelineEnd WalStream::follow(ReplicationStream& stream, WalWriter& writer, const Goal& goal,
                              Timeline timeline) {
  auto flush_at = PgLink::Deadline::max();
  auto status_at = clock_.steady();
  while (true) {
    const bool has_bytes = !writer.is_all_stored();
    if (!has_bytes) flush_at = PgLink::Deadline::max();
    if (has_bytes && flush_at == PgLink::Deadline::max()) {
      // The first bytes go at once, to see whether the store takes them.
      const bool is_hasty = settings_.is_synchronous || !works_;
      flush_at = clock_.steady() + (is_hasty ? std::chrono::seconds(0) : settings_.flush_interval);
    }
    const Lsn stored = writer.stored();
    bool is_reply_wanted = false;
    if (std::optional<StreamMessage> message =
            receive(stream, std::min(flush_at, status_at), writer)) {
      if (const auto* const end = std::get_if<TimelineEnd>(&*message)) {
        writer.flush();
        note(writer);
        return *end;
      }
      is_reply_wanted = take(*message, writer);
      // A server that shuts down asks until all that it sent is flushed.
      if (is_reply_wanted) writer.flush();
    } else if (!has_bytes || clock_.steady() >= flush_at) {
      writer.flush();
    }
    const bool is_due = clock_.steady() >= status_at;
    if (is_due || is_reply_wanted || writer.stored() != stored) {
      note(writer);
      stream.send_status({.written = writer.stored(),
                          .flushed = writer.stored(),
                          .applied = {},
                          .reply_wanted = is_due,
                          .now = clock_.now()});
      change([&](WalStatus& status) { status.confirmed = writer.stored(); });
    }
    if (!is_due) continue;
    look_again(goal, {goal.system_id, timeline, writer.stored()});
    status_at = clock_.steady() + kStatusInterval;
  }
}

/// Receives the next message. When the connection breaks, stores what came before: nobody else may
/// have it any more.
std::optional<StreamMessage> WalStream::receive(ReplicationStream& stream,
                                                PgLink::Deadline deadline, WalWriter& writer) {
  try {
    return stream.receive(deadline);
  } catch (...) {
    if (current_error().kind() == ErrorKind::canceled) throw;
    try {
      writer.flush();
      note(writer);
    } catch (...) {
      log_.debug("cannot store the last bytes", {{"cause", current_failure().message()}});
    }
    throw;
  }
}

/// Takes a message in. Returns whether the server wants a reply.
bool WalStream::take(const StreamMessage& message, WalWriter& writer) {
  if (const auto* const wal = std::get_if<WalBytes>(&message)) {
    writer.write(wal->start, wal->bytes);
    change([&](WalStatus& status) {
      status.server_end = std::max(status.server_end, wal->server_end);
      if (!writer.is_all_stored() && !status.waiting_since) status.waiting_since = clock_.now();
    });
    return false;
  }
  const auto& keepalive = std::get<Keepalive>(message);
  change([&](WalStatus& status) {
    status.server_end = std::max(status.server_end, keepalive.server_end);
  });
  return keepalive.reply_wanted;
}

/// Notes how far the store has come. Only that proves that the server and the store work.
void WalStream::note(const WalWriter& writer) {
  const std::optional<UtcTime> newest =
      context_.states == nullptr
          ? std::nullopt
          : context_.states->last_success(kBackupJob, Group::cluster(), context_.destination);
  bool works = false;
  change([&](WalStatus& status) {
    const bool has_advanced = writer.stored() > status.stored;
    status.stored = std::max(status.stored, writer.stored());
    const bool is_level = writer.is_all_stored() && writer.stored() >= status.server_end;
    works = is_level || has_advanced;
    if (is_level) {
      status.waiting_since.reset();
    } else if (has_advanced || !status.waiting_since) {
      status.waiting_since = clock_.now();
    }
    if (works) {
      status.failing_since.reset();
      status.last_error.clear();
      status.is_refused = false;
    }
    if (status.gap_found && newest && *newest >= *status.gap_found) {
      status.gap_found.reset();
      status.gap.clear();
    }
  });
  if (works && !works_ && context_.states != nullptr) {
    context_.states->succeed(kWalJob, Group::cluster(), context_.destination, clock_.now());
  }
  works_ = works_ || works;
}

/// Looks once in a while whether the base backup is still there that leads to `place`, up to which
/// the WAL is stored now.
void WalStream::look_again(const Goal& goal, const ServerPlace& place) {
  if (settings_.life == SlotLife::temporary) return;
  if (std::chrono::abs(clock_.now() - looked_) < kLookInterval) return;
  looked_ = clock_.now();
  try {
    if (base_ && find_damage(goal.store, *base_).empty()) return;
    look(goal, place, read_log(goal));
  } catch (...) {
    log_.warn("whether WAL is missing is not known", {{"cause", current_failure().message()}});
  }
}

/// Notes where no base backup leads to `place`. What hinders the search hinders no stream.
void WalStream::look(const Goal& goal, const ServerPlace& place, const StoredLog& stored) {
  if (status().gap_found) return;
  try {
    const std::string gap = find_gap(goal, place, stored);
    if (!gap.empty()) note_gap(gap);
  } catch (...) {
    log_.warn("whether WAL is missing is not known", {{"cause", current_failure().message()}});
  }
}

/// Returns why no base backup leads to `place`, or an empty string: an earlier process may have
/// left a gap, the server may have been restored to an earlier moment or be another one, or the
/// base backups may be gone. Where there never was a base backup, the first one is made anyway.
std::string WalStream::find_gap(const Goal& goal, const ServerPlace& place,
                                const StoredLog& stored) {
  base_.reset();
  WayBack way = find_way_back(goal.store, place, stored, time_of(goal.destinations, clock_), log_);
  if (way.route && way.route->reach.until < place.position) {
    return describe_gap(way.route->reach, place.position);
  }
  if (way.route) {
    const std::string damage = find_damage(goal.store, *way.base);
    if (!damage.empty()) {
      return fmt::format("the base backup {} cannot be restored: {}", way.base->backup.id, damage);
    }
    base_ = *std::move(way.base);
    return {};
  }
  const bool is_first = !way.newest && (context_.states == nullptr ||
                                        !context_.states->last_success(kBackupJob, Group::cluster(),
                                                                       context_.destination));
  if (is_first) return {};
  return fmt::format(
      "{}: nothing of what the server writes now can be restored until the next base backup",
      describe_lost_way(way, place));
}

void WalStream::note_gap(const std::string& sentence) {
  change([&](WalStatus& status) {
    status.gap_found = clock_.now();
    status.gap = sentence;
  });
  log_.error("WAL is missing", {{"cause", sentence}, {"hint", "a base backup is started now"}});
  if (context_.want_backup) context_.want_backup();
}

}  // namespace pgbackup
