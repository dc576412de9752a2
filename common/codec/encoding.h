// Bytes as text: hexadecimal, Base64, and the percent-encoding that URLs and SigV4 share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pgbackup {

/// Returns two lowercase digits per byte.
[[nodiscard]] std::string encode_hex(std::string_view bytes);
/// Returns the bytes of text that encode_hex() writes; nullopt for any other text.
[[nodiscard]] std::optional<std::string> decode_hex(std::string_view text);

/// Returns Base64 with padding (RFC 4648 section 4).
[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Returns Base64 for URLs, without padding (RFC 4648 section 5).
[[nodiscard]] std::string encode_base64_url(std::string_view bytes);

/// Encodes once by RFC 3986 section 2.3: everything but `A-Z a-z 0-9 - _ . ~` becomes `%XX`, in
/// uppercase. `keep` names further characters that stay (`"/"` in a path).
[[nodiscard]] std::string encode_percent(std::string_view bytes, std::string_view keep = "");

/// Replaces `&`, `<` and `>` by entities, for text between tags.
[[nodiscard]] std::string escape_markup(std::string_view text);

/// Returns `count` random bytes from the kernel as 2 × count hexadecimal digits.
[[nodiscard]] std::string random_hex(size_t count);

}  // namespace pgbackup
