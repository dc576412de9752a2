// With the real program, which must be installed.
#include "common/codec/age.h"

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/support/age_keys.h"
#include "tests/support/error_of.h"
#include "tests/support/string_sink.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

constexpr size_t kChunk = 65'536;
constexpr size_t kTag = 16;
constexpr size_t kNonce = 16;

/// Bytes that differ from place to place.
std::string bytes_of(size_t size) {
  std::string bytes(size, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1'664'525 + 1'013'904'223;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

/// Writes in steps that are no multiple of anything.
void feed(Sink& sink, std::string_view bytes, size_t step = 50'001) {
  for (size_t at = 0; at < bytes.size(); at += step) sink.write(bytes.substr(at, step));
  sink.finish();
}

std::string encrypted(std::string_view bytes, const std::string& recipients = kRecipient) {
  const AgeKeys keys = age_keys(recipients);
  StringSink out;
  AgeSink stage(out, keys);
  feed(stage, bytes);
  CHECK(out.finished);
  return out.bytes;
}

std::string decrypted(std::string_view file, std::string_view identities = kIdentity,
                      size_t step = 50'001) {
  const AgeKeys keys = age_keys("", identities);
  StringSink out;
  UnageSink stage(out, keys);
  feed(stage, file, step);
  CHECK(out.finished);
  return out.bytes;
}

/// What comes of a file that age has not written so.
struct Outcome {
  std::optional<Error> error;
  std::string shown;
  bool finished = false;
};

Outcome outcome_of(std::string_view file, const AgeKeys& keys) {
  const NoBrokenPipe no_broken_pipe;
  Outcome outcome;
  StringSink out;
  outcome.error = error_of([&] {
    UnageSink stage(out, keys);
    feed(stage, file);
    return 0;
  });
  outcome.shown = out.bytes;
  outcome.finished = out.finished;
  return outcome;
}

Outcome outcome_of(std::string_view file) {
  const AgeKeys keys = age_keys("", kIdentity);
  return outcome_of(file, keys);
}

bool is(const Outcome& outcome, ErrorKind kind, std::string_view part) {
  return !outcome.finished && outcome.error && outcome.error->kind() == kind &&
         std::string_view(outcome.error->what()).find(part) != std::string_view::npos;
}

size_t header_size(const std::string& file) { return file.find('\n', file.find("\n--- ") + 1) + 1; }

/// A program that takes the place of age.
struct StandIn {
  TemporaryFolder folder;
  AgeKeys keys;

  explicit StandIn(const std::string& script) : keys(age_keys(kRecipient, kIdentity)) {
    const std::string real = keys.program.string();
    keys.program = folder.write("age", "#!/bin/sh\nreal=" + real + "\n" + script + "\n");
    std::filesystem::permissions(keys.program, std::filesystem::perms::owner_all);
    keys.environment = {"PATH=/usr/bin:/bin"};
  }

  [[nodiscard]] Outcome encrypt(std::string_view bytes) const {
    const NoBrokenPipe no_broken_pipe;
    Outcome outcome;
    StringSink out;
    outcome.error = error_of([&] {
      AgeSink stage(out, keys);
      feed(stage, bytes);
      return 0;
    });
    outcome.finished = out.finished;
    return outcome;
  }
  [[nodiscard]] Outcome decrypt(std::string_view file) const { return outcome_of(file, keys); }
};

/// Throws when it is written to, or finished.
class ThrowingSink final : public Sink {
 public:
  explicit ThrowingSink(bool at_write) : at_write_(at_write) {}
  void write(std::string_view /*bytes*/) override {
    if (at_write_) throw std::out_of_range("the disk is full");
  }
  void finish() override { throw std::out_of_range("the disk is full"); }

 private:
  bool at_write_;
};

TEST_CASE("What is encrypted comes out again, and nothing of it shows before") {
  for (const size_t size :
       {size_t{0}, size_t{1}, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk, size_t{1'000'003}}) {
    CAPTURE(size);
    const std::string bytes = bytes_of(size);
    const std::string file = encrypted(bytes);
    CHECK(file.starts_with(kAgeMagic));
    CHECK(file.size() > bytes.size());
    if (size > 20) CHECK(file.find(bytes.substr(0, 20)) == std::string::npos);
    CHECK(decrypted(file) == bytes);
    CHECK(decrypted(file, kIdentity, 7 + size / 100) == bytes);
  }
}

TEST_CASE("Each of several recipients opens what is encrypted, and nobody else") {
  const std::string recipients =
      fmt::format("# two of them\n{}\n\n{}\n", kRecipient, kSshRecipient);
  const std::string file = encrypted("for both", recipients);
  CHECK(decrypted(file) == "for both");
  CHECK(decrypted(file, kSshIdentity) == "for both");
  CHECK(decrypted(file, fmt::format("{}{}", kOtherIdentity, kIdentity)) == "for both");
  const AgeKeys other = age_keys("", kOtherIdentity);
  const Outcome outcome = outcome_of(file, other);
  CHECK(is(outcome, ErrorKind::denied, "none of the identities opens it"));
  CHECK(is(outcome, ErrorKind::denied, "BACKUP_AGE_IDENTITY_FILE"));
  CHECK(outcome.shown.empty());
}

TEST_CASE("Without an identity nothing is tried, and with one that is none age says so") {
  const std::string file = encrypted("for somebody");
  CHECK(is(outcome_of(file, age_keys("")), ErrorKind::denied, "there is no key to open it"));
  for (const auto* const identities : {"nonsense\n", "# nothing\n", "AGE-SECRET-KEY-1AAAA\n"}) {
    CAPTURE(identities);
    const AgeKeys keys = age_keys("", identities);
    const Outcome outcome = outcome_of(file, keys);
    CHECK(is(outcome, ErrorKind::failed, "age cannot use the identities"));
    CHECK(std::string(outcome.error->what()).find("AAAA") == std::string::npos);
  }
}

TEST_CASE("A recipient that is none is refused in age's own words") {
  for (const auto* const recipients : {"", "nonsense", "age1qqqq", "# nobody\n"}) {
    CAPTURE(recipients);
    const NoBrokenPipe no_broken_pipe;
    StringSink out;
    const AgeKeys keys = age_keys(recipients);
    CHECK(fails_with(ErrorKind::failed, "age cannot encrypt: ", [&] {
      AgeSink stage(out, keys);
      feed(stage, "something");
      return 0;
    }));
    CHECK_FALSE(out.finished);
  }
}

TEST_CASE("A recipient that age would leave out with a warning is refused") {
  const std::string hardware =
      "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBKdLAM+mDytaD6BJCC8v"
      "J71Z6gFSYWvNEs0Jqe7VltkMtKwTUBfKorSfvX1oRTdHPu/dyppImlbYJZxcEkz5exw=";
  const AgeKeys keys = age_keys(fmt::format("{}\n{}\n", kSshRecipient, hardware));
  StringSink out;
  AgeSink sink(out, keys);
  sink.write("data");
  CHECK(fails_with(ErrorKind::failed, "ecdsa-sha2-nistp256", [&] { sink.finish(); }));
  CHECK_FALSE(out.finished);
}

TEST_CASE("A file that was cut is damaged, wherever it was cut") {
  const std::string bytes = bytes_of(2 * kChunk + 100);
  const std::string file = encrypted(bytes);
  const size_t header = header_size(file);
  const size_t first = header + kNonce;
  for (const size_t left :
       {size_t{0}, size_t{5}, kAgeMagic.size(), header / 2, header - 1, header, header + 8, first,
        first + 100, first + kChunk + kTag, first + kChunk + kTag + 1, first + 2 * (kChunk + kTag),
        file.size() - 1}) {
    CAPTURE(left, header);
    const Outcome outcome = outcome_of(file.substr(0, left));
    CHECK(is(outcome, ErrorKind::corrupt, ""));
    CHECK(bytes.starts_with(outcome.shown));
    CHECK(outcome.shown.size() % kChunk == 0);
  }
}

TEST_CASE("What follows a file is damage") {
  for (const size_t size : {size_t{0}, size_t{100}, kChunk}) {
    const std::string file = encrypted(bytes_of(size));
    for (const std::string& more : {std::string(1, '\0'), std::string("\n"), file}) {
      CAPTURE(size, more.size());
      CHECK(is(outcome_of(file + more), ErrorKind::corrupt, "age cannot decrypt it: "));
    }
  }
}

TEST_CASE("A bit that was flipped is damage, and in the recipients a file for others") {
  const std::string bytes = bytes_of(kChunk + 100);
  const std::string file = encrypted(bytes);
  const size_t header = header_size(file);
  const size_t stanza = file.find("-> ");
  const size_t body = file.find('\n', stanza) + 1;
  struct Region {
    const char* name;
    size_t at;
    bool is_of_recipient = false;
  };
  for (const auto& [name, at, is_of_recipient] :
       {Region{"magic", 3}, Region{"version", kAgeMagic.size() - 2},
        Region{"the stanza's type", stanza + 4, true}, Region{"its argument", body - 10, true},
        Region{"its body", body + 5, true}, Region{"mac", header - 20}, Region{"nonce", header + 3},
        Region{"first chunk", header + kNonce + 10},
        Region{"its tag", header + kNonce + kChunk + 1},
        Region{"last chunk", file.size() - kTag - 10}, Region{"last tag", file.size() - 1}}) {
    CAPTURE(name);
    std::string flipped = file;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    const Outcome outcome = outcome_of(flipped);
    const bool may_be_for_others = is_of_recipient && is(outcome, ErrorKind::denied, "identities");
    CHECK((may_be_for_others || is(outcome, ErrorKind::corrupt, "")));
    CHECK(bytes.starts_with(outcome.shown));
    CHECK(outcome.shown.size() <= kChunk);
  }
}

TEST_CASE("A file that is not encrypted is refused, and none of its bytes are shown") {
  for (const auto& file :
       {std::string("PGDMP and all that follows"), bytes_of(200'000), std::string(),
        std::string("age-encryption.org/v2\n"), std::string("age-encryption.org/v"),
        std::string("-----BEGIN AGE ENCRYPTED FILE-----\n"), std::string(kAgeMagic),
        std::string(kAgeMagic) + std::string(size_t{3} << 20U, 'x')}) {
    CAPTURE(file.size());
    const Outcome outcome = outcome_of(file);
    CHECK(is(outcome, ErrorKind::corrupt, ""));
    CHECK(outcome.shown.empty());
  }
}

TEST_CASE("A program that exits with 0 and has not worked on everything has failed") {
  const std::string bytes = bytes_of(200'000);
  const std::string file = encrypted(bytes);
  const std::string large = bytes_of(size_t{3} << 20U);  // more than a pipe takes
  for (const auto* const script :
       {"exit 0", "head -c 100 >/dev/null; exit 0", "echo nothing; exit 0",
        "head -c 70000 | $real \"$@\"", "$real \"$@\" | head -c 100; exit 0",
        "$real \"$@\" | head -c -1", "$real \"$@\"; echo more"}) {
    CAPTURE(script);
    const StandIn stand_in(script);
    CHECK(is(stand_in.encrypt(bytes), ErrorKind::failed, "age"));
    CHECK(is(stand_in.encrypt(large), ErrorKind::failed, "age"));
  }
  for (const auto* const script :
       {"exit 0", "cat >/dev/null; exit 0", "head -c 100 >/dev/null; exit 0",
        "$real \"$@\" | head -c 100; exit 0", "$real \"$@\" | head -c -1",
        "$real \"$@\"; echo more"}) {
    CAPTURE(script);
    const StandIn stand_in(script);
    CHECK(is(stand_in.decrypt(file), ErrorKind::failed, "age"));
  }
}

TEST_CASE("A program that is killed, or fails without a word of age, says nothing of the file") {
  const std::string file = encrypted("something");
  const StandIn killed("kill -9 $$");
  for (const Outcome& outcome : {killed.encrypt("something"), killed.decrypt(file)}) {
    CHECK(is(outcome, ErrorKind::failed, "was killed by signal 9"));
    CHECK(is(outcome, ErrorKind::failed, "memory limit"));
  }
  for (const auto& [script, words] :
       {std::pair("kill -15 $$", "was killed by signal 15"), std::pair("exit 3", "exited with 3"),
        std::pair("echo 'fatal error: out of memory' >&2; exit 2", "out of memory")}) {
    CAPTURE(script);
    const StandIn stand_in(script);
    CHECK(is(stand_in.encrypt("something"), ErrorKind::failed, words));
    CHECK(is(stand_in.decrypt(file), ErrorKind::failed, words));
  }
}

TEST_CASE("A plugin that does not work says nothing of the file") {
  const StandIn stand_in(
      "cat >/dev/null; echo \"age: error: card plugin: couldn't start plugin\" >&2; exit 1");
  CHECK(is(stand_in.decrypt(encrypted("data")), ErrorKind::failed, "card plugin"));
}

TEST_CASE("A program that does not exist is named") {
  AgeKeys keys = age_keys(kRecipient, kIdentity);
  keys.program = "/nowhere/age";
  StringSink out;
  const char* const wanted = "cannot start /nowhere/age: No such file or directory";
  CHECK(fails_with(ErrorKind::failed, wanted, [&] {
    AgeSink(out, keys).finish();
    return 0;
  }));
  CHECK(is(outcome_of(encrypted("x"), keys), ErrorKind::failed, wanted));
}

TEST_CASE("What the next stage throws is thrown on, whenever it comes") {
  const AgeKeys keys = age_keys(kRecipient, kIdentity);
  const std::string bytes = bytes_of(size_t{5} << 20U);
  const std::string file = encrypted(bytes);
  for (const bool at_write : {true, false}) {
    CAPTURE(at_write);
    ThrowingSink next(at_write);
    CHECK_THROWS_AS(feed(*std::make_unique<AgeSink>(next, keys), bytes), std::out_of_range);
    CHECK_THROWS_AS(feed(*std::make_unique<UnageSink>(next, keys), file), std::out_of_range);
    CHECK_THROWS_AS(feed(*std::make_unique<AgeSink>(next, keys), "a"), std::out_of_range);
  }
}

TEST_CASE("A stop ends a program that hangs") {
  for (const auto* const script : {"sleep 1000", "exec cat >/dev/null"}) {
    CAPTURE(script);
    StandIn stand_in(script);
    std::stop_source source;
    stand_in.keys.stop = source.get_token();
    source.request_stop();
    CHECK(is(stand_in.encrypt("something"), ErrorKind::canceled, ""));
  }
}

TEST_CASE("A stage that is abandoned commits nothing") {
  const AgeKeys keys = age_keys(kRecipient);
  StringSink out;
  {
    AgeSink stage(out, keys);
    stage.write("something");
  }
  CHECK_FALSE(out.finished);
}

}  // namespace
}  // namespace pgbackup
