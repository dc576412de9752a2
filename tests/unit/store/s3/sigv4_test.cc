#include "common/store/s3/sigv4.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "common/codec/digest.h"
#include "common/codec/encoding.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEmptyHash =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string signature_of(const std::string& authorization) {
  return authorization.substr(authorization.rfind('=') + 1);
}

// The account and moment of the S3 API guide's examples:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
constexpr SigV4Keys kExampleKeys = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                                    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
const SigV4Scope kExampleScope = {
    .time = *parse_basic("20130524T000000Z"), .region = "us-east-1", .service = "s3"};

struct Example {
  std::string method;
  std::string path;
  NameValues query;
  NameValues headers;
  std::string body;
};

std::string sign_example(Example example, const SigV4Scope& scope = kExampleScope,
                         const SigV4Keys& keys = kExampleKeys) {
  const std::string hash = sha256_hex(example.body);
  example.headers.insert(example.headers.end(), {{"Host", "examplebucket.s3.amazonaws.com"},
                                                 {"x-amz-content-sha256", hash},
                                                 {"x-amz-date", "20130524T000000Z"}});
  const std::string query = canonical_query(example.query);
  return authorization({.method = example.method,
                        .path = example.path,
                        .query = query,
                        .headers = example.headers,
                        .payload_hash = hash},
                       scope, keys);
}

const Example kGetObject = {.method = "GET",
                            .path = "/test.txt",
                            .query = {},
                            .headers = {{"Range", "bytes=0-9"}},
                            .body = {}};

TEST_CASE("The published S3 examples get their published signatures") {
  CHECK(signature_of(sign_example(kGetObject)) ==
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  CHECK(signature_of(sign_example({.method = "PUT",
                                   .path = "/test%24file.text",
                                   .query = {},
                                   .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                                               {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                                   .body = "Welcome to Amazon S3."})) ==
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  CHECK(signature_of(sign_example({.method = "GET",
                                   .path = "/",
                                   .query = {{"lifecycle", ""}},
                                   .headers = {},
                                   .body = {}})) ==
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  CHECK(signature_of(sign_example({.method = "GET",
                                   .path = "/",
                                   .query = {{"prefix", "J"}, {"max-keys", "2"}},
                                   .headers = {},
                                   .body = {}})) ==
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST_CASE("The Authorization header names key, scope and signed headers") {
  CHECK(sign_example(kGetObject) ==
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_CASE("A signature changes with everything that it covers") {
  const std::string right = signature_of(sign_example(kGetObject));
  const auto changed = [&](auto change) {
    Example example = kGetObject;
    change(example);
    return signature_of(sign_example(example)) != right;
  };
  CHECK(changed([](Example& e) { e.method = "HEAD"; }));
  CHECK(changed([](Example& e) { e.path = "/test.txt/"; }));
  CHECK(changed([](Example& e) { e.path = "//test.txt"; }));
  CHECK(changed([](Example& e) { e.query = {{"acl", ""}}; }));
  CHECK(changed([](Example& e) { e.headers = {{"Range", "bytes=0-8"}}; }));
  CHECK(changed([](Example& e) { e.headers.clear(); }));
  CHECK(changed([](Example& e) { e.body = "x"; }));

  SigV4Scope scope = kExampleScope;
  scope.region = "us-east-2";
  CHECK(signature_of(sign_example(kGetObject, scope)) != right);
  scope = kExampleScope;
  scope.service = "sts";
  CHECK(signature_of(sign_example(kGetObject, scope)) != right);
  scope = kExampleScope;
  scope.time += std::chrono::days(1);
  CHECK(signature_of(sign_example(kGetObject, scope)) != right);
  SigV4Keys keys = kExampleKeys;
  keys.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEX";
  CHECK(signature_of(sign_example(kGetObject, kExampleScope, keys)) != right);
}

TEST_CASE("Query parameters are encoded, then sorted by name and value") {
  CHECK(canonical_query({}).empty());
  CHECK(canonical_query({{"uploads", ""}}) == "uploads=");
  CHECK(canonical_query({{"uploadId", "a/b+c=="}, {"partNumber", "7"}}) ==
        "partNumber=7&uploadId=a%2Fb%2Bc%3D%3D");
  CHECK(canonical_query({{"a-b", "1"}, {"a", "2"}}) == "a=2&a-b=1");
  CHECK(canonical_query({{"a", "2"}, {"a", "1"}, {"a", ""}}) == "a=&a=1&a=2");
  CHECK(canonical_query({{"b", ""}, {"B", ""}}) == "B=&b=");
  CHECK(canonical_query({{"p", "a b~c*d'e\xC3\xA4"}}) == "p=a%20b~c%2Ad%27e%C3%A4");
}

TEST_CASE("Headers are lower-cased, trimmed, squeezed, joined and sorted") {
  const NameValues headers = {{"X-B", "  two   words "},
                              {"host", "h"},
                              {"x-b", "more"},
                              {"X-Empty", ""},
                              {"X-A", "a\t\tb"}};
  CHECK(canonical_request({.method = "GET",
                           .path = "/a//../b",
                           .query = "q=1",
                           .headers = headers,
                           .payload_hash = kEmptyHash}) ==
        fmt::format("GET\n/a//../b\nq=1\nhost:h\nx-a:a b\nx-b:two words,more\nx-empty:\n\n"
                    "host;x-a;x-b;x-empty\n{}",
                    kEmptyHash));
}

// The test suite of aws-c-auth, where it lies beside the project.

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct VectorRequest {
  std::string method;
  std::string path;
  NameValues query;
  NameValues headers;
  std::string body;
};

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.size(), text.find('\n', at));
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::string decode_percent(const std::string& text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      decoded += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

NameValues parse_vector_query(std::string_view text) {
  NameValues query;
  while (!text.empty()) {
    const std::string pair(text.substr(0, text.find('&')));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const size_t equals = std::min(pair.size(), pair.find('='));
    query.emplace_back(decode_percent(pair.substr(0, equals)),
                       decode_percent(pair.substr(std::min(pair.size(), equals + 1))));
  }
  return query;
}

VectorRequest parse_vector(const std::string& text) {
  VectorRequest request;
  const std::vector<std::string> lines = split_lines(text);
  const std::string& first = lines.at(0);
  const size_t target = first.find(' ') + 1;
  const std::string uri = first.substr(target, first.rfind(' ') - target);
  const size_t question = std::min(uri.size(), uri.find('?'));
  request.method = first.substr(0, target - 1);
  request.path = encode_percent(uri.substr(0, question), "/");
  request.query =
      parse_vector_query(std::string_view(uri).substr(std::min(uri.size(), question + 1)));
  size_t i = 1;
  for (; i < lines.size() && !lines[i].empty(); ++i) {
    if (lines[i][0] == ' ') {  // continues the line above
      request.headers.back().second += "\n" + lines[i];
      continue;
    }
    const size_t colon = lines[i].find(':');
    request.headers.emplace_back(lines[i].substr(0, colon), lines[i].substr(colon + 1));
  }
  if (i + 1 < lines.size()) request.body = lines[i + 1];
  return request;
}

void check_vector(const fs::path& folder) {
  const auto context = nlohmann::json::parse(read_file(folder / "context.json"));
  VectorRequest request = parse_vector(read_file(folder / "request.txt"));
  const UtcTime time = *parse_iso(context.at("timestamp").get<std::string>());
  const std::string hash = sha256_hex(request.body);
  request.headers.emplace_back("X-Amz-Date", format_basic(time));
  const auto& credentials = context.at("credentials");
  const bool has_token =
      credentials.contains("token") && !context.value("omit_session_token", false);
  if (has_token) request.headers.emplace_back("X-Amz-Security-Token", credentials.at("token"));
  if (context.at("sign_body")) request.headers.emplace_back("x-amz-content-sha256", hash);

  const std::string query = canonical_query(request.query);
  const SigV4Request signing = {.method = request.method,
                                .path = request.path,
                                .query = query,
                                .headers = request.headers,
                                .payload_hash = hash};
  const std::string region = context.at("region");
  const std::string service = context.at("service");
  const SigV4Scope scope = {.time = time, .region = region, .service = service};
  const std::string canonical = canonical_request(signing);
  CHECK(canonical == read_file(folder / "header-canonical-request.txt"));
  CHECK(string_to_sign(canonical, scope) == read_file(folder / "header-string-to-sign.txt"));
  const std::string access_key = credentials.at("access_key_id");
  const std::string secret_key = credentials.at("secret_access_key");
  const std::string header =
      authorization(signing, scope, {.access_key = access_key, .secret_key = secret_key});
  CHECK(signature_of(header) == read_file(folder / "header-signature.txt"));
  CHECK(read_file(folder / "header-signed-request.txt").find(header) != std::string::npos);
}

TEST_CASE("The published signing vectors are met") {
  const char* const named = std::getenv("SIGV4_VECTORS");
  const fs::path root = named != nullptr ? named : SOURCE_DIR "/../shared/vectors/sigv4";
  if (!fs::is_directory(root)) {
    WARN("skipped: no signing vectors (SIGV4_VECTORS names their folder)");
    return;
  }
  int checked = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    // They ask for the folding of paths that S3 forbids.
    if (entry.path().filename().string().ends_with("-normalized")) continue;
    INFO(entry.path().filename().string());
    check_vector(entry.path());
    ++checked;
  }
  CHECK(checked == 31);
}

}  // namespace
}  // namespace pgbackup
