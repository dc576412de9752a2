// Groups, and manifests for tests that need one which can be stored and read again.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/catalog/key_grammar.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// Returns the group of a database, in short.
[[nodiscard]] inline Group db(std::string name) { return Group::database(std::move(name)); }

/// Returns the name of the file that holds the data of a backup as the settings are by default.
[[nodiscard]] inline std::string data_name(const Group& group) {
  return stream_file_name(dump_stream_name(group));
}

/// Makes the manifest of a dump with one stream. Without `objects` it names one of four bytes.
[[nodiscard]] inline Manifest make_manifest(Group group, std::string id,
                                            std::vector<ManifestObject> objects = {}) {
  if (objects.empty()) objects = {{data_name(group), 4, std::string(64, 'a')}};
  Manifest manifest;
  manifest.streams = {{.name = dump_stream_name(group),
                       .uncompressed_sha256 = std::string(64, 'b'),
                       .objects = std::move(objects)}};
  manifest.group = std::move(group);
  manifest.id = std::move(id);
  return manifest;
}

/// Makes the manifest of a base backup of the server 7, with a stream of each format of four bytes.
[[nodiscard]] inline Manifest make_base_manifest(std::string id, ClusterFacts cluster) {
  Manifest manifest;
  manifest.group = Group::cluster();
  manifest.groups = {Group::cluster()};
  manifest.id = std::move(id);
  manifest.system_identifier = "7";
  manifest.cluster = std::move(cluster);
  for (const auto& [name, format] : {std::pair("base", StreamFormat::tar),
                                     std::pair("backup_manifest", StreamFormat::manifest)}) {
    manifest.streams.push_back(
        {.name = name,
         .format = format,
         .uncompressed_sha256 = std::string(64, 'b'),
         .objects = {{stream_file_name(name, format), 4, std::string(64, 'a')}}});
  }
  return manifest;
}

}  // namespace pgbackup
