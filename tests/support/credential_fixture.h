// What tests of the sources of credentials begin with: variables of their own, a clock, a folder.
#pragma once

#include <stop_token>
#include <string>

#include "common/store/s3/credentials/credential_source.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_server.h"
#include "tests/support/temporary_folder.h"

namespace pgbackup {

struct CredentialFixture {
  FakeClock clock;  ///< 2026-11-20T03:15:00Z
  TemporaryFolder folder;
  Environment environment = {{"HOME", folder.path().string()}};
  std::stop_source stop;
  bool is_aws = false;

  [[nodiscard]] CredentialContext context() {
    return {.environment = environment,
            .transports = [] { return std::make_unique<CurlTransport>(""); },
            .clock = &clock,
            .region = "eu-central-1",
            .is_aws = is_aws};
  }
};

/// `access secret token until`, to compare at once.
[[nodiscard]] inline std::string show(const Credentials& credentials) {
  return std::string(credentials.access_key.reveal()) + " " +
         std::string(credentials.secret_key.reveal()) + " " +
         std::string(credentials.session_token.reveal()) + " " +
         (credentials.expires ? format_iso(*credentials.expires) : "-");
}

/// A reply with another status.
[[nodiscard]] inline std::string refusal(const std::string& status, const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

}  // namespace pgbackup
