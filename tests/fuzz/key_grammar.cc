// Keys: any database name has one spelling, and a key that is taken for ours is exactly the one
// that we would write.
#include "common/catalog/key_grammar.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

bool is_key_character(char c) {
  const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return letter || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '=';
}

/// `bytes` as the name of a database.
void check_group(std::string_view bytes) {
  const std::string encoded = encode_group(bytes);
  require(std::all_of(encoded.begin(), encoded.end(), is_key_character), "keys are plain");
  require(encoded.empty() == bytes.empty(), "a name does not vanish");
  require(!encoded.starts_with('.') && !encoded.starts_with('_'), "dot and _ in front are ours");
  require(encoded.size() <= 3 * bytes.size(), "a byte takes three at most");
  const std::optional<std::string> decoded = decode_group(encoded);
  require(bytes.empty() ? !decoded : decoded == bytes, "a name survives its encoding");
}

/// `bytes` as what was found in a store.
void check_key(std::string_view bytes) {
  if (const auto group = decode_group(bytes)) {
    require(encode_group(*group) == bytes, "a name has one spelling");
  }
  const std::optional<BackupKey> key = parse_key(bytes);
  if (!key) return;
  require(backup_folder(key->group, key->id) + "/" + key->file == bytes,
          "a key of ours is the one that we would write");
  require(parse_backup_id(key->id) == key->time, "the time is that of the id");
}

/// Keys made from `bytes` are found again.
void check_made_key(std::string_view bytes) {
  if (bytes.empty()) return;
  const UtcTime time{std::chrono::seconds(1795144500)};
  const std::string folder = backup_folder(bytes, make_backup_id(time));
  for (const std::string& file : {std::string("manifest.json"), std::string("SHA256SUMS"),
                                  dump_file_name(bytes), dump_file_name(bytes) + ".0001"}) {
    const std::optional<BackupKey> key = parse_key(folder + "/" + file);
    require(key && key->group == bytes && key->time == time && key->file == file,
            "what we write is ours");
  }
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view bytes = as_text(data, size);
  check_group(bytes);
  check_key(bytes);
  check_made_key(bytes);
  return 0;
}
