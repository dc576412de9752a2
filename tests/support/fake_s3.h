// An S3 server inside the test, reached through Transport: objects, multipart uploads, paged lists,
// and faults on cue. Checks every signature, its region and its time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/http/transport.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_s3_request.h"
#include "tests/support/fake_s3_signature.h"

namespace pgbackup {

/// Thread-safe through its transports and count(); the other members are for when none is at work.
class FakeS3 {
 public:
  struct Object {
    std::string bytes;
    std::string token;
    UtcTime modified;
    std::string etag{};  ///< of a part
  };
  struct Upload {
    std::string key;
    std::string token;
    UtcTime initiated;
    std::map<int, Object> parts;
  };

  explicit FakeS3(FakeClock& clock) : clock_(clock) {}

  [[nodiscard]] TransportFactory factory();

  /// Called before the work: a reply in its place, or an Error thrown for the network.
  std::function<std::optional<FakeS3Reply>(const FakeS3Request&)> before;
  /// The <Error> of a key in DeleteObjects, or nothing: it is removed.
  std::function<std::string(const std::string& key)> refuse_removal;
  /// Called after the work: may change the reply or throw, as if it was lost.
  std::function<void(const FakeS3Request&, FakeS3Reply&)> after;

  std::string bucket = "bucket";
  std::string region = "us-east-1";
  FakeAccounts accounts = {{"AKID", {.secret_key = "secret"}}};
  std::chrono::seconds ahead{0};  ///< the server's clock is that much ahead of the client's
  size_t page_keys = 1000;
  std::map<std::string, Object> objects;
  std::map<std::string, Upload> uploads;  ///< by id
  std::vector<std::string> seen;          ///< summaries

  [[nodiscard]] size_t count(const std::string& summary) const;

  FakeS3Reply handle(const HttpRequest& http);

 private:
  [[nodiscard]] UtcTime now() const { return clock_.now() + ahead; }
  [[nodiscard]] std::optional<FakeS3Reply> refuse(const SignatureFinding& finding) const;
  FakeS3Reply work(const FakeS3Request& request);
  FakeS3Reply put(const FakeS3Request& request);
  FakeS3Reply get(const FakeS3Request& request);
  FakeS3Reply post(const FakeS3Request& request);
  FakeS3Reply remove(const FakeS3Request& request);
  FakeS3Reply remove_many(const FakeS3Request& request);
  FakeS3Reply list(const FakeS3Request& request) const;
  FakeS3Reply list_uploads(const FakeS3Request& request) const;
  FakeS3Reply list_parts(const FakeS3Request& request) const;
  FakeS3Reply complete(const FakeS3Request& request);

  FakeClock& clock_;
  mutable std::mutex mutex_;
  int next_id_ = 1;
};

}  // namespace pgbackup
