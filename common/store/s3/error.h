// The meaning of a failure reply of S3: which kind of Error, whether a repeat is worth it, and what
// the user can do. Pure.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/store/s3/xml.h"

namespace pgbackup {

/// Returns the kind of error. The code in the body takes precedence over the status; a reply to
/// HEAD has only a status (`reply` empty).
[[nodiscard]] ErrorKind kind_of_reply(int status, std::string_view code);

/// Returns whether the body was changed on its way, which is worth one repeat and no more.
[[nodiscard]] bool is_damaged_in_transit(std::string_view code);

/// Says what was asked, for the hint.
struct S3Asked {
  std::string_view text;         ///< for messages: `PUT s3://bucket/key`
  std::string_view operation{};  ///< as s3_operation() names it
  std::string_view bucket{};     ///< S3_BUCKET
  bool locks = false;            ///< asked to lock the object
  bool encrypts = false;         ///< asked to encrypt the object
};

/// Returns `PUT s3://bucket/key: 503 SlowDown: message (request id)`, with a hint where there is
/// one.
[[nodiscard]] Error make_reply_error(const S3Asked& asked, int status, const S3ErrorReply& reply);

}  // namespace pgbackup
