// pg_dump's archive as a Source. Its end of stream means that pg_dump exited with 0.
#pragma once

#include <string>
#include <vector>

#include "backup/pg_client.h"
#include "common/codec/sink.h"

namespace pgbackup {

class DumpSource final : public Source {
 public:
  /// Starts `pg_dump --format=custom --compress=0` of `config.database`.
  DumpSource(const ClientProgram& pg_dump, const PgConfig& config, const Environment& environment,
             const std::stop_token& stop);

  /// Throws `failed` with pg_dump's own words when it did not succeed, `canceled`.
  size_t read(std::span<char> buffer) override;

  /// After the end: what pg_dump said on stderr although it succeeded, a line each.
  [[nodiscard]] std::vector<std::string> warnings();

 private:
  ClientProcess client_;
};

}  // namespace pgbackup
