// Keys: any database name has one spelling, a key that is taken for ours is exactly the one that we
// would write, and one that is taken for an older system's is not ours.
#include "common/catalog/key_grammar.h"

#include <algorithm>

#include "common/catalog/old_layouts.h"
#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

bool is_key_character(char c) {
  const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  return letter || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' || c == '=';
}

/// `bytes` as the name of a database.
void check_group(std::string_view bytes) {
  const Group group = parse_group(bytes);
  require(group.name() == bytes, "a name stays what it is");
  const std::string encoded = encode_group(group);
  require(std::all_of(encoded.begin(), encoded.end(), is_key_character), "keys are plain");
  require(encoded.empty() == bytes.empty(), "a name does not vanish");
  const bool has_our_mark = encoded.starts_with('.') || encoded.starts_with('_');
  const bool is_database = is_of_database(group.kind());
  require(has_our_mark != is_database, "dot and _ in front are ours");
  require(encoded.size() <= 3 * bytes.size(), "a byte takes three at most");
  const std::optional<Group> decoded = decode_group(encoded);
  require(bytes.empty() ? !decoded : decoded == group, "a name survives its encoding");
}

/// `bytes` as what was found in a store.
void check_key(std::string_view bytes) {
  if (const auto group = decode_group(bytes)) {
    require(encode_group(*group) == bytes, "a name has one spelling");
  }
  const std::optional<BackupKey> key = parse_key(bytes);
  if (!key) return;
  require(key->file.find('/') == std::string::npos && key->file != "." && key->file != "..",
          "a file lies directly in its folder");
  require(backup_folder(key->group, key->id) + "/" + key->file == bytes,
          "a key of ours is the one that we would write");
  require(parse_backup_id(key->id) == key->time, "the time is that of the id");
}

/// Keys made from `bytes` are found again.
void check_made_key(std::string_view bytes) {
  if (bytes.empty()) return;
  const UtcTime time{std::chrono::seconds(1795144500)};
  const Group group = parse_group(bytes);
  const std::string stream = dump_stream_name(group);
  const std::string folder = backup_folder(group, make_backup_id(time));
  for (const std::string& file :
       {std::string("manifest.json"), std::string("SHA256SUMS"), stream_file_name(stream),
        stream_file_name(stream) + ".0001",
        stream_file_name(stream, StreamFormat::plain, {Compression::none}),
        stream_file_name(stream, StreamFormat::custom, {Compression::gzip})}) {
    const std::optional<BackupKey> key = parse_key(folder + "/" + file);
    require(key && key->group == group && key->time == time && key->file == file,
            "what we write is ours");
  }
}

/// `bytes` as what an older system may have left there.
void check_old_key(std::string_view bytes) {
  const std::optional<OldKey> key = parse_old_key(bytes);
  if (!key) return;
  require(!parse_key(bytes), "an old key is not ours");
  require(key->layout != Layout::ours, "an old layout is told");
  require(!key->data_key.empty() && bytes.starts_with(key->data_key), "a checksum's is longer");
  require(key->is_checksum == (key->data_key != bytes), "a key is its data's or its checksum's");
  require(!key->is_checksum || key->layout == Layout::db_folder, "one layout has checksums");
  require(key->database.empty() == (key->layout == Layout::backup_time), "the others name one");
  require(key->database.find('/') == std::string::npos, "a database is within its folder");
  const std::optional<OldKey> data = parse_old_key(key->data_key);
  require(data && !data->is_checksum && data->data_key == key->data_key, "data is no checksum");
  require(data->layout == key->layout && data->database == key->database && data->time == key->time,
          "a checksum belongs to its data");
}

/// Old keys made from `bytes` are found again.
void check_made_old_key(std::string_view bytes) {
  const std::string name(bytes);
  const bool is_plain = !has_control_characters(name) && name.find('/') == std::string::npos &&
                        name.find("..") == std::string::npos && !name.empty() && name != ".";
  for (const std::string& made :
       {name + "-2021-11-01T20:51:55-1a2b3c.pg-dump", name + "-1a2b3c-2021-11-01T20:51:55.pg-dump",
        name + "/" + name + "_20211101T205155Z.dump", "2021/11/01/" + name + "_205155.sql.gz"}) {
    const std::optional<OldKey> key = parse_old_key(made);
    require(!is_plain || (key && key->database == name), "a name is read from the right");
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
  check_old_key(bytes);
  check_made_old_key(bytes);
  return 0;
}
