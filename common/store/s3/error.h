// What an unsuccessful reply of S3 means: which kind of Error, whether a repeat is worth it, what
// the user can do. Pure. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/store/s3/xml.h"

namespace pgbackup {

/// The code in the body rules over the status; a reply to HEAD has a status only (`reply` empty).
[[nodiscard]] ErrorKind kind_of_reply(int status, std::string_view code);

/// The body was changed on its way: worth one repeat, no more.
[[nodiscard]] bool is_damaged_in_transit(std::string_view code);

/// `PUT s3://bucket/key: 503 SlowDown: message (request id)`, with a hint where there is one.
[[nodiscard]] Error make_reply_error(std::string_view request, int status,
                                     const S3ErrorReply& reply);

}  // namespace pgbackup
