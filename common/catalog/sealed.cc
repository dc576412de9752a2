#include "common/catalog/sealed.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "common/base/error.h"
#include "common/catalog/stored_stream.h"
#include "common/codec/age_recipients.h"
#include "common/codec/packing.h"
#include "common/codec/text_sink.h"

namespace pgbackup {
namespace {

constexpr Packing kSealing = {Compression::none, Encryption::age};

TextSink bounded_text() {
  return {kMaxSmallObject, ErrorKind::corrupt, "it holds more than 1 MiB"};
}

/// Returns `error`, with who could open the backup.
Error closed_to_us(const Error& error, const Manifest& manifest) {
  return {ErrorKind::denied,
          fmt::format("{}: its recipients are {}", error.message(),
                      short_recipients(manifest.recipients)),
          error.hint()};
}

/// Returns the object as it is stored, with the size and SHA-256 of the manifest.
std::string read_sealed(Store& store, const Backup& backup, const ManifestObject& object) {
  require_object(store, backup, object);
  TextSink stored = bounded_text();
  copy_object(store, backup, object, stored);
  return stored.text();
}

std::string unseal(std::string_view stored, const Manifest& manifest, const AgeKeys& keys) {
  TextSink opened = bounded_text();
  try {
    const std::unique_ptr<Sink> unpacked = unpack(opened, kSealing, &keys);
    unpacked->write(stored);
    unpacked->finish();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::denied) throw;
    throw closed_to_us(error, manifest);
  }
  return opened.text();
}

}  // namespace

std::string seal_private(const Manifest& manifest, const AgeKeys& keys) {
  std::string sealed = pack_bytes(format_private(manifest), kSealing, {.keys = &keys});
  if (sealed.size() > kMaxSmallObject) {
    throw Error(ErrorKind::failed, "the private part of its manifest would be larger than 1 MiB");
  }
  return sealed;
}

void open_private(Store& store, const Backup& backup, Manifest& manifest, const AgeKeys* keys) {
  if (manifest.is_private_known) return;
  if (keys == nullptr) require_private(manifest);
  with_damage_hint([&] {
    with_context("the private part", [&] {
      const std::string stored = read_sealed(store, backup, *manifest.sealed);
      parse_private(unseal(stored, manifest, *keys), manifest);
    });
  });
}

void require_private(const Manifest& manifest) {
  if (!manifest.is_private_known) throw closed_to_us(no_key_to_decrypt(), manifest);
}

}  // namespace pgbackup
