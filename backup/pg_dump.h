// What pg_dump or pg_dumpall writes as a Source. Its end of stream means that it exited with 0.
#pragma once

#include <string>
#include <vector>

#include "backup/pg_client.h"
#include "common/codec/sink.h"

namespace pgbackup {

class DumpSource final : public Source {
 public:
  /// Starts `program` with `arguments`, connected to `config.database`.
  DumpSource(const ClientProgram& program, std::vector<std::string> arguments,
             const PgConfig& config, const Environment& environment, const std::stop_token& stop);

  /// Throws `failed` with the program's own words when it did not succeed, `canceled`.
  size_t read(std::span<char> buffer) override;

  /// After the end: what it said on stderr although it succeeded, a line each.
  [[nodiscard]] std::vector<std::string> warnings();

 private:
  std::string name_;
  ClientProcess client_;
};

}  // namespace pgbackup
