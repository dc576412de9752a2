// Names of schemas and tables as a person gives them: `sales.orders`, `"Odd Name"`, `sales.*`.
// Case counts everywhere. Matches names only; what is there is in toc.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

/// Holds a name, or a pattern with `*`, `?` and `[...]`.
struct NamePattern {
  std::string text;
  bool is_pattern = false;  ///< whether a wildcard stands outside of quotes

  [[nodiscard]] bool matches(const std::string& name) const;
};

struct ObjectName {
  std::optional<NamePattern> schema{};
  NamePattern name;
  std::string given;  ///< as the user wrote it

  [[nodiscard]] bool is_pattern() const {
    return name.is_pattern || (schema && schema->is_pattern);
  }
};

/// Returns the names of a list that commas and whitespace separate; double quotes protect a name or
/// a part of one. Throws `usage`.
[[nodiscard]] std::vector<ObjectName> parse_object_names(std::string_view text);

/// Returns names of schemas, in which a dot is nothing special. Throws `usage`.
[[nodiscard]] std::vector<ObjectName> parse_schema_names(std::string_view text);

}  // namespace pgbackup
