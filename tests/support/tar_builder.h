// Tar archives as BASE_BACKUP writes them, and hostile ones: each field of a header can be set.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace pgbackup {

struct TarHeader {
  std::string name{};
  uint64_t bytes = 0;
  char type = '0';
  unsigned mode = 0600;
  std::string link{};
  std::string magic{"ustar\00000", 8};
  std::string prefix{};
};

class TarBuilder {
 public:
  /// A header with the right checksum; `patch` is put at `at` before it is computed.
  static std::string header(const TarHeader& h, size_t at = 0, std::string_view patch = "") {
    std::string block(512, '\0');
    const auto put = [&](size_t begin, std::string_view text) {
      block.replace(begin, text.size(), text);
    };
    put(0, h.name);
    put(100, fmt::format("{:07o} ", h.mode));
    put(108, "0000145 0000150 ");
    put(124, fmt::format("{:011o} ", h.bytes));
    put(136, "15303033510 ");
    put(148, "        ");
    put(156, std::string_view(&h.type, 1));
    put(157, h.link);
    put(257, h.magic);
    put(265, "postgres");
    put(297, "postgres");
    put(329, "0000000 0000000 ");
    put(345, h.prefix);
    put(at, patch);
    unsigned sum = 0;
    for (const char c : block) sum += static_cast<unsigned char>(c);
    put(148, fmt::format("{:07o} ", sum));
    return block;
  }
  static std::string padded(std::string_view bytes) {
    return std::string(bytes) + std::string((512 - bytes.size() % 512) % 512, '\0');
  }

  TarBuilder& file(const std::string& name, std::string_view contents, unsigned mode = 0600) {
    text += header({.name = name, .bytes = contents.size(), .mode = mode}) + padded(contents);
    return *this;
  }
  TarBuilder& directory(const std::string& name, unsigned mode = 0700) {
    text += header({.name = name + "/", .type = '5', .mode = mode});
    return *this;
  }
  TarBuilder& add(const TarHeader& h) {
    text += header(h);
    return *this;
  }
  [[nodiscard]] std::string end() const { return text + std::string(1024, '\0'); }

  std::string text;
};

}  // namespace pgbackup
