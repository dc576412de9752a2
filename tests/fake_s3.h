// An S3 server inside the test, reached through Transport: objects, multipart uploads, paged lists,
// and faults on cue. Checks payload hashes and the region of the signature's scope.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/store/http.h"
#include "tests/fake_clock.h"

namespace pgbackup {

/// A request as the server sees it.
struct FakeS3Request {
  std::string method;
  std::string host;
  std::string path;                          ///< decoded
  std::string key;                           ///< below the bucket
  std::map<std::string, std::string> query;  ///< decoded
  std::map<std::string, std::string> headers;
  std::string body;

  [[nodiscard]] bool has(const std::string& parameter) const { return query.contains(parameter); }
  /// `PUT a/b?partNumber`: method, key and the names of the parameters.
  [[nodiscard]] std::string summary() const;
};

struct FakeS3Reply {
  HttpResponse response{};
  std::optional<size_t> breaks_after{};  ///< the network fails after so many bytes of the body
};

/// Thread-safe through its transports and count(); the other members are for when none is at work.
class FakeS3 {
 public:
  struct Object {
    std::string bytes;
    std::string token;
    UtcTime modified;
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
  size_t page_keys = 1000;
  std::map<std::string, Object> objects;
  std::map<std::string, Upload> uploads;  ///< by id
  std::vector<std::string> seen;          ///< summaries

  [[nodiscard]] size_t count(const std::string& summary) const;

  FakeS3Reply handle(const HttpRequest& http);

 private:
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

[[nodiscard]] FakeS3Reply fake_reply(int status, std::string body = {}, NameValues headers = {});
/// An <Error> document.
[[nodiscard]] FakeS3Reply fake_error(int status, const std::string& code,
                                     const std::string& extra = {});
/// What a Transport throws when the network fails.
[[noreturn]] void throw_network_error();

}  // namespace pgbackup
