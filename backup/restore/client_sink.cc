#include "backup/restore/client_sink.h"

#include <fmt/format.h>

#include <array>

#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

/// Returns the failure of `process`, which has ended.
Error failure_of(const Process& process, std::string_view name, const ClientHint& hint) {
  const std::string errors = process.errors();
  return {ErrorKind::failed,
          fmt::format("{} {}{}{}", name, process.status_text(), errors.empty() ? "" : ": ", errors),
          process.was_killed() ? kKilledHint : hint(errors)};
}

}  // namespace

ClientSink::ClientSink(Process& process, std::string_view name, ClientHint hint, ClientRules rules)
    : process_(process), name_(name), hint_(std::move(hint)), rules_(rules) {
  process_.watch_errors([this](std::string_view text) { failures_.add(text); });
}

void ClientSink::write(std::string_view bytes) {
  if (has_ended_ || process_.write(bytes)) return;
  has_ended_ = process_.wait() && rules_.early_end == EarlyEnd::is_success;
  if (!has_ended_) fail();
}

void ClientSink::finish() {
  process_.close_stdin();
  const bool is_done =
      process_.wait() || (rules_.after_error == AfterError::go_on && failures_.is_counted());
  if (!is_done) fail();
}

void ClientSink::fail() { throw failure_of(process_, name_, hint_); }

ScriptSink::ScriptSink(Process& pg_restore, Sink& next, ClientHint hint, EarlyEnd early_end)
    : process_(pg_restore),
      next_(next),
      input_(pg_restore, "pg_restore", std::move(hint), {.early_end = early_end}) {
  process_.forward_output([this](std::string_view sql) { next_.write(sql); });
}

void ScriptSink::finish() {
  process_.close_stdin();
  std::array<char, 65536> buffer{};
  while (const size_t got = process_.read(buffer)) next_.write({buffer.data(), got});
  input_.finish();  // the end of its output says nothing about success
  next_.finish();
}

void wait_until_connected(ClientProcess& psql, const ClientHint& hint) {
  Process& process = psql.process();
  // stderr, since stdout would be buffered.
  const std::string word = random_hex(16);
  if (!process.write(fmt::format("\\warn {}\n", word)) || !process.wait_for_error_line(word)) {
    process.wait();
    throw failure_of(process, "psql", hint);
  }
  psql.forget_password();
}

bool has_printed(Process& psql, std::string_view line) {
  std::string text;
  std::array<char, 4096> buffer{};
  while (const size_t got = psql.read(buffer)) text.append(buffer.data(), got);
  return text.find(fmt::format("{}\n", line)) != std::string::npos;
}

}  // namespace pgbackup
