#include "common/store/s3/store.h"

#include <fmt/format.h>

#include <utility>

#include "common/base/error.h"
#include "common/store/s3/list.h"
#include "common/store/s3/source.h"
#include "common/store/s3/upload.h"
#include "common/store/s3/versions.h"

namespace pgbackup {
namespace {

using std::chrono::minutes;

/// How long the Date of an earlier reply answers now().
constexpr minutes kDateMaxAge{1};
/// The longest time that own_time() waits for a Date.
constexpr std::chrono::seconds kMostTimeWait{10};
/// The longest time of an attempt to write `latest`, and of repeating it.
constexpr std::chrono::seconds kMostLatestWait{30};

TransportFactory curl_factory(const S3Config& config) {
  return [ca_file = config.ca_file] { return std::make_unique<CurlTransport>(ca_file); };
}

}  // namespace

S3Store::S3Store(S3Config config, Clock& clock, Log& log, std::stop_token stop)
    : client_(std::move(config), clock, log),
      log_(log),
      stop_(std::move(stop)),
      remover_(client_, stop_),
      factory_(curl_factory(client_.config())) {}

S3Store::S3Store(S3Config config, Clock& clock, Log& log, std::stop_token stop,
                 TransportFactory factory)
    : client_(std::move(config), clock, log),
      log_(log),
      stop_(std::move(stop)),
      remover_(client_, stop_),
      factory_(std::move(factory)) {}

Transport& S3Store::transport() {
  if (!transport_) transport_ = factory_();
  return *transport_;
}

std::string S3Store::location(std::string_view key) const {
  return client_.url_of(client_.full_key(key));
}

std::string S3Store::full_key(std::string_view key) const { return client_.full_key(key); }

std::unique_ptr<ObjectWriter> S3Store::create(const std::string& key) {
  return std::make_unique<S3ObjectWriter>(client_, transport(), factory_, S3UploadName{key}, stop_);
}

std::unique_ptr<ObjectWriter> S3Store::create_shared(const std::string& key) {
  return std::make_unique<S3ObjectWriter>(client_, transport(), factory_,
                                          S3UploadName{.key = key, .is_shared = true}, stop_);
}

void S3Store::put(const std::string& key, std::string_view bytes) {
  const S3WriteOptions& write = client_.config().write;
  S3Request request{.method = "PUT",
                    .key = client_.full_key(key),
                    .headers = put_headers(write, client_.locked_until(), bytes),
                    .body = bytes,
                    .body_sha256 = std::string(payload_hash_override(write)),
                    .timeout = transfer_timeout(client_.config(), bytes.size())};
  if (write.is_conditional) request.returned_status = kPreconditionFailed;
  const HttpResponse response = client_.send(transport(), request, stop_);
  if (response.status != kPreconditionFailed) return;
  // The object is ours when the reply to an earlier attempt was lost.
  const HttpResponse present = client_.send(
      transport(), {.method = "GET", .key = request.key, .timeout = request.timeout}, stop_);
  if (present.body != bytes) throw_foreign_object(location(key));
}

void S3Store::commit(const std::string& folder, std::string_view manifest,
                     const std::vector<StoredObject>& objects) {
  Store::commit(folder, manifest, objects);
  if (client_.config().writes_latest) put_latest(folder);
}

/// Writes the object `latest`, the only one that is ever written again. It has no lock and is not
/// conditional. The backup exists already, so that nothing that happens here may reach the caller.
void S3Store::put_latest(const std::string& folder) noexcept {
  try {
    const size_t slash = folder.rfind('/');
    const std::string key = fmt::format("{}/{}", folder.substr(0, slash), kLatestName);
    const std::string id = folder.substr(slash + 1) + "\n";
    try {
      S3WriteOptions write = client_.config().write;
      write.is_conditional = false;
      const S3Request request{.method = "PUT",
                              .key = client_.full_key(key),
                              .headers = put_headers(write, std::nullopt, id),
                              .body = id,
                              .body_sha256 = std::string(payload_hash_override(write)),
                              .timeout = kMostLatestWait};
      Retrier retrier = client_.make_retrier({.total = kMostLatestWait}, stop_);
      retrier.run([&](Attempt& attempt) {
        static_cast<void>(client_.send_once(transport(), request, attempt, stop_));
      });
    } catch (...) {
      log_.warn("an object does not name the newest backup",
                {{"object", location(key)}, {"cause", current_error().message()}});
    }
  } catch (...) {
    return;  // out of memory
  }
}

std::unique_ptr<Source> S3Store::open(const std::string& key) {
  return std::make_unique<S3Source>(client_, factory_(), client_.full_key(key), stop_);
}

std::optional<ObjectInfo> S3Store::stat(const std::string& key) {
  const HttpResponse response = client_.send(
      transport(),
      {.method = "HEAD", .key = client_.full_key(key), .returned = ErrorKind::not_found}, stop_);
  if (response.status == 404) return std::nullopt;
  const std::optional<uint64_t> bytes = parse_size(response.header("content-length"));
  const std::optional<UtcTime> modified = parse_http_date(response.header("last-modified"));
  if (!bytes || !modified) {
    throw Error(ErrorKind::corrupt,
                fmt::format("HEAD {}: the reply lacks size or time", location(key)));
  }
  return ObjectInfo{.key = key, .bytes = *bytes, .modified = *modified};
}

void S3Store::list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) {
  const std::string& root = client_.config().prefix;
  list_objects(
      client_, transport(), {.prefix = client_.full_key(prefix)},
      [&](const S3ObjectEntry& object) {
        // Some consoles make an empty object for the prefix itself, which has no name below the
        // root.
        if (object.key.size() <= root.size() || !object.key.starts_with(root)) return;
        visit({.key = object.key.substr(root.size()),
               .bytes = object.bytes,
               .modified = object.modified});
      },
      stop_);
}

void S3Store::remove(const std::string& key) {
  remover_.remove(transport(), {client_.full_key(key)});
}

std::vector<RemovalFailure> S3Store::remove_all(std::span<const std::string> keys) {
  std::vector<S3ObjectName> objects;
  objects.reserve(keys.size());
  for (const std::string& key : keys) objects.push_back({client_.full_key(key)});
  std::vector<S3RemovalFailure> failed =
      client_.config().delete_versions
          ? S3VersionRemover(client_, transport(), remover_, stop_).remove_all(objects)
          : remover_.remove_all(transport(), objects);
  std::vector<RemovalFailure> failures;
  failures.reserve(failed.size());
  for (S3RemovalFailure& failure : failed) {
    failures.push_back({.key = failure.object.key.substr(client_.config().prefix.size()),
                        .error = std::move(failure.error),
                        .lock = std::move(failure.lock)});
  }
  return failures;
}

void S3Store::list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) {
  const std::string& root = client_.config().prefix;
  list_uploads(
      client_, transport(), {.prefix = root},
      [&](const S3UploadEntry& upload) {
        if (upload.key.size() <= root.size() || !upload.key.starts_with(root)) return;
        visit({.key = upload.key.substr(root.size()),
               .id = upload.upload_id,
               .newest = upload.initiated});
      },
      stop_);
}

std::optional<UtcTime> S3Store::last_activity(const UnfinishedWrite& write) {
  return newest_part(
      client_, transport(),
      {.key = client_.full_key(write.key), .upload_id = write.id, .initiated = write.newest},
      stop_);
}

void S3Store::remove_unfinished(const UnfinishedWrite& write) {
  remover_.abort_upload(transport(), client_.full_key(write.key), write.id);
}

/// Returns the cheapest request whose refusal comes with an explanation. Any reply has a Date.
S3Request S3Store::time_request() const {
  return {.method = "GET",
          .key = {},
          .query = {{"list-type", "2"}, {"max-keys", "1"}, {"prefix", client_.config().prefix}},
          .note = "(list 1)"};
}

UtcTime S3Store::now() {
  if (const auto known = client_.server_time(kDateMaxAge)) return *known;
  static_cast<void>(client_.send(transport(), time_request(), stop_));
  const auto fresh = client_.server_time(kDateMaxAge);
  if (!fresh) {
    throw Error(ErrorKind::failed,
                fmt::format("{}: the server does not tell its time", location("")),
                "its replies need a Date header");
  }
  return *fresh;
}

std::optional<UtcTime> S3Store::own_time() {
  if (const auto known = client_.server_time(kDateMaxAge)) return known;
  try {
    Attempt once;
    S3Request request = time_request();
    request.timeout = kMostTimeWait;
    static_cast<void>(client_.send_once(transport(), request, once, stop_));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::canceled) throw;
  }
  return client_.server_time(kDateMaxAge);
}

}  // namespace pgbackup
