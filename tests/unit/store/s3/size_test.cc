// Streams of any size, with true counts against a server that only counts.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/units.h"
#include "common/catalog/manifest.h"
#include "common/store/s3/store.h"
#include "tests/support/captured_output.h"
#include "tests/support/counting_s3.h"
#include "tests/support/fake_clock.h"
#include "tests/support/manifests.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

class Fixture {
 public:
  FakeClock clock;
  CapturedOutput output;
  Log log{clock, LogLevel::error, LogFormat::text, output.file()};
  CountingS3 server;

  std::unique_ptr<S3Store> make_store(size_t part_bytes, int max_parts) {
    S3Config config;
    config.endpoint = "https://s3.example.com";
    config.bucket = "bucket";
    config.access_key = Secret("AKID");
    config.secret_key = Secret("secret");
    config.part_bytes = part_bytes;
    config.max_parts = max_parts;
    config.write.payload_signing = S3PayloadSigning::none;
    return std::make_unique<S3Store>(std::move(config), clock, log, std::stop_token(),
                                     server.factory());
  }
};

TEST_CASE_METHOD(Fixture, "65,536 parts are as many pieces as the limit wants, in order") {
  constexpr size_t kPart = 2;
  constexpr size_t kParts = 65'536;
  struct Row {
    int max_parts;
    size_t pieces;
    size_t last_parts;
  };
  const Row row = GENERATE(Row{kMostParts, 7, 5'536}, Row{1000, 66, 536});
  CAPTURE(row.max_parts);
  const auto store = make_store(kPart, row.max_parts);
  const auto writer = store->create("app/1/app.dump.zst");
  // The last part is a short one.
  writer->write(std::string(kPart * kParts - 1, 'x'));
  writer->finish();

  CHECK(server.faults.empty());
  CHECK(server.requests == kParts + 3 * row.pieces);
  const std::vector<StoredObject>& stored = writer->stored();
  REQUIRE(stored.size() == row.pieces);
  Manifest manifest = make_manifest(db("app"), "20261120T031500Z-9f3a1c2b");
  manifest.streams[0].objects.clear();
  uint64_t bytes = 0;
  for (size_t i = 0; i < stored.size(); ++i) {
    CAPTURE(i);
    const std::string name = i == 0 ? "app.dump.zst" : fmt::format("app.dump.zst.{:04}", i);
    CHECK(stored[i].key == "app/1/" + name);
    const CountingS3::Object& object = server.objects.at("/bucket/" + stored[i].key);
    const bool is_last = i + 1 == stored.size();
    CHECK(object.parts == (is_last ? row.last_parts : static_cast<size_t>(row.max_parts)));
    CHECK(object.bytes == stored[i].bytes);
    bytes += stored[i].bytes;
    manifest.streams[0].objects.push_back({name, stored[i].bytes, stored[i].sha256});
  }
  CHECK(bytes == kPart * kParts - 1);
  const Manifest read = parse_manifest(format_manifest(manifest));
  const std::vector<ManifestObject>& objects = read.streams[0].objects;
  REQUIRE(objects.size() == row.pieces);
  CHECK(std::is_sorted(objects.begin(), objects.end(),
                       [](const auto& a, const auto& b) { return a.name < b.name; }));
}

size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  size_t total = 0;
  size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

// Takes minutes: `unit_tests "[.terabyte]"`.
TEST_CASE_METHOD(Fixture, "A tebibyte goes through in constant memory", "[.terabyte]") {
  constexpr size_t kPart = size_t{16} << 20U;
  constexpr uint64_t kTotal = uint64_t{1} << 40U;
  const auto store = make_store(kPart, kMostParts);
  const auto writer = store->create("k");
  const std::string chunk(size_t{1} << 20U, 'x');
  size_t most = 0;
  for (uint64_t sent = 0; sent < kTotal; sent += chunk.size()) {
    writer->write(chunk);
    if (sent % (64 * kPart) != 0) continue;
    most = std::max(most, resident_bytes());
  }
  writer->finish();
  WARN("resident at most " << format_bytes(most) << "; " << server.requests << " requests, "
                           << writer->stored().size() << " pieces");
  CHECK(server.faults.empty());
  CHECK(writer->stored().size() == 7);
  // Three parts in flight and one that is filled; the rest is the program, the server that counts,
  // and the ETags. The fourth buffer is used only when the senders fall behind.
  CHECK(most < 4 * kPart + (size_t{40} << 20U));
}

}  // namespace
}  // namespace pgbackup
