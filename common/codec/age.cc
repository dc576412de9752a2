#include "common/codec/age.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/base/text.h"

namespace pgbackup {
namespace {

/// The sizes of https://c2sp.org/age: a nonce, then chunks with a tag each; the last one may be
/// shorter, and is there even when it holds nothing.
constexpr uint64_t kNonceBytes = 16;
constexpr uint64_t kChunkBytes = 65536;
constexpr uint64_t kTagBytes = 16;
/// The most bytes of a header: that of a thousand post-quantum recipients fits.
constexpr size_t kMostHeaderBytes = size_t{2} << 20U;

constexpr const char* kNoIdentityHint =
    "set BACKUP_AGE_IDENTITY_FILE to a file with the secret key (AGE-SECRET-KEY-1..., or an SSH "
    "key) of one of the recipients";

/// Returns what age says without its name and without the line that asks for reports.
std::string words_of(const Process& process) {
  std::string words;
  const std::string errors = process.errors();
  std::string_view rest = errors;
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with("age: report ")) continue;
    for (const std::string_view prefix : {"age: ", "error: "}) {
      if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
    }
    if (!words.empty()) words += "; ";
    words += printable(line);
  }
  return words.empty() ? process.status_text() : words;
}

/// Ends the program's input, passes the rest of its output on, and returns whether the program has
/// succeeded.
template <class PassOn>
bool complete(Process& process, const PassOn& pass_on) {
  process.close_stdin();
  std::array<char, 65536> buffer{};
  while (const size_t got = process.read(buffer)) pass_on({buffer.data(), got});
  return process.wait();
}

Error not_encrypted() { return {ErrorKind::corrupt, "it is not a file that age has encrypted"}; }

Error encryption_failure(Process& process) {
  process.wait();
  return {ErrorKind::failed, fmt::format("age cannot encrypt: {}", words_of(process)),
          process.was_killed() ? "the kernel kills processes that exceed a memory limit" : ""};
}

}  // namespace

Error no_key_to_decrypt() {
  return {ErrorKind::denied, "it is encrypted, and there is no key to open it", kNoIdentityHint};
}

AgeSink::AgeSink(Sink& next, const AgeKeys& keys)
    : next_(next),
      recipients_(make_memory_file("recipients", keys.recipients)),
      process_({.argv = {keys.program.string(), "--encrypt", "-R", child_fd_path(0)},
                .environment = keys.environment,
                .inherited_fds = {recipients_.get()}},
               keys.stop) {
  process_.forward_output([this](std::string_view encrypted) { pass_on(encrypted); });
}

void AgeSink::write(std::string_view bytes) {
  bytes_ += bytes.size();
  if (!process_.write(bytes)) throw encryption_failure(process_);
}

void AgeSink::finish() {
  if (!complete(process_, [this](std::string_view encrypted) { pass_on(encrypted); })) {
    throw encryption_failure(process_);
  }
  if (header_bytes_ == 0 || passed_on_ != expected_bytes()) {
    throw Error(ErrorKind::failed,
                fmt::format("age exited with 0, but wrote {} bytes for {}, which cannot be all",
                            passed_on_, bytes_));
  }
  next_.finish();
}

/// Finds the end of the header, a line that begins with `---`, as the bytes pass.
void AgeSink::pass_on(std::string_view encrypted) {
  if (header_bytes_ == 0) {
    header_ += encrypted;
    const size_t last_line = header_.find("\n--- ");
    const size_t end =
        last_line == std::string::npos ? last_line : header_.find('\n', last_line + 1);
    if (end != std::string::npos) {
      header_bytes_ = end + 1;
      header_.clear();
    } else if (header_.size() > kMostHeaderBytes) {
      throw Error(ErrorKind::failed, "age writes a header that does not end");
    }
  }
  passed_on_ += encrypted.size();
  next_.write(encrypted);
}

uint64_t AgeSink::expected_bytes() const {
  const uint64_t chunks = std::max<uint64_t>(1, (bytes_ + kChunkBytes - 1) / kChunkBytes);
  return header_bytes_ + kNonceBytes + bytes_ + chunks * kTagBytes;
}

UnageSink::UnageSink(Sink& next, const AgeKeys& keys)
    : next_(next),
      identities_([&] {
        if (keys.identities.empty()) throw no_key_to_decrypt();
        return make_memory_file("identities", keys.identities.reveal());
      }()),
      process_({.argv = {keys.program.string(), "--decrypt", "-i", child_fd_path(0)},
                .environment = keys.environment,
                .inherited_fds = {identities_.get()}},
               keys.stop) {
  process_.forward_output([this](std::string_view decrypted) { next_.write(decrypted); });
}

void UnageSink::write(std::string_view bytes) {
  // age would show the beginning of a file that is not encrypted.
  const std::string_view expected = kAgeMagic.substr(matched_, bytes.size());
  if (!bytes.starts_with(expected)) throw not_encrypted();
  matched_ += expected.size();
  if (!process_.write(bytes)) fail();
}

void UnageSink::finish() {
  if (matched_ < kAgeMagic.size()) throw not_encrypted();
  if (!complete(process_, [this](std::string_view decrypted) { next_.write(decrypted); })) fail();
  next_.finish();
}

void UnageSink::fail() {
  process_.wait();
  const std::string words = words_of(process_);
  if (words.find("no identity matched") != std::string::npos) {
    throw Error(ErrorKind::denied, "none of the identities opens it", kNoIdentityHint);
  }
  if (words.starts_with("reading ")) {  // the identities
    throw Error(ErrorKind::failed, fmt::format("age cannot use the identities: {}", words),
                kNoIdentityHint);
  }
  if (process_.was_killed()) {
    throw Error(ErrorKind::failed, fmt::format("age {}", process_.status_text()),
                "the kernel kills processes that exceed a memory limit");
  }
  throw Error(ErrorKind::corrupt, fmt::format("age cannot decrypt it: {}", words));
}

}  // namespace pgbackup
