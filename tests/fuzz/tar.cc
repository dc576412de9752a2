// Archives of a base backup: nothing that a bucket can hold leads out of the directory.
#include "backup/physical/tar.h"

#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

class Witness final : public TarVisitor {
 public:
  void begin(const TarMember& member) override {
    require(!is_open_, "a member ends before the next begins");
    is_open_ = true;
    left_ = member.bytes;
    require(member.mode <= 0777, "a mode is permissions");
    require(!member.is_directory || member.bytes == 0, "a directory has no contents");
    require(!member.name.empty() && member.name.size() <= 100, "a name has a length of tar");
    require(("/" + member.name + "/").find("/../") == std::string::npos, "no name leads upward");
    require(("/" + member.name + "/").find("//") == std::string::npos, "no name is absolute");
    require(("/" + member.name + "/").find("/./") == std::string::npos, "a name is plain");
    require(member.name.find('\0') == std::string::npos, "a name is one");
  }
  void write(std::string_view bytes) override {
    require(is_open_ && bytes.size() <= left_, "contents are those of the member");
    left_ -= bytes.size();
  }
  void end() override {
    require(is_open_ && left_ == 0, "a member ends with all its contents");
    is_open_ = false;
  }
  [[nodiscard]] bool is_open() const { return is_open_; }

 private:
  bool is_open_ = false;
  uint64_t left_ = 0;
};

void check(std::string_view archive) {
  expect_corrupt_at_most([&] {
    Witness witness;
    TarParser parser(witness);
    parser.write(archive.substr(0, archive.size() / 3));
    parser.write(archive.substr(archive.size() / 3));
    parser.finish();
    require(!witness.is_open(), "an archive ends behind a member");
  });
}

/// Puts the right checksum into each block, or hardly any header would get past it.
std::string with_checksums(std::string_view bytes) {
  constexpr size_t kChecksum = 148;
  constexpr size_t kChecksumBytes = 8;
  std::string archive(bytes);
  archive.resize((archive.size() + kTarBlockBytes - 1) / kTarBlockBytes * kTarBlockBytes);
  for (size_t block = 0; block < archive.size(); block += kTarBlockBytes) {
    archive.replace(block + kChecksum, kChecksumBytes, kChecksumBytes, ' ');
    unsigned sum = 0;
    for (const char c : archive.substr(block, kTarBlockBytes)) sum += static_cast<unsigned char>(c);
    char text[kChecksumBytes] = {};
    std::snprintf(text, sizeof text, "%06o", sum);
    archive.replace(block + kChecksum, kChecksumBytes, text, kChecksumBytes);
  }
  return archive + std::string(2 * kTarBlockBytes, '\0');
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  check(as_text(data, size));
  check(with_checksums(as_text(data, size)));
  return 0;
}
