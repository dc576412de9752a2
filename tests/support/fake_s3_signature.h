// Checks a signature as a server does: from what arrived, by a computation of its own that shares
// nothing with the client's.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <map>
#include <string>

#include "common/http/transport.h"

namespace pgbackup {

struct FakeAccount {
  std::string secret_key;
  std::string session_token{};
};
using FakeAccounts = std::map<std::string, FakeAccount>;  ///< by access key

struct SignatureFinding {
  std::string code{};    ///< S3's error code; empty: the signature holds
  std::string reason{};  ///< for whoever reads the failed test
  std::string region{};  ///< that was signed for
  std::string date{};    ///< x-amz-date
};

[[nodiscard]] SignatureFinding check_signature(const HttpRequest& http,
                                               const FakeAccounts& accounts);

}  // namespace pgbackup
