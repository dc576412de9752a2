// Reads an object as a stream: one GET, continued from where it broke off when the network fails in
// the middle, and never with bytes of another version of the object. Gives up on a transfer that
// breaks off again and again after a few bytes.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "common/codec/sink.h"
#include "common/store/s3/client.h"

namespace pgbackup {

class S3Source final : public Source {
 public:
  /// Asks for the object. Throws `not_found`, which read() does not. `client` must outlive the
  /// source.
  S3Source(S3Client& client, std::unique_ptr<Transport> transport, std::string full_key,
           std::stop_token stop);

  size_t read(std::span<char> buffer) override;

 private:
  void open(Attempt& attempt);
  void check_continuation(const HttpResponse& response) const;
  [[nodiscard]] Error corrupt(std::string_view reason) const;

  S3Client& client_;
  std::unique_ptr<Transport> transport_;
  std::string full_key_;
  std::stop_token stop_;
  std::string etag_;
  uint64_t total_bytes_ = 0;
  uint64_t offset_ = 0;
  bool is_open_ = false;
  Retrier retrier_;
  uint64_t opened_at_ = 0;  ///< where the present or last transfer began
};

}  // namespace pgbackup
