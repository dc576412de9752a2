// A store over the fake server, for tests of whole operations.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "common/store/s3/store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3.h"
#include "tests/support/test_log.h"

namespace pgbackup {

/// The fake server's bucket, with keys that it takes.
inline S3Config fake_s3_config(std::string prefix = {}) {
  S3Config config;
  config.endpoint = "http://s3.example.com";
  config.bucket = "bucket";
  config.prefix = std::move(prefix);
  config.access_key = Secret("AKID");
  config.secret_key = Secret("secret");
  return config;
}

class S3Fixture {
 public:
  FakeClock clock;
  TestLog log{clock};
  FakeS3 server{clock};
  std::stop_source stop;
  S3Config settings;  ///< prefix, sizes and retries of the stores that are made from now on

  S3Fixture() { settings.part_bytes = 100; }

  [[nodiscard]] std::unique_ptr<S3Store> make_store() {
    S3Config config = fake_s3_config(settings.prefix);
    config.part_bytes = settings.part_bytes;
    config.max_parts = settings.max_parts;
    config.upload_concurrency = settings.upload_concurrency;
    config.retry = settings.retry;
    return make_store(std::move(config));
  }
  [[nodiscard]] std::unique_ptr<S3Store> make_store(S3Config config) {
    return std::make_unique<S3Store>(std::move(config), clock, log.log(), stop.get_token(),
                                     server.factory());
  }
};

}  // namespace pgbackup
