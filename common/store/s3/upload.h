// Writes a stream of unknown length to S3: one PUT when it is small, a multipart upload otherwise,
// and several objects when it outgrows one. Nothing is visible before finish(). A writer that is
// destroyed without it aborts its uploads.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/codec/parted_sha256.h"
#include "common/store/s3/client.h"
#include "common/store/s3/part_workers.h"
#include "common/store/store.h"

namespace pgbackup {

/// The user metadata by which a writer recognizes its own objects: a repeated request whose first
/// reply was lost must not take a foreign object for its own.
inline constexpr std::string_view kTokenHeader = "x-amz-meta-pgbackup-token";

/// Returns how long a request may take that sends or gets so many bytes.
[[nodiscard]] std::chrono::milliseconds transfer_timeout(const S3Config& config, uint64_t bytes);

struct S3UploadName {
  std::string key;         ///< relative to the store
  bool is_shared = false;  ///< other writers may have the name and the content, too
};

class S3ObjectWriter final : public ObjectWriter {
 public:
  /// Begins an object. `client` and `transport` must outlive the writer. The calling thread
  /// uses `transport`, and each sending thread gets one of its own from `factory`.
  S3ObjectWriter(S3Client& client, Transport& transport, TransportFactory factory,
                 S3UploadName name, std::stop_token stop);
  S3ObjectWriter(const S3ObjectWriter&) = delete;
  S3ObjectWriter& operator=(const S3ObjectWriter&) = delete;
  ~S3ObjectWriter() override;

  void write(std::string_view bytes) override;
  void finish() override;
  [[nodiscard]] const std::vector<StoredObject>& stored() const override { return stored_; }

 private:
  /// Holds one object of the stream while it is written.
  struct Piece {
    std::string key;  ///< relative to the store
    std::string full_key;
    std::string upload_id;          ///< empty: not begun
    std::deque<std::string> etags;  ///< ETags of the parts; the workers hold pointers into it
    uint64_t bytes = 0;
    PartedSha256 hash;
    bool is_create_in_doubt = false;  ///< an upload may exist whose id never reached us
    bool is_commit_in_doubt = false;  ///< the object may be visible
    bool is_completed = false;
  };

  Piece& current_piece();
  void begin_upload(Piece& piece);
  void send_part(Transport& transport, PartJob& job, const std::stop_token& stop);
  void flush_part();
  void put_whole(Piece& piece);
  void complete(Piece& piece);
  /// Returns true when the object is there with our token and our size. `absent_status` is a status
  /// that means that the object is absent.
  [[nodiscard]] bool is_ours(const Piece& piece, Attempt& attempt,
                             std::optional<int> absent_status = {});
  void verify(const Piece& piece);

  void abandon() noexcept;
  void remove_traces(const Piece& piece, bool has_stragglers);

  S3Client& client_;
  Transport& transport_;
  S3UploadName name_;
  std::string token_;
  std::stop_token stop_;
  std::deque<Piece> pieces_;  // references stay valid
  std::vector<StoredObject> stored_;
  bool is_finished_ = false;
  PartBuffer buffer_;
  PartWorkers workers_;  // last: ends before what it uses
};

}  // namespace pgbackup
