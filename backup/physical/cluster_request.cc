#include "backup/physical/cluster_request.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Parses a whole number from 1 on. Returns nullopt for anything else.
template <class Integer>
std::optional<Integer> parse_whole(std::string_view text) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

void read_time(ClusterRequest& request, std::vector<std::string>& problems) {
  const std::optional<CommitTime> time = parse_commit_time(request.target_time);
  if (!time) {
    problems.push_back(
        fmt::format("--target-time: '{}' is not a time with its zone, such as "
                    "'2026-11-20 03:15:00+01'",
                    request.target_time));
    return;
  }
  request.target = {.kind = TargetKind::time, .time = *time};
}

void read_lsn(ClusterRequest& request, std::vector<std::string>& problems) {
  const std::optional<Lsn> lsn = parse_lsn(request.target_lsn);
  if (!lsn) {
    problems.push_back(
        fmt::format("--target-lsn: '{}' is not a position such as 0/4000028", request.target_lsn));
    return;
  }
  request.target = {.kind = TargetKind::lsn, .lsn = *lsn};
}

void read_xid(ClusterRequest& request, std::vector<std::string>& problems) {
  const auto xid = parse_whole<uint64_t>(request.target_xid);
  if (!xid) {
    problems.push_back(
        fmt::format("--target-xid: '{}' is not the number of a transaction", request.target_xid));
    return;
  }
  request.target = {.kind = TargetKind::xid, .xid = *xid};
}

/// Takes the one target that is given.
void read_target(ClusterRequest& request, std::vector<std::string>& problems) {
  int given = 0;
  if (!request.target_time.empty() && ++given == 1) read_time(request, problems);
  if (!request.target_lsn.empty() && ++given == 1) read_lsn(request, problems);
  if (!request.target_xid.empty() && ++given == 1) read_xid(request, problems);
  if (!request.target_name.empty() && ++given == 1) {
    request.target = {.kind = TargetKind::name, .name = request.target_name};
  }
  if (request.target_immediate && ++given == 1) request.target = {.kind = TargetKind::immediate};
  if (given > 1) {
    problems.emplace_back(
        "--target-time, --target-lsn, --target-xid, --target-name and --target-immediate exclude "
        "each other");
  }
  if (given > 0 && request.standby) {
    problems.emplace_back("--standby follows its primary and has no target");
  }
}

void read_timeline(ClusterRequest& request, std::vector<std::string>& problems) {
  if (request.target_timeline == "latest") return;
  request.timeline = parse_whole<Timeline>(request.target_timeline);
  if (!request.timeline) {
    problems.push_back(fmt::format("--target-timeline: '{}' is neither a number nor latest",
                                   request.target_timeline));
  }
}

void read_mappings(ClusterRequest& request, std::vector<std::string>& problems) {
  std::string_view rest = request.tablespaces;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    try {
      request.mappings.push_back(parse_tablespace_mapping(rest.substr(0, comma)));
    } catch (const Error& error) {
      problems.push_back(fmt::format("--tablespace: {}", error.message()));
    }
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
}

}  // namespace

std::vector<Option> cluster_restore_options(ClusterRequest& request) {
  return {
      {.name = "--cluster",
       .value = &request.cluster,
       .help = "restore: a base backup and WAL into a directory, in place of a database"},
      {.name = "--target-dir",
       .value = &request.target_dir,
       .help = "with --cluster: the data directory to write, which must be empty"},
      {.name = "--target-time",
       .value = &request.target_time,
       .help = "with --cluster: recover to the last commit up to this time, such as "
               "'2026-11-20 03:15:00+01'"},
      {.name = "--target-lsn",
       .value = &request.target_lsn,
       .help = "with --cluster: recover to this position of the WAL"},
      {.name = "--target-xid",
       .value = &request.target_xid,
       .help = "with --cluster: recover to the commit of this transaction"},
      {.name = "--target-name",
       .value = &request.target_name,
       .help = "with --cluster: recover to this restore point (pg_create_restore_point)"},
      {.name = "--target-immediate",
       .value = &request.target_immediate,
       .help = "with --cluster: recover no further than the base backup needs"},
      {.name = "--target-timeline",
       .value = &request.target_timeline,
       .help = "with --cluster: recover along this timeline"},
      {.name = "--target-action",
       .value = choice(&request.action, {"promote", "pause", "shutdown"}),
       .help = "with --cluster: what the server does at the target"},
      {.name = "--standby",
       .value = &request.standby,
       .help = "with --cluster: make a standby, which goes on recovering"},
      {.name = "--wal",
       .value = choice(&request.wal, {"copy", "fetch"}),
       .help = "with --cluster: copy the WAL beside the data, or have the server call `pg-backup "
               "wal-fetch`"},
      {.name = "RESTORE_COMMAND",
       .value = &request.restore_command,
       .help = "restore --cluster: a restore_command of your own for the restored server, which "
               "then brings all WAL."},
      {.name = "--tablespace",
       .value = &request.tablespaces,
       .help = "with --cluster: OLD=NEW puts a tablespace elsewhere; several are separated by "
               "commas"},
  };
}

std::vector<std::string> cluster_flags(const ClusterRequest& request) {
  const ClusterRequest none;
  std::vector<std::string> flags;
  const auto add = [&](bool is_given, const char* flag) {
    if (is_given) flags.emplace_back(flag);
  };
  add(request.target_dir != none.target_dir, "--target-dir");
  add(!request.target_time.empty(), "--target-time");
  add(!request.target_lsn.empty(), "--target-lsn");
  add(!request.target_xid.empty(), "--target-xid");
  add(!request.target_name.empty(), "--target-name");
  add(request.target_immediate, "--target-immediate");
  add(request.target_timeline != none.target_timeline, "--target-timeline");
  add(request.action != none.action, "--target-action");
  add(request.standby, "--standby");
  add(request.wal != none.wal, "--wal");
  add(!request.tablespaces.empty(), "--tablespace");
  return flags;
}

void check_cluster_request(ClusterRequest& request, std::vector<std::string>& problems) {
  read_target(request, problems);
  read_timeline(request, problems);
  read_mappings(request, problems);
}

}  // namespace pgbackup
