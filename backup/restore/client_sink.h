// The client programs of a restore as the end of a chain: psql, pg_restore with a connection, and
// pg_restore that turns an archive into SQL. finish() ends their input and waits for success; until
// then the death of one is an error, and an error here kills it before its input ends.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "backup/postgres/client_program.h"
#include "backup/restore/failures.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// What a user can do about the client's own words, or "".
using ClientHint = std::function<std::string(std::string_view errors)>;

/// Whether statements that fail end pg_restore.
enum class AfterError { stop, go_on };

/// A client's stdin. `process` and `name` must outlive it.
class ClientSink final : public Sink {
 public:
  ClientSink(Process& process, std::string_view name, ClientHint hint,
             AfterError after_error = AfterError::stop);

  /// Throws `failed` with the client's own words.
  void write(std::string_view bytes) override;
  void finish() override;

  [[nodiscard]] const RestoreFailures& failures() const { return failures_; }

 private:
  [[noreturn]] void fail();

  Process& process_;
  std::string_view name_;
  ClientHint hint_;
  AfterError after_error_;
  RestoreFailures failures_;
};

/// `pg_restore --file=-`: takes an archive, and passes the SQL that it becomes on to `next`, which
/// is finished only after pg_restore has succeeded.
class ScriptSink final : public Sink {
 public:
  ScriptSink(Process& pg_restore, Sink& next, ClientHint hint);

  void write(std::string_view bytes) override { input_.write(bytes); }
  void finish() override;

 private:
  Process& process_;
  Sink& next_;
  ClientSink input_;
};

/// Waits until psql has connected, and then takes the password from it, since commands in its input
/// would inherit the file. Throws `failed` with psql's own words.
void wait_until_connected(ClientProcess& psql, const ClientHint& hint);

/// After the end of psql: whether it printed `line` to stdout.
[[nodiscard]] bool has_printed(Process& psql, std::string_view line);

}  // namespace pgbackup
