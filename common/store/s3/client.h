// One request to S3 and its reply: addressing, signing, repeats, errors. The only place that signs.
// What is asked for is decided in s3_store and s3_upload.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
#pragma once

#include <chrono>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/secret.h"
#include "common/http/outage.h"
#include "common/http/retry.h"
#include "common/http/server_clock.h"
#include "common/http/transport.h"
#include "common/store/s3/credentials/credentials.h"
#include "common/store/s3/endpoint.h"
#include "common/store/s3/write_options.h"
#include "common/store/s3/xml.h"

namespace pgbackup {

/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
inline constexpr int kMostParts = 10'000;

struct S3Config {
  std::string endpoint{};  ///< S3_ENDPOINT; empty: AWS
  std::string bucket{};
  std::string region{};  ///< empty: from the endpoint's name, else us-east-1, else learned
  std::string prefix{};  ///< a folder, with or without slashes around it
  S3Addressing addressing = S3Addressing::automatic;
  std::filesystem::path ca_file{};  ///< PEM; empty: the system's authorities
  Secret access_key{};
  Secret secret_key{};
  Secret session_token{};                 ///< of temporary keys
  CredentialFetch get_credentials{};      ///< where it is set, in place of these keys
  int upload_concurrency = 3;             ///< parts in flight, at least 1
  size_t part_bytes = size_t{16} << 20U;  ///< S3 wants at least 5 MiB
  int max_parts = kMostParts;             ///< of one object
  uint64_t max_rate = 0;  ///< bytes per second in each direction, all connections; zero: no bound
  RetryLimits retry{};    ///< of one request
  S3WriteOptions write{};
  bool delete_versions = false;  ///< remove_all() removes older versions and delete markers, too
};

inline constexpr RetryLimits kSingleAttempt{.total = std::chrono::milliseconds(0)};

struct S3Request {
  std::string method{};
  std::string key{};  ///< full key; empty: the bucket itself
  NameValues query{};
  NameValues headers{};
  std::string_view body{};  ///< must outlive the call
  /// What is signed: 64 hexadecimal digits of `body`, or UNSIGNED-PAYLOAD; empty: computed.
  std::string body_sha256{};
  std::string note{};  ///< for messages: `part 7`

  std::chrono::milliseconds timeout = std::chrono::minutes(1);  ///< of one attempt; zero: none
  std::chrono::seconds stall{60};                               ///< see HttpRequest
  /// After a stop, when the process has 10 s in all: one attempt of 2 s, with the credentials that
  /// are at hand.
  bool is_cleanup = false;
  /// An error of this kind is returned as a reply with its status, not thrown.
  std::optional<ErrorKind> returned{};
  std::optional<int> returned_status{};  ///< so is this status
  /// 200 comes before the work is done: only a completed upload in the body is success.
  bool is_completion = false;
  /// As above: an <Error> document in the body is a failure. Anything else is the caller's to
  /// judge.
  bool may_fail_late = false;
};

/// The status of a write that was refused because there is an object of that name (If-None-Match).
inline constexpr int kPreconditionFailed = 412;
/// Of a HEAD also: there is no such object, where the right to list the bucket is limited.
inline constexpr int kForbidden = 403;
[[noreturn]] void throw_foreign_object(const std::string& url);

/// Thread-safe, as long as each thread brings its own Transport. `clock` and `log` must outlive it.
class S3Client {
 public:
  /// Throws `usage` for an endpoint, bucket or limit that cannot work.
  S3Client(S3Config config, Clock& clock, Log& log);

  /// Sends until success or a lasting error; the whole reply.
  [[nodiscard]] HttpResponse send(Transport& transport, const S3Request& request,
                                  const std::stop_token& stop);
  /// A single attempt of send(), for those who repeat it in their own way.
  [[nodiscard]] HttpResponse send_once(Transport& transport, const S3Request& request,
                                       Attempt& attempt, const std::stop_token& stop);
  /// A single attempt; returns with the head of a good reply, whose body is then read from
  /// `transport`.
  [[nodiscard]] HttpResponse start_once(Transport& transport, const S3Request& request,
                                        Attempt& attempt, const std::stop_token& stop);
  [[nodiscard]] Retrier make_retrier(const RetryLimits& limits, const std::stop_token& stop);

  /// The server's time, from the Date of a reply that is at most `max_age` old.
  [[nodiscard]] std::optional<UtcTime> server_time(std::chrono::seconds max_age) const {
    return server_clock_.time(max_age);
  }

  [[nodiscard]] const S3Config& config() const { return config_; }
  /// One moment for all that this client writes.
  [[nodiscard]] std::optional<UtcTime> locked_until() const { return locked_until_; }
  [[nodiscard]] Clock& clock() const { return clock_; }
  [[nodiscard]] Log& log() const { return log_; }
  /// With the normalised prefix in front.
  [[nodiscard]] std::string full_key(std::string_view key) const;
  /// `s3://bucket/full_key`
  [[nodiscard]] std::string url_of(std::string_view full_key) const;

 private:
  /// What an attempt is signed with; a refusal may teach better.
  struct Signing {
    std::string region{};
    std::string authority{};  ///< with the bucket in front where it is a virtual host
    std::chrono::seconds offset{0};
    UtcTime begun{};
    Credentials credentials{};
  };
  /// What one attempt has learned, each thing once at most.
  struct Lessons {
    bool region = false;
    bool clock = false;
    bool credentials = false;
  };

  [[nodiscard]] std::string describe(const S3Request& request) const;
  [[nodiscard]] Signing signing(const S3Request& request, const std::stop_token& stop);
  [[nodiscard]] HttpRequest sign(const S3Request& request, const Signing& with,
                                 const Attempt& attempt);
  /// One exchange; the body is read when the reply is no success.
  [[nodiscard]] HttpResponse exchange(Transport& transport, const S3Request& request,
                                      const Signing& with, const Attempt& attempt,
                                      const std::stop_token& stop);
  /// True when the request is worth signing again with what the refusal tells.
  bool learn(const HttpResponse& response, const S3ErrorReply& reply, const Signing& used,
             Lessons& lessons);
  bool learn_region(int status, const std::string& named, const std::string& used);
  bool learn_clock(const HttpResponse& response, const S3ErrorReply& reply, const Signing& used);
  void throw_unless_returned(const S3Request& request, int status, const S3ErrorReply& reply,
                             const Attempt& attempt) const;

  S3Config config_;
  Clock& clock_;
  Log& log_;
  std::optional<UtcTime> locked_until_;
  CredentialKeeper credentials_;
  ServerClock server_clock_;
  Outage outage_;
  RateLimit rate_limit_;

  mutable std::mutex mutex_;
  S3Endpoint endpoint_;
  std::string region_;
};

}  // namespace pgbackup
