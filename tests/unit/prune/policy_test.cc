#include "prune/policy.h"

#include <algorithm>
#include <string_view>

#include "common/base/error.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

using std::chrono::seconds;

const UtcTime kNow = *parse_iso("2026-11-20T12:00:00Z");
constexpr long kDay = 86400;

/// Complete backups of one group by their ages in seconds, given newest first; one letter per
/// verdict in that order: k(eep), r(emove).
std::string verdicts(std::vector<long> ages, const Retention& retention) {
  std::reverse(ages.begin(), ages.end());
  std::vector<Candidate> backups;
  for (const long age : ages) backups.push_back({.time = kNow - seconds(age)});
  std::string letters;
  for (const Reasons& reasons : apply_policy(backups, retention, kNow)) {
    letters.insert(letters.begin(), reasons.empty() ? 'r' : 'k');
  }
  return letters;
}

Retention max_age(long age, int min_backups = 1) {
  return {.max_age = seconds(age), .min_backups = min_backups};
}

TEST_CASE("A backup of the maximal age or more goes, but for the newest") {
  struct Row {
    std::vector<long> ages;  ///< newest first
    Retention retention;
    std::string wanted;
  };
  const std::vector<Row> rows = {
      {{}, max_age(kDay), ""},
      {{0}, max_age(kDay), "k"},
      {{kDay - 1, kDay, kDay + 1}, max_age(kDay), "krr"},
      {{0, kDay - 1, kDay}, max_age(kDay), "kkr"},
      {{kDay}, max_age(kDay), "k"},
      {{1000 * kDay}, max_age(kDay), "k"},
      {{2 * kDay, 3 * kDay, 4 * kDay}, max_age(kDay), "krr"},
      {{2 * kDay, 3 * kDay, 4 * kDay}, max_age(kDay, 2), "kkr"},
      {{2 * kDay, 3 * kDay, 4 * kDay}, max_age(kDay, 3), "kkk"},
      {{2 * kDay, 3 * kDay, 4 * kDay}, max_age(kDay, 1000), "kkk"},
      // The floor is no cap, and counts what a rule keeps.
      {{0, 1, 2, 3 * kDay}, max_age(kDay, 2), "kkkr"},
      {{0, 2 * kDay, 3 * kDay}, max_age(kDay, 2), "kkr"},
      // The same second: each is a backup of its own.
      {{kDay, kDay, kDay}, max_age(kDay), "krr"},
      {{5, 6, 7}, max_age(1), "krr"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.ages, row.retention.min_backups);
    CHECK(verdicts(row.ages, row.retention) == row.wanted);
  }
}

TEST_CASE("A backup dated in the future is kept and never counts") {
  CHECK(verdicts({-1}, max_age(kDay)) == "k");
  CHECK(verdicts({-1, 2 * kDay}, max_age(kDay)) == "kk");
  CHECK(verdicts({-1, 2 * kDay, 3 * kDay}, max_age(kDay)) == "kkr");
  CHECK(verdicts({-999 * kDay, -kDay, 2 * kDay, 3 * kDay}, max_age(kDay)) == "kkkr");
  CHECK(verdicts({-kDay, 2 * kDay, 3 * kDay, 4 * kDay}, max_age(kDay, 2)) == "kkkr");
}

TEST_CASE("The floor counts an older system's backup only where there is none of ours") {
  struct Row {
    const char* backups;  ///< all too old, oldest first: o(urs), a(dopted); capitals: in the future
    int floor;
    const char* wanted;
  };
  for (const auto& [backups, floor, wanted] :
       std::vector<Row>{{"a", 1, "k"},
                        {"aaa", 1, "rrk"},
                        {"aaa", 2, "rkk"},
                        {"aaa", 9, "kkk"},
                        {"aao", 1, "rrk"},
                        {"aao", 2, "rrk"},
                        {"aao", 9, "rrk"},
                        {"aoo", 1, "rrk"},
                        {"aoo", 2, "rkk"},
                        // Those that came after ours: the guard of the newest has a word about it.
                        {"oaa", 1, "krr"},
                        {"oaoa", 1, "rrkr"},
                        {"oaoa", 3, "krkr"},
                        // From the future nothing counts, ours neither.
                        {"aaO", 1, "rkk"},
                        {"aAO", 2, "kkk"}}) {
    CAPTURE(backups, floor);
    std::vector<Candidate> candidates;
    for (const char letter : std::string_view(backups)) {
      const bool is_future = letter == 'O' || letter == 'A';
      const auto index = static_cast<long>(candidates.size());
      candidates.push_back({.time = kNow + seconds((is_future ? kDay : -90 * kDay) + index),
                            .is_ours = letter == 'o' || letter == 'O'});
    }
    std::string letters;
    for (const Reasons& reasons : apply_policy(candidates, max_age(kDay, floor), kNow)) {
      letters += reasons.empty() ? 'r' : 'k';
    }
    CHECK(letters == wanted);
  }
}

TEST_CASE("Every verdict says why") {
  const std::vector<Candidate> all = {{.time = kNow - seconds(40 * kDay)},
                                      {.time = kNow - seconds(31 * kDay)},
                                      {.time = kNow - seconds(5 * kDay)},
                                      {.time = kNow + seconds(1)}};
  CHECK(apply_policy(all, max_age(30 * kDay, 2), kNow) ==
        std::vector<Reasons>{{}, Reason::floor, Reason::within, Reason::future});
}

TEST_CASE("Without a rule nothing is decided, least of all a removal") {
  CHECK_FALSE(has_rule({}));
  CHECK_FALSE(has_rule({.max_age = std::nullopt, .min_backups = 5}));
  CHECK(has_rule(max_age(1)));
  const std::vector<Candidate> one(1);
  CHECK_THROWS_AS(apply_policy(one, {}, kNow), Error);
}

TEST_CASE("The floor holds and a longer age never removes more, whatever the backups") {
  unsigned random = 1;
  const auto next = [&](unsigned below) {
    random = random * 1103515245U + 12345U;
    return (random >> 16U) % below;
  };
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<long> ages(next(40));
    for (long& age : ages) age = static_cast<long>(next(100)) - 5;
    std::sort(ages.begin(), ages.end());
    const auto age = static_cast<long>(next(80) + 1);
    const auto floor = static_cast<int>(next(6) + 1);
    const std::string letters = verdicts(ages, max_age(age, floor));
    const std::string generous = verdicts(ages, max_age(age + 10, floor));
    const auto past = std::count_if(ages.begin(), ages.end(), [](long a) { return a >= 0; });
    const auto future = static_cast<long>(ages.size()) - past;
    CAPTURE(ages, age, floor);
    CHECK(std::count(letters.begin(), letters.end(), 'k') >= future + std::min<long>(past, floor));
    for (size_t i = 0; i < ages.size(); ++i) CHECK((letters[i] == 'r' || generous[i] == 'k'));
    // Newest first: once one goes, all older ones go.
    CHECK(letters.find("rk") == std::string::npos);
  }
}

TEST_CASE("What is damaged takes nobody's place, and stays") {
  const auto judge = [](std::string_view backups, const Retention& retention) {
    std::vector<Candidate> candidates;  // newest first: w(hole), d(amaged)
    for (size_t i = 0; i < backups.size(); ++i) {
      candidates.insert(candidates.begin(), {.time = kNow - seconds(kDay) * static_cast<int>(i),
                                             .is_damaged = backups[i] == 'd'});
    }
    std::string letters;
    for (const Reasons& reasons : apply_policy(candidates, retention, kNow)) {
      const char letter = reasons == Reason::damaged ? 'd' : reasons.empty() ? 'r' : 'k';
      letters.insert(letters.begin(), letter);
    }
    return letters;
  };
  CHECK(judge("dwww", {.keep_last = 1}) == "dkrr");
  CHECK(judge("ddww", {.keep_last = 2}) == "ddkk");
  CHECK(judge("wdww", {.keep_last = 2}) == "kdkr");
  CHECK(judge("dwww", max_age(kDay / 2)) == "dkrr");
  CHECK(judge("dwdww", max_age(kDay / 2, 2)) == "dkdkr");
  CHECK(judge("dd", {.keep_last = 1}) == "dd");
  CHECK(judge("wwww", {.keep_last = 1}) == "krrr");
  // The newest of a week is damaged: the one before it stays for that week.
  CHECK(judge("dwwwwww", {.keep_weekly = 1}) != judge("wwwwwww", {.keep_weekly = 1}));
}

/// Like verdicts(), of backups a day apart given newest first, one letter each: g(ood), f(ailed),
/// v(erified).
std::string verdicts_of(std::string kinds, const Retention& retention) {
  std::reverse(kinds.begin(), kinds.end());
  std::vector<Candidate> backups;
  for (size_t i = 0; i < kinds.size(); ++i) {
    backups.push_back({.time = kNow - seconds(kDay * static_cast<long>(kinds.size() - i)),
                       .has_failed = kinds[i] == 'f',
                       .is_verified = kinds[i] == 'v'});
  }
  std::string letters;
  for (const Reasons& reasons : apply_policy(backups, retention, kNow)) {
    letters.insert(letters.begin(), reasons.empty() ? 'r' : 'k');
  }
  return letters;
}

TEST_CASE("A backup whose verification has failed takes no place, and stays no longer for that") {
  struct Row {
    std::string kinds;  ///< newest first
    Retention retention;
    std::string wanted;
  };
  for (const Row& row : std::vector<Row>{{"gggg", {.keep_last = 2}, "kkrr"},
                                         {"fggg", {.keep_last = 2}, "kkkr"},
                                         {"ffgg", {.keep_last = 2}, "kkkk"},
                                         {"gffg", {.keep_last = 2}, "kkrk"},
                                         {"ggff", {.keep_last = 2}, "kkrr"},
                                         {"ffff", {.keep_last = 2}, "kkrr"},
                                         {"ggg", max_age(kDay, 2), "kkr"},
                                         {"fgg", max_age(kDay, 2), "kkk"},
                                         {"fff", max_age(kDay, 2), "kkr"},
                                         {"fggg", {.keep_daily = 2}, "kkrr"},
                                         {"", {.keep_last = 2}, ""}}) {
    CAPTURE(row.kinds);
    CHECK(verdicts_of(row.kinds, row.retention) == row.wanted);
  }
}

TEST_CASE("The newest verified backup stays where that is required") {
  struct Row {
    std::string kinds;  ///< newest first
    std::string wanted;
  };
  for (const Row& row : std::vector<Row>{{"gggg", "krrr"},
                                         {"gvvv", "kkrr"},
                                         {"vvgg", "krrr"},
                                         {"gggv", "krrk"},
                                         {"fgvg", "kkkr"},
                                         {"gffv", "krrk"},
                                         {"", ""}}) {
    CAPTURE(row.kinds);
    CHECK(verdicts_of(row.kinds, {.keep_last = 1, .require_verified = true}) == row.wanted);
  }
  CHECK(verdicts_of("gggv", {.keep_last = 1}) == "krrr");
}

}  // namespace
}  // namespace pgbackup
