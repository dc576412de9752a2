// One value of the option table: text to target and back. See options.h for the table itself.
#pragma once

#include <string>
#include <string_view>

#include "common/base/options.h"

namespace pgbackup {

/// Parses `text` and keeps it in `slot`. Returns what is wrong with it, or "" when it was taken.
/// The complaint quotes the text, unless the slot is a secret.
[[nodiscard]] std::string assign_value(const OptionValue& slot, std::string_view text);

/// The present value as text; secrets as `(hidden)`, unset ones as "".
[[nodiscard]] std::string show_value(const OptionValue& slot);

/// `--s3-bucket` for `S3_BUCKET`.
[[nodiscard]] std::string flag_name(const Option& option);

/// ` NUMBER`, ` DURATION` ... behind a flag in --help; "" for a bool.
[[nodiscard]] std::string value_placeholder(const OptionValue& slot);

/// Whether `NAME_FILE` may hold the value: not for paths, bools and flags.
[[nodiscard]] bool has_file_form(const Option& option);

}  // namespace pgbackup
