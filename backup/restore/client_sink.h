// The client programs of a restore as the end of a chain: psql, pg_restore with a connection, and
// pg_restore that turns an archive into SQL. finish() ends their input and waits for success. Until
// then the death of a client is an error, and an error here kills the client before its input ends.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "backup/postgres/client_program.h"
#include "backup/restore/failures.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Returns what a user can do about the client's own words, or "".
using ClientHint = std::function<std::string(std::string_view errors)>;

/// Says whether statements that fail end pg_restore.
enum class AfterError { stop, go_on };

/// Says whether a client may succeed before the end of its input: pg_restore does so when it has
/// all that it was to restore of a part. Then the rest of the input is ignored.
enum class EarlyEnd { is_failure, is_success };

struct ClientRules {
  AfterError after_error = AfterError::stop;
  EarlyEnd early_end = EarlyEnd::is_failure;
};

/// Writes to a client's stdin. `process` and `name` must outlive the sink.
class ClientSink final : public Sink {
 public:
  ClientSink(Process& process, std::string_view name, ClientHint hint, ClientRules rules = {});

  /// Throws `failed` with the client's own words.
  void write(std::string_view bytes) override;
  void finish() override;

  [[nodiscard]] const RestoreFailures& failures() const { return failures_; }

 private:
  [[noreturn]] void fail();

  Process& process_;
  std::string_view name_;
  ClientHint hint_;
  ClientRules rules_;
  bool has_ended_ = false;
  RestoreFailures failures_;
};

/// Feeds an archive to `pg_restore --file=-`, and passes the resulting SQL on to `next`, which is
/// finished only after pg_restore has succeeded.
class ScriptSink final : public Sink {
 public:
  ScriptSink(Process& pg_restore, Sink& next, ClientHint hint, EarlyEnd early_end);

  void write(std::string_view bytes) override { input_.write(bytes); }
  void finish() override;

 private:
  Process& process_;
  Sink& next_;
  ClientSink input_;
};

/// Waits until psql has connected, and then empties the password file, which commands in psql's
/// input would inherit. Throws `failed` with psql's own words.
void wait_until_connected(ClientProcess& psql, const ClientHint& hint);

/// Returns whether psql printed `line` to stdout; to be called after the end of psql.
[[nodiscard]] bool has_printed(Process& psql, std::string_view line);

}  // namespace pgbackup
