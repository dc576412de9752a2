// A store over the fake server, for tests of whole operations.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "common/store/s3_store.h"
#include "tests/fake_clock.h"
#include "tests/fake_s3.h"
#include "tests/test_log.h"

namespace pgbackup {

class S3Fixture {
 public:
  FakeClock clock;
  TestLog log{clock};
  FakeS3 server{clock};
  std::stop_source stop;
  S3Config settings;  ///< without keys; of the stores that are made from now on

  S3Fixture() {
    settings.endpoint = "http://s3.example.com";
    settings.bucket = "bucket";
    settings.part_bytes = 100;
  }

  [[nodiscard]] std::unique_ptr<S3Store> make_store() {
    S3Config config;
    config.endpoint = settings.endpoint;
    config.bucket = settings.bucket;
    config.prefix = settings.prefix;
    config.part_bytes = settings.part_bytes;
    config.max_parts = settings.max_parts;
    config.upload_concurrency = settings.upload_concurrency;
    config.retry = settings.retry;
    config.access_key = Secret("AKID");
    config.secret_key = Secret("secret");
    return std::make_unique<S3Store>(std::move(config), clock, log.log(), stop.get_token(),
                                     server.factory());
  }
};

}  // namespace pgbackup
