// Small base backups for tests: files as archives, with the list that a server makes of them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/codec/digest.h"
#include "tests/support/string_source.h"
#include "tests/support/tar_builder.h"

namespace pgbackup {

/// A line of the list as PostgreSQL writes it, without the comma.
inline std::string listed(std::string_view path, std::string_view contents) {
  return fmt::format(R"({{ "Path": "{}", "Size": {}, "Last-Modified": "2026-11-20 03:15:00 GMT", )"
                     R"("Checksum-Algorithm": "SHA256", "Checksum": "{}" }})",
                     path, contents.size(), sha256_hex(contents));
}

/// The list of version 2 around these lines, with the checksum that belongs to it.
inline std::string file_list(const std::vector<std::string>& lines, std::string_view ranges,
                             std::string_view head =
                                 "\"PostgreSQL-Backup-Manifest-Version\": 2,\n"
                                 "\"System-Identifier\": 7713602958307015355,") {
  std::string text = fmt::format("{{ {}\n\"Files\": [\n{}\n],\n\"WAL-Ranges\": [\n{}\n],\n", head,
                                 fmt::join(lines, ",\n"), ranges);
  return text + fmt::format("\"Manifest-Checksum\": \"{}\"}}\n", sha256_hex(text));
}

inline constexpr std::string_view kRange =
    R"({ "Timeline": 1, "Start-LSN": "0/3000028", "End-LSN": "0/3000100" })";

}  // namespace pgbackup
