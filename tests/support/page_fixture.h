// A memory store whose contents a test arranges, read as the status page reads it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "prune/page/html.h"
#include "prune/page/model.h"
#include "prune/page/read_store.h"
#include "tests/support/evidence_fixture.h"
#include "tests/support/zone_guard.h"

namespace pgbackup {

class PageFixture : public EvidenceFixture {
 public:
  PageFixture() {
    // Several threads read.
    seen.before = [](std::string_view, std::string_view) {};
    rules.retention = {.max_age = std::chrono::days(30), .min_backups = 1};
  }

  [[nodiscard]] std::vector<StoreView> read() { return reader.read({}); }
  [[nodiscard]] Page page() { return make_page(read(), settings, clock.now()); }
  /// The group as it is shown; the test fails where it is not.
  [[nodiscard]] PageGroup group(const std::string& name) {
    const Page made = page();
    const auto& groups = made.destinations.at(0).groups;
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const PageGroup& one) { return one.group.name() == name; });
    REQUIRE(found != groups.end());
    return *found;
  }
  [[nodiscard]] std::string state(const std::string& name) {
    return std::string(state_title(group(name).verdict.state));
  }
  /// A manifest of that age that says when the next one is due, in relation to now.
  [[nodiscard]] Manifest due(const std::string& name, std::chrono::seconds age,
                             std::chrono::seconds next) const {
    Manifest made = manifest(name, age);
    made.finished = made.started + std::chrono::minutes(1);
    made.next_due = now + next;
    return made;
  }

  const ZoneGuard zone_of_page{"UTC"};
  PageSettings settings{.keep = {{"S3_BACKUP_MAX_AGE", "30d"}}, .zone = "UTC"};
  StoreReader reader{[this](const std::stop_token&) { return only(seen); }, rules, adoption, clock};
};

}  // namespace pgbackup
