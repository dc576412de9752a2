#include "backup/physical/cluster_request.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

std::string problems_of(ClusterRequest& request) {
  std::vector<std::string> problems;
  check_cluster_request(request, problems);
  return fmt::format("{}", fmt::join(problems, "\n"));
}

TEST_CASE("Each target of a cluster's restore is understood") {
  ClusterRequest none;
  CHECK(problems_of(none).empty());
  CHECK(none.target.kind == TargetKind::end);
  CHECK_FALSE(none.timeline);
  ClusterRequest time{.target_time = "2026-11-20 03:15:00+01"};
  CHECK(problems_of(time).empty());
  CHECK(describe(time.target) == "the time 2026-11-20 02:15:00+00");
  ClusterRequest lsn{.target_lsn = "0/4000028"};
  CHECK(problems_of(lsn).empty());
  CHECK(lsn.target.lsn == Lsn{0x4000028});
  ClusterRequest xid{.target_xid = "726"};
  CHECK(problems_of(xid).empty());
  CHECK(xid.target.xid == 726);
  ClusterRequest name{.target_name = "before the upgrade"};
  CHECK(problems_of(name).empty());
  CHECK(name.target.name == "before the upgrade");
  ClusterRequest immediate{.target_immediate = true, .target_timeline = "3"};
  CHECK(problems_of(immediate).empty());
  CHECK(immediate.target.kind == TargetKind::immediate);
  CHECK(immediate.timeline == Timeline{3});
}

TEST_CASE("What is no target is refused by the name of its flag") {
  const auto refused = [](ClusterRequest request, std::string_view flag) {
    CAPTURE(flag);
    CHECK(problems_of(request).starts_with(flag));
  };
  for (const char* const text : {"yesterday", "2026-11-20", "2026-11-20 03:15:00", "03:15+00"}) {
    refused({.target_time = text}, "--target-time: ");
  }
  for (const char* const text : {"1", "0/", "/1", "0/G", "0/1 "}) {
    refused({.target_lsn = text}, "--target-lsn: ");
  }
  for (const char* const text : {"0", "-1", "x", "1 ", "99999999999999999999"}) {
    refused({.target_xid = text}, "--target-xid: ");
  }
  for (const char* const text : {"0", "newest", "-1", "4294967296", ""}) {
    refused({.target_timeline = text}, "--target-timeline: ");
  }
  for (const char* const text : {"x", "/a", "a=/b", "/a=b", "/a=/b=/c"}) {
    refused({.tablespaces = text}, "--tablespace: ");
  }
  refused({.target_lsn = "0/1", .target_xid = "1"}, "--target-time, --target-lsn,");
  refused({.target_xid = "1", .target_immediate = true}, "--target-time, --target-lsn,");
  refused({.target_xid = "1", .standby = true}, "--standby follows its primary");
}

TEST_CASE("Several tablespaces are moved") {
  ClusterRequest request{.tablespaces = "/a=/b,/c d=/e"};
  CHECK(problems_of(request).empty());
  REQUIRE(request.mappings.size() == 2);
  CHECK(request.mappings[1].old_location == "/c d");
  CHECK(request.mappings[1].new_location == "/e");
}

}  // namespace
}  // namespace pgbackup
