// One request to S3 and its reply: addressing, signing, repeats and errors. Nothing else signs.
// What to ask for is decided in store.h and upload.h.
// https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
#pragma once

#include <atomic>
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

/// The most parts of one object on AWS.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
inline constexpr int kMostParts = 10'000;

struct S3Config {
  std::string endpoint{};  ///< S3_ENDPOINT; empty: AWS
  std::string bucket{};
  std::string region{};  ///< empty: from the endpoint's name, else us-east-1, else learned
  std::string prefix{};  ///< with or without slashes around it
  S3Addressing addressing = S3Addressing::automatic;
  std::filesystem::path ca_file{};  ///< PEM; empty: the system's authorities
  Secret access_key{};
  Secret secret_key{};
  Secret session_token{};                 ///< belongs to temporary keys
  CredentialFetch get_credentials{};      ///< where it is set, used in place of these keys
  int upload_concurrency = 3;             ///< parts in flight, at least 1
  size_t part_bytes = size_t{16} << 20U;  ///< S3 wants at least 5 MiB
  int max_parts = kMostParts;             ///< the most parts of one object
  uint64_t max_rate = 0;  ///< bytes per second in each direction, all connections; zero: no bound
  RetryLimits retry{};    ///< of one request
  /// Bounds `retry.total` until the server has answered for the first time: a person who waits
  /// has probably mistyped the endpoint. Unset: no such limit.
  std::optional<std::chrono::seconds> first_contact{};
  S3WriteOptions write{};
  bool writes_latest = false;    ///< commit() also writes the object `latest`
  bool delete_versions = false;  ///< remove_all() deletes older versions and delete markers, too
  RequestCounter* counter = nullptr;  ///< where requests are counted; nullptr: nowhere
};

inline constexpr RetryLimits kSingleAttempt{.total = std::chrono::milliseconds(0)};

struct S3Request {
  std::string method{};
  std::string key{};  ///< full key; empty: the bucket itself
  NameValues query{};
  NameValues headers{};
  std::string_view body{};  ///< must outlive the call
  /// The body's hash that is signed: 64 hexadecimal digits of `body`, or UNSIGNED-PAYLOAD; empty:
  /// computed.
  std::string body_sha256{};
  std::string note{};  ///< for messages: `part 7`

  std::chrono::milliseconds timeout = std::chrono::minutes(1);  ///< of an attempt; zero: no bound
  std::chrono::seconds stall{60};                               ///< see HttpRequest
  /// Marks a clean-up after a stop, when the process has 10 s in all: one attempt of 2 s, with the
  /// credentials that are at hand.
  bool is_cleanup = false;
  /// The kind of error that is returned as a reply with its status, not thrown.
  std::optional<ErrorKind> returned{};
  std::optional<int> returned_status{};  ///< a status that is returned in the same way
  /// Marks a request to which the server replies 200 before its work is done: only a completed
  /// upload in the body is success.
  bool is_completion = false;
  /// Marks a request whose reply 200 may hold an <Error> document, which is a failure. The caller
  /// judges any other body.
  bool may_fail_late = false;
};

/// The status of a write that was refused because an object of that name exists (If-None-Match).
inline constexpr int kPreconditionFailed = 412;
/// The status of a request without permission. A HEAD gets it for an absent object as well, where
/// the permission to list the bucket is limited.
inline constexpr int kForbidden = 403;
[[noreturn]] void throw_foreign_object(const std::string& url);

/// Sends requests. Thread-safe, as long as each thread brings its own Transport. `clock` and `log`
/// must outlive the client.
class S3Client {
 public:
  /// Checks the configuration. Throws `usage` for an endpoint, bucket or limit that cannot work.
  S3Client(S3Config config, Clock& clock, Log& log);

  /// Sends a request until it succeeds or fails for good. Returns the whole reply.
  [[nodiscard]] HttpResponse send(Transport& transport, const S3Request& request,
                                  const std::stop_token& stop);
  /// Makes a single attempt of send(), for callers that repeat in their own way.
  [[nodiscard]] HttpResponse send_once(Transport& transport, const S3Request& request,
                                       Attempt& attempt, const std::stop_token& stop);
  /// Makes a single attempt. Returns the head of a good reply, whose body is then read from
  /// `transport`.
  [[nodiscard]] HttpResponse start_once(Transport& transport, const S3Request& request,
                                        Attempt& attempt, const std::stop_token& stop);
  [[nodiscard]] Retrier make_retrier(const RetryLimits& limits, const std::stop_token& stop);

  /// Returns the server's time, from the Date of a reply that is at most `max_age` old; nullopt
  /// without one.
  [[nodiscard]] std::optional<UtcTime> server_time(std::chrono::seconds max_age) const {
    return server_clock_.time(max_age);
  }

  [[nodiscard]] const S3Config& config() const { return config_; }
  /// Returns the region that is signed for: the configured one, or the one that the server named.
  [[nodiscard]] std::string region() const;
  /// Returns `https://host:port`, with the bucket in front of the host where that addresses it.
  [[nodiscard]] std::string address() const;
  /// Returns until when what this client writes now is locked.
  [[nodiscard]] std::optional<UtcTime> locked_until() const;
  /// Counts the retention of what is written from now on from the present moment.
  void renew_lock();
  [[nodiscard]] Clock& clock() const { return clock_; }
  [[nodiscard]] Log& log() const { return log_; }
  /// Returns the key with the normalized prefix in front.
  [[nodiscard]] std::string full_key(std::string_view key) const;
  /// Returns `s3://bucket/full_key`.
  [[nodiscard]] std::string url_of(std::string_view full_key) const;

 private:
  /// Holds what an attempt is signed with. A refusal may correct it.
  struct Signing {
    std::string region{};
    std::string authority{};  ///< with the bucket in front where it is a virtual host
    std::chrono::seconds offset{0};
    UtcTime begun{};
    Credentials credentials{};
  };
  /// Holds what one attempt has learned, each thing at most once.
  struct Lessons {
    bool region = false;
    bool clock = false;
    bool credentials = false;
  };

  [[nodiscard]] bool is_first_contact(const RetryLimits& limits) const;
  [[nodiscard]] std::string describe(const S3Request& request) const;
  [[nodiscard]] std::string authority() const;
  void count(const S3Request& request, int status) const;
  void note_date(UtcTime date);
  [[nodiscard]] Signing signing(const S3Request& request, const std::stop_token& stop);
  [[nodiscard]] HttpRequest sign(const S3Request& request, const Signing& with,
                                 const Attempt& attempt);
  /// Runs one exchange. Reads the body when the reply is no success.
  [[nodiscard]] HttpResponse exchange(Transport& transport, const S3Request& request,
                                      const Signing& with, const Attempt& attempt,
                                      const std::stop_token& stop);
  /// Returns true when the request is worth signing again with what the refusal says.
  bool learn(const HttpResponse& response, const S3ErrorReply& reply, const Signing& used,
             Lessons& lessons);
  bool learn_region(int status, const std::string& named, const std::string& used);
  bool learn_clock(const HttpResponse& response, const S3ErrorReply& reply, const Signing& used);
  void throw_unless_returned(const S3Request& request, int status, const S3ErrorReply& reply,
                             const Attempt& attempt) const;

  S3Config config_;
  Clock& clock_;
  Log& log_;
  CredentialKeeper credentials_;
  ServerClock server_clock_;
  Outage outage_;
  RateLimit rate_limit_;
  std::atomic<bool> has_answered_ = false;

  mutable std::mutex mutex_;
  std::optional<UtcTime> locked_until_;
  S3Endpoint endpoint_;
  std::string region_;
};

}  // namespace pgbackup
