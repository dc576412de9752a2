// A store in an S3 bucket, below a prefix. Works with every provider that speaks S3: needs only
// PUT, GET, HEAD, DELETE, ListObjectsV2 and multipart uploads.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/s3/client.h"
#include "common/store/s3/remover.h"
#include "common/store/s3/xml.h"
#include "common/store/store.h"

namespace pgbackup {

class S3Store final : public Store {
 public:
  /// Checks the configuration, and asks nothing of the server yet. `clock` and `log` must outlive
  /// the store. Throws `usage` for a configuration that cannot work.
  S3Store(S3Config config, Clock& clock, Log& log, std::stop_token stop);
  /// Uses transports from `factory` in place of libcurl (tests).
  S3Store(S3Config config, Clock& clock, Log& log, std::stop_token stop, TransportFactory factory);

  [[nodiscard]] std::string location(std::string_view key) const override;
  [[nodiscard]] std::string full_key(std::string_view key) const override;

  [[nodiscard]] std::unique_ptr<ObjectWriter> create(const std::string& key) override;
  [[nodiscard]] std::unique_ptr<ObjectWriter> create_shared(const std::string& key) override;
  void put(const std::string& key, std::string_view bytes) override;
  void commit(const std::string& folder, std::string_view manifest,
              const std::vector<StoredObject>& objects) override;
  [[nodiscard]] std::optional<UtcTime> locked_until() const override {
    return client_.locked_until();
  }
  void renew_lock() override { client_.renew_lock(); }

  [[nodiscard]] std::unique_ptr<Source> open(const std::string& key) override;
  [[nodiscard]] std::optional<ObjectInfo> stat(const std::string& key) override;
  void list(std::string_view prefix, const std::function<void(const ObjectInfo&)>& visit) override;
  void remove(const std::string& key) override;
  [[nodiscard]] std::vector<RemovalFailure> remove_all(std::span<const std::string> keys) override;
  [[nodiscard]] size_t removal_batch() const override { return remover_.batch(); }

  void list_unfinished(const std::function<void(const UnfinishedWrite&)>& visit) override;
  [[nodiscard]] std::optional<UtcTime> last_activity(const UnfinishedWrite& write) override;
  void remove_unfinished(const UnfinishedWrite& write) override;

  [[nodiscard]] UtcTime now() override;
  [[nodiscard]] std::optional<UtcTime> own_time() override;

 private:
  [[nodiscard]] Transport& transport();
  void put_latest(const std::string& folder) noexcept;
  [[nodiscard]] S3Request time_request() const;

  S3Client client_;
  Log& log_;
  std::stop_token stop_;
  S3Remover remover_;
  TransportFactory factory_;
  std::unique_ptr<Transport> transport_;  // of the calling thread; made when first needed
};

}  // namespace pgbackup
