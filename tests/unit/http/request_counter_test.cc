#include "common/http/request_counter.h"

#include <thread>

#include "tests/support/test.h"

namespace pgbackup {
namespace {

TEST_CASE("A status has a class, and what is none has its own") {
  CHECK(status_class(200) == "2xx");
  CHECK(status_class(204) == "2xx");
  CHECK(status_class(100) == "1xx");
  CHECK(status_class(307) == "3xx");
  CHECK(status_class(404) == "4xx");
  CHECK(status_class(599) == "5xx");
  for (const int none : {0, -1, 99, 600, 2147483647}) CHECK(status_class(none) == "none");
}

TEST_CASE("A repeat has a cause by the reply before it") {
  CHECK(retry_cause(0) == "no_reply");
  CHECK(retry_cause(503) == "throttled");
  CHECK(retry_cause(429) == "throttled");
  CHECK(retry_cause(500) == "server_error");
  CHECK(retry_cause(502) == "server_error");
  CHECK(retry_cause(200) == "interrupted");
  CHECK(retry_cause(206) == "interrupted");
  CHECK(retry_cause(400) == "other");
  CHECK(retry_cause(408) == "other");
}

TEST_CASE("Requests are counted by operation and class, from several threads") {
  RequestCounter counter;
  CHECK(counter.counts().requests.empty());
  CHECK(counter.counts().retries.empty());
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 250; ++n) {
        counter.count_request("PutObject", 200);
        counter.count_request("PutObject", 503);
        counter.count_retry(503);
        static_cast<void>(counter.counts());
      }
    });
  }
  threads.clear();
  counter.count_request("PutObject", 204);
  counter.count_request("GetObject", 0);
  const RequestCounts counts = counter.counts();
  CHECK(counts.requests.size() == 3);
  CHECK(counts.requests.at({"PutObject", "2xx"}) == 1001);
  CHECK(counts.requests.at({"PutObject", "5xx"}) == 1000);
  CHECK(counts.requests.at({"GetObject", "none"}) == 1);
  CHECK(counts.retries == std::map<std::string_view, uint64_t>{{"throttled", 1000}});
}

}  // namespace
}  // namespace pgbackup
