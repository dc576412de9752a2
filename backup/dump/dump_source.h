// What pg_dump or pg_dumpall writes, as a Source. The end of the stream means that the program
// exited with 0. Chooses no options: dump_options.h does.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/client_program.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Limits how many messages of a client program are kept.
inline constexpr size_t kMostMessages = 20;

/// Returns the lines that a program wrote on stderr: warnings and what belongs to them before
/// others, and how many more there were. An option such as --verbose brings hundreds.
[[nodiscard]] std::vector<std::string> select_messages(std::string_view text);

class DumpSource final : public Source {
 public:
  /// Starts the program, connected to `config.database`.
  DumpSource(ClientCommand command, const PgConfig& config, const Environment& environment,
             const std::stop_token& stop);

  /// Reads what the program writes. Throws `failed` with the program's own words when it did not
  /// succeed or took too long, and `canceled`.
  size_t read(std::span<char> buffer) override;

  /// Returns what the program said on stderr although it succeeded, as select_messages() has it. To
  /// be called after the end.
  [[nodiscard]] std::vector<std::string> warnings();

 private:
  size_t read_in_time(std::span<char> buffer);

  std::string name_;
  std::chrono::seconds limit_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  ClientProcess client_;
};

}  // namespace pgbackup
