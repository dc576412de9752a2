#include "backup/restore/object_name.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <utility>

#include "common/base/error.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

/// Returns the parts of a word between the dots that stand outside of quotes.
std::vector<NamePattern> split_at_dots(std::string_view raw) {
  std::vector<NamePattern> parts(1);
  bool is_open = false;
  for (size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == '"' && is_open && raw.substr(i + 1).starts_with('"')) {
      parts.back().text += c;
      ++i;
    } else if (c == '"') {
      is_open = !is_open;
    } else if (c == '.' && !is_open) {
      parts.emplace_back();
    } else {
      const bool is_wild = c == '*' || c == '?' || c == '[';
      parts.back().is_pattern = parts.back().is_pattern || (is_wild && !is_open);
      parts.back().text += c;
    }
  }
  return parts;
}

}  // namespace

bool NamePattern::matches(const std::string& name) const {
  return is_pattern ? fnmatch(text.c_str(), name.c_str(), 0) == 0 : text == name;
}

std::vector<ObjectName> parse_object_names(std::string_view text) {
  std::vector<ObjectName> names;
  for (const Word& word : split_list(text)) {
    std::vector<NamePattern> parts = split_at_dots(word.raw);
    for (const NamePattern& part : parts) {
      if (part.text.empty()) {
        throw Error(ErrorKind::usage, fmt::format("'{}' has an empty name", word.raw));
      }
    }
    if (parts.size() > 2) {
      throw Error(ErrorKind::usage,
                  fmt::format("'{}' is not TABLE or SCHEMA.TABLE; put a name with a dot in it in "
                              "double quotes",
                              word.raw));
    }
    ObjectName& name = names.emplace_back();
    name.given = word.raw;
    name.name = std::move(parts.back());
    if (parts.size() == 2) name.schema = std::move(parts.front());
  }
  return names;
}

std::vector<ObjectName> parse_schema_names(std::string_view text) {
  std::vector<ObjectName> names;
  for (const Word& word : split_list(text)) {
    const bool is_quoted = word.raw.find('"') != std::string::npos;
    const bool is_wild = word.text.find_first_of("*?[") != std::string::npos;
    names.push_back(
        {.name = {.text = word.text, .is_pattern = is_wild && !is_quoted}, .given = word.raw});
  }
  return names;
}

}  // namespace pgbackup
