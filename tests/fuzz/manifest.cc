// Manifests, and the private part of an encrypted one: what parses must be written and read again
// as the same.
#include "common/catalog/manifest.h"

#include "tests/fuzz/fuzz.h"

namespace pgbackup {
namespace {

void require_sane(const Manifest& manifest) {
  require(!manifest.streams.empty(), "a manifest names a stream");
  for (const ManifestStream& stream : manifest.streams) {
    require(!stream.objects.empty(), "a stream names an object");
    require(!manifest.is_private_known || stream.uncompressed_sha256.size() == 64,
            "a sha256 has 64 digits");
    for (const ManifestObject& object : stream.objects) {
      require(!object.name.empty() && object.name.find('/') == std::string::npos,
              "an object's name stays in the folder");
      require(object.sha256.size() == 64, "a sha256 has 64 digits");
    }
  }
}

void require_sane_cluster(const ClusterFacts& cluster) {
  require(cluster.start <= cluster.end && cluster.timeline > 0, "a base backup has a beginning");
  require(is_segment_size(cluster.segment_bytes), "segments have a size of theirs");
  for (const TablespaceFacts& tablespace : cluster.tablespaces) {
    require(tablespace.oid > 0 && tablespace.location.starts_with('/'),
            "a tablespace has an absolute path");
  }
}

/// Takes `text` for the private part of a backup of one stream, which the input cannot encrypt.
void try_private(std::string_view text) {
  Manifest manifest;
  manifest.group = Group::database("app");
  manifest.streams = {
      {.name = "app", .packing = {.encryption = Encryption::age}, .objects = {{"app", 1, ""}}}};
  manifest.sealed = ManifestObject{"private.json.age", 1, ""};
  manifest.is_private_known = false;
  try {
    parse_private(text, manifest);
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::failed,
            "what cannot be read is corrupt");
    require_readable(error.message());
    return;
  }
  require(manifest.is_private_known, "what was read is known");
  const std::string written = format_private(manifest);
  parse_private(written, manifest);
  require(format_private(manifest) == written, "a private part survives its text form");
}

void require_survives(const Manifest& manifest) {
  const std::string text = format_manifest(manifest);
  const Manifest again = parse_manifest(text);
  require(format_manifest(again) == text, "a manifest survives its text form");
  require(again.group == manifest.group && again.id == manifest.id &&
              again.groups == manifest.groups && again.warnings == manifest.warnings,
          "names survive the text form");
  require(again.started == manifest.started && again.finished == manifest.finished &&
              again.next_due == manifest.next_due,
          "times survive the text form");
}

}  // namespace
}  // namespace pgbackup

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgbackup;
  const std::string_view text = as_text(data, size);
  try_private(text);
  Manifest manifest;
  try {
    manifest = parse_manifest(text);
  } catch (const Error& error) {
    // A format of the future is no damage.
    require(error.kind() == ErrorKind::corrupt || error.kind() == ErrorKind::failed,
            "what cannot be read is corrupt, or of another format");
    require_readable(error.message());
    return 0;
  }
  require_sane(manifest);
  require(manifest.is_private_known == !manifest.is_encrypted(), "what is encrypted is not known");
  if (manifest.group.kind() == GroupKind::cluster) require_sane_cluster(manifest.cluster);
  require_survives(manifest);
  return 0;
}
