#include "backup/check_server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "backup/postgres/client_program.h"
#include "backup/postgres/database_list.h"
#include "backup/postgres/readiness.h"
#include "backup/postgres/replication.h"
#include "backup/postgres/server_info.h"
#include "backup/postgres/version_advice.h"
#include "common/base/error.h"
#include "common/base/units.h"
#include "common/store/store_config.h"

namespace pgbackup {
namespace {

class ServerChecker {
 public:
  ServerChecker(const BackupConfig& config, const Environment& environment, Log& log,
                const std::stop_token& stop)
      : config_(config), environment_(environment), log_(log), stop_(stop) {}

  ServerCheck take() { return std::move(result_); }

  /// Checks each of several hosts by itself: a backup needs one, and the others are there for when
  /// that one is not.
  void check_hosts() {
    const std::vector<PgPlace> places = list_places(connection_settings(config_.pg));
    if (places.size() < 2) return;
    for (const PgPlace& place : places) {
      const std::string subject = fmt::format(
          "host {} port {}", place.host.empty() ? place.address : place.host, place.port);
      try {
        const PgLink link(config_.pg,
                          {{"host", place.host},
                           {"hostaddr", place.address},
                           {"port", place.port},
                           {"target_session_attrs", "any"}},
                          stop_);
        add(FindingLevel::ok, subject,
            fmt::format("PostgreSQL {} answers", format_pg_version(link.server_version())));
      } catch (...) {
        const Error error = current_failure();
        add(FindingLevel::attention, subject, error.message(), error.hint());
      }
    }
  }

  void check_databases() {
    FoundDatabases found;
    try {
      found = find_databases(config_.databases, config_.pg, log_, stop_);
    } catch (...) {
      result_.findings.push_back(
          finding_of(current_failure(), FindingLevel::failed, kServerArea, "server"));
      return;
    }
    for (const LeftOut& item : found.left_out) {
      add(FindingLevel::attention, "database " + item.database, "is left out: " + item.reason,
          "name it in EXCLUDE_DATABASES if that is intended");
    }
    for (const std::string& name : found.names) {
      result_.groups.push_back(Group::database(name));
      if (!check_database(name)) break;
    }
    // Of those that come after a server that is not there nothing is known.
    if (result_.groups.size() < found.names.size()) result_.groups.clear();
    if (config_.globals()) check_globals();
    if (version_ > 0) check_clients();
  }

  void check_replication() {
    result_.groups = {Group::cluster()};
    const auto destinations = static_cast<int>(destination_names(config_.store).size());
    const int slots = config_.physical.wal_stream ? destinations : 0;
    try {
      ReplicationConnection server(config_.pg.with_database(""), stop_);
      greet(server.server_version());
      add(FindingLevel::ok, "replication",
          fmt::format("the role may replicate; system identifier {}",
                      server.identify_system().system_id));
      // With two destinations each has a slot of its own, which are alike.
      const std::string slot = slots == 1 ? config_.physical.slot : "";
      note("replication", judge_replication(read_replication_settings(server, slot), slots),
           "wal_level, max_wal_senders and max_replication_slots suffice");
    } catch (...) {
      result_.findings.push_back(
          finding_of(current_failure(), FindingLevel::failed, kServerArea, "replication"));
    }
  }

 private:
  void add(FindingLevel level, std::string subject, std::string sentence, std::string advice = {},
           bool is_fatal = false) {
    result_.findings.push_back({.level = level,
                                .area = kServerArea,
                                .subject = std::move(subject),
                                .sentence = std::move(sentence),
                                .advice = std::move(advice),
                                .is_fatal = is_fatal});
  }

  /// Adds the concerns, or that there is none.
  void note(const std::string& subject, const std::vector<Concern>& concerns,
            const std::string& good) {
    for (const Concern& concern : concerns) {
      add(FindingLevel::attention, subject, concern.sentence, concern.advice, concern.is_fatal);
    }
    const bool is_good = std::none_of(concerns.begin(), concerns.end(),
                                      [](const Concern& concern) { return concern.is_fatal; });
    if (is_good) add(FindingLevel::ok, subject, good);
  }

  void greet(int version) {
    if (version_ == 0) add(FindingLevel::ok, "server", "PostgreSQL " + format_pg_version(version));
    version_ = version;
  }

  /// Returns false when it is not the database that cannot be reached, but the server.
  bool check_database(const std::string& name) {
    const std::string subject = "database " + name;
    try {
      PgConnection connection(config_.pg.with_database(name), stop_);
      greet(connection.server_version());
      const uint64_t bytes = read_database_bytes(connection);
      result_.sizes[Group::database(name)] = bytes;
      note(subject, judge_access(wanted_gaps(connection)),
           fmt::format("everything can be read, {} on disk", format_bytes(bytes)));
      return true;
    } catch (...) {
      const Error error = current_failure();
      const bool is_server = error.kind() != ErrorKind::not_found && !is_server_there();
      result_.findings.push_back(
          finding_of(error, is_server ? FindingLevel::failed : FindingLevel::attention, kServerArea,
                     is_server ? "server" : subject));
      return !is_server;
    }
  }

  /// Returns the gaps that a dump would meet. Options of pg_dump may leave out what cannot be read,
  /// which pg_dump alone knows: then nothing is claimed about tables.
  AccessGaps wanted_gaps(PgConnection& connection) const {
    AccessGaps gaps = read_access_gaps(connection);
    const std::vector<GivenDumpFlag>& flags = config_.dump.flags;
    if (!takes_large_objects(flags)) gaps.large_objects = 0;
    if (!selection_of(flags, config_.dump.format).empty()) {
      gaps.schemas = {};
      gaps.tables = {};
      gaps.filtered = {};
    }
    return gaps;
  }

  [[nodiscard]] bool is_server_there() const {
    if (version_ > 0) return true;
    try {
      static_cast<void>(connect_maintenance(config_.pg, stop_));
      return true;
    } catch (...) {
      static_cast<void>(current_failure());
      return false;
    }
  }

  void check_globals() {
    result_.groups.push_back(Group::globals());
    try {
      PgConnection connection = connect_maintenance(config_.pg, stop_);
      greet(connection.server_version());
      add(FindingLevel::ok, "roles and tablespaces",
          read_globals_info(connection).may_read_passwords
              ? "can be read, with the passwords of roles"
              : "can be read, without the passwords of roles (pg_authid)");
    } catch (...) {
      if (version_ == 0) return static_cast<void>(current_failure());  // said already
      result_.findings.push_back(finding_of(current_failure(), FindingLevel::attention, kServerArea,
                                            "roles and tablespaces"));
    }
  }

  void check_clients() {
    std::vector<std::string_view> names = {"pg_dump"};
    if (config_.globals()) names.emplace_back("pg_dumpall");
    for (const std::string_view name : names) {
      try {
        const std::vector<ClientProgram> found =
            find_clients(name, config_.bindir, environment_, stop_);
        const ClientProgram& client = choose_client(found, name, version_);
        result_.findings.push_back(
            judge_client(name, client.path.string(), client.version, version_));
      } catch (...) {
        result_.findings.push_back(
            finding_of(current_failure(), FindingLevel::attention, kServerArea, std::string(name)));
      }
    }
  }

  const BackupConfig& config_;
  const Environment& environment_;
  Log& log_;
  const std::stop_token& stop_;
  int version_ = 0;  ///< of the server; 0: not known yet
  ServerCheck result_;
};

}  // namespace

ServerCheck check_server(const BackupConfig& config, const Environment& environment, Log& log,
                         const std::stop_token& stop) {
  ServerChecker checker(config, environment, log, stop);
  checker.check_hosts();
  config.method == BackupMethod::physical ? checker.check_replication() : checker.check_databases();
  return checker.take();
}

Finding judge_client(std::string_view name, const std::string& path, int client_version,
                     int server_version) {
  const std::vector<std::string> advice = backup_advice(name, client_version, server_version);
  Finding finding{.area = kServerArea,
                  .subject = std::string(name),
                  .sentence = fmt::format("{} ({})", format_pg_version(client_version), path)};
  if (advice.empty()) return finding;
  finding.level = FindingLevel::attention;
  finding.sentence = fmt::format("backups are {}", fmt::join(advice, "; "));
  finding.advice = fmt::format(
      "install postgresql-client-{} of the server's release or a later one, or name its "
      "directory in PG_BINDIR",
      major_version(server_version));
  return finding;
}

}  // namespace pgbackup
