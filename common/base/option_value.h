// One value of the option table: converts text to the value and back. The table itself is in
// options.h.
#pragma once

#include <string>
#include <string_view>

#include "common/base/options.h"

namespace pgbackup {

/// Parses `text` and stores the value in `slot`. Returns what is wrong with it, or "" when it was
/// stored. Quotes the text, unless the slot is a secret.
[[nodiscard]] std::string assign_value(const OptionValue& slot, std::string_view text);

/// Returns the present value as text: `(hidden)` for a secret, "" for an unset value.
[[nodiscard]] std::string show_value(const OptionValue& slot);

/// Returns the flag of a row: `--s3-bucket` for `S3_BUCKET`.
[[nodiscard]] std::string flag_name(const Option& option);

/// Returns what follows a flag in --help: ` NUMBER`, ` DURATION` ...; "" for a bool.
[[nodiscard]] std::string value_placeholder(const OptionValue& slot);

/// Returns whether `NAME_FILE` may hold the value: true except for paths, bools and flags.
[[nodiscard]] bool has_file_form(const Option& option);

}  // namespace pgbackup
