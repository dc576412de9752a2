#include "backup/physical/wal_fetch.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "backup/physical/data_directory.h"
#include "backup/physical/wal_ahead.h"
#include "backup/physical/wal_page.h"
#include "backup/physical/wal_reader.h"
#include "common/base/error.h"
#include "common/base/printable.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

/// The most threads that read ahead; each opens the destinations.
constexpr size_t kMostThreads = 4;

/// What a destination holds of a file.
struct FoundWal {
  const Destination* destination = nullptr;
  StoredSegment stored{};
  uint64_t reach = 0;  ///< of a segment: so many bytes from the start
};

/// What the destinations answered.
struct Answers {
  bool is_fetched = false;
  std::optional<FoundWal> unfinished{};  ///< the longest, where none holds the whole segment
  std::vector<DestinationFailure> failures{};
};

/// Brings files of one server's log from any destination.
class Fetcher {
 public:
  Fetcher(const Destinations& destinations, const WalFetch& fetch, fs::path temporaries, Log& log)
      : destinations_(destinations),
        system_id_(fetch.system_id),
        keys_(fetch.keys),
        temporaries_(std::move(temporaries)),
        log_(log) {}

  /// Brings the whole file from the first destination that holds it, and else tells what they hold.
  [[nodiscard]] Answers fetch(const std::string& name, const fs::path& path) {
    Answers answers;
    answers.failures = for_each_destination(destinations_, [&](const Destination& destination) {
      if (answers.is_fetched) return;
      StoredSegment stored = list_wal_file(destination.store(), system_id_, name);
      const uint64_t reach = stored.reach(kMostSegmentBytes);
      if (stored.is_whole()) {
        write(name, path, {&destination, std::move(stored), reach});
        answers.is_fetched = true;
      } else if (reach >= kWalPageHeaderBytes &&
                 (!answers.unfinished || reach > answers.unfinished->reach)) {
        answers.unfinished = FoundWal{&destination, std::move(stored), reach};
      }
    });
    return answers;
  }

  /// Writes what was found to `path`.
  void write(const std::string& name, const fs::path& path, const FoundWal& found) {
    NewFile file(temporaries_, path);
    WalReader(found.destination->store(), system_id_, keys_, &log_).fetch(name, found.stored, file);
    file.finish();
  }

  /// Returns whether a destination holds later segments of the same timeline.
  [[nodiscard]] bool is_followed(const std::string& name) const {
    const std::string folder = wal_key(system_id_, name, {Compression::none});
    bool found = false;
    for (const Destination& destination : destinations_) {
      destination.store().list(folder.substr(0, folder.rfind('/') + 1), [&](const auto& object) {
        const std::optional<WalKey> key = parse_wal_key(object.key);
        found =
            found || (key && wal_file_kind(key->name) == WalFileKind::segment && key->name > name);
      });
    }
    return found;
  }

  /// Returns whether a destination holds anything of this server's log.
  [[nodiscard]] bool has_any() const {
    bool found = false;
    for (const Destination& destination : destinations_) {
      destination.store().list(wal_prefix(system_id_), [&](const auto&) { found = true; });
    }
    return found;
  }

 private:
  const Destinations& destinations_;
  std::string system_id_;
  const AgeKeys* keys_;
  fs::path temporaries_;
  Log& log_;
};

/// Returns the names of the segments that may be read ahead after `name`, which is at `path`.
std::vector<std::string> next_names(const std::string& name, const fs::path& path,
                                    const AheadDirectory& ahead) {
  const uint64_t segment_bytes = read_wal_page_of(path).segment_bytes;
  const uint64_t count = count_ahead(segment_bytes, fs::space(ahead.path()).available);
  std::vector<std::string> names;
  std::optional<WalSegment> segment = parse_segment_name(name, segment_bytes);
  while (segment && names.size() < count) {
    ++segment->number;
    names.push_back(segment_name(*segment, segment_bytes));
  }
  return names;
}

/// Brings segments into the directory, by several threads, until one of them is not stored as a
/// whole, or fails.
void bring_ahead(const std::vector<std::string>& names, const AheadDirectory& ahead,
                 const WalFetch& fetch, const OpenDestinations& open, Log& log) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    try {
      const Destinations destinations = open();
      Fetcher fetcher(destinations, fetch, ahead.path(), log);
      for (size_t i = next++; i < names.size(); i = next++) {
        const std::string& name = names[i];
        if (!ahead.holds(name) && !fetcher.fetch(name, ahead.path() / name).is_fetched) break;
      }
    } catch (...) {
      log.debug("cannot read ahead", {{"cause", current_error().message()}});
    }
    next = names.size();
  };
  std::vector<std::jthread> threads;
  while (threads.size() < std::min(kMostThreads, names.size())) threads.emplace_back(work);
}

/// Judges that nothing, or not all, is stored of a segment although later ones are.
void report_gap(const std::string& name, const Answers& answers, Log& log) {
  const std::string gap = fmt::format(
      "the stored write-ahead log has a gap: the segment {} is missing{}, and later ones of its "
      "timeline are there",
      name, answers.unfinished ? " in part" : "");
  if (!answers.unfinished) {
    throw Error(ErrorKind::failed, gap,
                "recover to a moment before the gap, or from a base backup made after it");
  }
  log.warn("WAL is missing", {{"segment", name}, {"cause", gap}});
}

bool is_of_standby(const fs::path& path) {
  const std::optional<fs::path> directory = find_data_directory(path);
  return directory && is_standby(*directory);
}

enum class Outcome { absent, unfinished, whole };

Outcome fetch_from(const WalFetch& fetch, Fetcher& fetcher, Log& log) {
  Answers answers = fetcher.fetch(fetch.name, fetch.path);
  const auto is_missing = [&] { return !answers.is_fetched && answers.failures.empty(); };
  const bool may_be_a_gap = wal_file_kind(fetch.name) == WalFileKind::segment;
  if (may_be_a_gap && is_missing() && !is_of_standby(fetch.path)) {
    if (fetcher.is_followed(fetch.name)) {
      answers = fetcher.fetch(fetch.name, fetch.path);  // it may have been stored meanwhile
      if (is_missing()) report_gap(fetch.name, answers, log);
    } else if (!answers.unfinished && !fetcher.has_any()) {
      throw Error(ErrorKind::failed,
                  fmt::format("the store holds no WAL of the server {}", fetch.system_id),
                  "is the volume of BACKUP_DIR mounted, and S3_PREFIX that of the backups?");
    }
  }
  if (!answers.failures.empty()) {
    const Error error = join_failures(answers.failures).within("cannot fetch " + fetch.name);
    if (!answers.is_fetched) throw Error(error);
    log.warn("a destination does not count", {{"file", fetch.name}, {"cause", error.what()}});
  }
  if (answers.is_fetched) return Outcome::whole;
  if (!answers.unfinished) return Outcome::absent;
  fetcher.write(fetch.name, fetch.path, *answers.unfinished);
  return Outcome::unfinished;
}

/// Repeats what fails because an object is gone: pg-prune deletes the pieces of a segment when the
/// whole one is there.
Outcome fetch_patiently(const WalFetch& fetch, Fetcher& fetcher, Log& log) {
  try {
    return fetch_from(fetch, fetcher, log);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::not_found) throw;
  }
  return fetch_from(fetch, fetcher, log);
}

}  // namespace

bool fetch_wal(WalFetch fetch, const OpenDestinations& open, Log& log) {
  const std::optional<WalFileKind> kind = wal_file_kind(fetch.name);
  if (!kind) {
    throw Error(
        ErrorKind::usage,
        fmt::format("{} is no name of a file of the write-ahead log", printable(fetch.name)),
        "restore_command = 'pg-backup wal-fetch %f %p'");
  }
  if (fetch.system_id.empty()) fetch.system_id = system_id_near(fetch.path);
  std::optional<AheadDirectory> ahead;
  if (fetch.path.parent_path().filename() == "pg_wal") ahead.emplace(fetch.path.parent_path());
  // A recovery asks for histories before its first segment and after its last one.
  if (ahead && kind == WalFileKind::history) ahead->keep({});
  if (ahead && ahead->take(fetch.name, fetch.system_id, fetch.path)) return true;

  const Destinations destinations = open();
  Fetcher fetcher(destinations, fetch, ahead ? ahead->path() : fetch.path.parent_path(), log);
  const Outcome outcome = fetch_patiently(fetch, fetcher, log);
  if (ahead && outcome == Outcome::whole && kind == WalFileKind::segment) {
    try {
      const std::vector<std::string> names = next_names(fetch.name, fetch.path, *ahead);
      ahead->keep(names);
      bring_ahead(names, *ahead, fetch, open, log);
    } catch (...) {
      log.debug("cannot read ahead", {{"cause", current_error().message()}});
    }
  }
  return outcome != Outcome::absent;
}

}  // namespace pgbackup
