#include "common/http/http_error.h"

#include "tests/support/test.h"
#include "tests/support/test_log.h"

namespace pgbackup {
namespace {

TEST_CASE("Who cannot be reached is the server or the proxy") {
  struct Row {
    const char* server;
    const char* text;
    bool is_proxy;
  };
  for (const Row& row : {
           Row{"s3.example.com:9000", "Failed to connect to s3.example.com port 9000 after 0 ms",
               false},
           Row{"s3.example.com", "Failed to connect to s3.example.com port 443 after 0 ms", false},
           Row{"[::1]:9000", "Failed to connect to ::1 port 9000 after 0 ms", false},
           Row{"127.0.0.1:9000", "Failed to connect to 127.0.0.1 port 3128 after 0 ms", true},
           Row{"s3.example.com", "Failed to connect to proxy port 3128 after 0 ms", true},
           Row{"s3.example.com",
               "Failed to connect to s3.example.com port 443 via proxy after 0 ms", true},
       }) {
    CAPTURE(row.text);
    const Error error = transport_error(CURLE_COULDNT_CONNECT, row.server, row.text);
    CHECK(error.kind() == ErrorKind::transient);
    CHECK(contains(error.hint(), "HTTPS_PROXY") == row.is_proxy);
  }
}

TEST_CASE("What lasts is not tried again") {
  struct Row {
    CURLcode code;
    const char* text;
    const char* says;
  };
  for (const Row& row : {
           Row{CURLE_RECV_ERROR, "Received HTTP code 403 from proxy after CONNECT", "the proxy"},
           Row{CURLE_RECV_ERROR, "CONNECT tunnel failed, response 407", "the proxy"},
           Row{CURLE_SSL_CONNECT_ERROR, "error:0A000102:SSL routines::unsupported protocol",
               "TLS 1.2"},
           Row{CURLE_SSL_CONNECT_ERROR, "SSL routines::tlsv1 alert protocol version", "TLS 1.2"},
           Row{CURLE_SSL_CONNECT_ERROR, "SSL routines::wrong version number", "speak TLS"},
           Row{CURLE_PEER_FAILED_VERIFICATION, "self-signed certificate", "not trusted"},
       }) {
    CAPTURE(row.text);
    const Error error = transport_error(row.code, "h:1", row.text);
    CHECK(error.kind() == ErrorKind::failed);
    CHECK(contains(error.message(), row.says));
  }
}

TEST_CASE("What passes is tried again") {
  for (const CURLcode code :
       {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
        CURLE_SSL_CONNECT_ERROR, CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING,
        CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_WEIRD_SERVER_REPLY}) {
    CAPTURE(static_cast<int>(code));
    CHECK(transport_error(code, "h:1", "reset by peer").kind() == ErrorKind::transient);
  }
}

}  // namespace
}  // namespace pgbackup
