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

/// Returns the size of what age makes of `bytes`, without the header.
uint64_t encrypted_size(uint64_t bytes) {
  const uint64_t chunks = std::max<uint64_t>(1, (bytes + kChunkBytes - 1) / kChunkBytes);
  return kNonceBytes + bytes + chunks * kTagBytes;
}

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

/// Returns whether age itself says that something is wrong.
bool has_complained(const Process& process) {
  constexpr std::string_view kComplaint = "\nage: error: ";
  return ("\n" + process.errors()).find(kComplaint) != std::string::npos;
}

/// Throws where age has left out a recipient that it cannot use, which it tells in a warning.
void require_everybody(const Process& process) {
  if (("\n" + process.errors()).find("\nage: warning: ") == std::string::npos) return;
  throw Error(ErrorKind::failed,
              fmt::format("age would leave a recipient out: {}", words_of(process)),
              "replace the recipient by age1..., or by an SSH key of the type Ed25519 or RSA");
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

const char* hint_of(const Process& process) {
  return process.was_killed() ? "the kernel kills processes that exceed a memory limit" : "";
}

Error encryption_failure(Process& process) {
  process.wait();
  return {ErrorKind::failed, fmt::format("age cannot encrypt: {}", words_of(process)),
          hint_of(process)};
}

/// Returns the error for a program that has succeeded, but cannot have worked on everything.
Error not_all(uint64_t passed_on, uint64_t bytes) {
  return {ErrorKind::failed,
          fmt::format("age exited with 0, but wrote {} bytes for {}, which cannot be all",
                      passed_on, bytes)};
}

/// Returns the identities, each in a file of its own: a file holds one SSH key at most.
std::vector<Fd> identity_files(const AgeKeys& keys) {
  if (keys.identities.empty()) throw no_key_to_decrypt();
  std::vector<Fd> files;
  for (const Secret& identity : keys.identities) {
    files.push_back(make_memory_file("identity", identity.reveal()));
  }
  return files;
}

ProcessSpec decryption(const AgeKeys& keys, const std::vector<Fd>& identities) {
  ProcessSpec spec{.argv = {keys.program.string(), "--decrypt"}, .environment = keys.environment};
  for (size_t i = 0; i < identities.size(); ++i) {
    spec.argv.emplace_back("-i");
    spec.argv.push_back(child_fd_path(i));
    spec.inherited_fds.push_back(identities[i].get());
  }
  return spec;
}

}  // namespace

Error no_key_to_decrypt() {
  return {ErrorKind::denied, "it is encrypted, and there is no key to open it", kNoIdentityHint};
}

bool AgeHeader::take(std::string_view bytes) {
  if (size_ > 0) return true;
  begin_ += bytes;
  const size_t last_line = begin_.find("\n--- ");
  const size_t end = last_line == std::string::npos ? last_line : begin_.find('\n', last_line + 1);
  if (end == std::string::npos) return begin_.size() <= kMostHeaderBytes;
  size_ = end + 1;
  begin_.clear();
  return size_ <= kMostHeaderBytes;
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
  require_everybody(process_);
  const bool is_all = header_.size() > 0 && passed_on_ == header_.size() + encrypted_size(bytes_);
  if (!is_all) throw not_all(passed_on_, bytes_);
  next_.finish();
}

void AgeSink::pass_on(std::string_view encrypted) {
  if (!header_.take(encrypted)) {
    throw Error(ErrorKind::failed, "age writes a header that does not end");
  }
  passed_on_ += encrypted.size();
  next_.write(encrypted);
}

UnageSink::UnageSink(Sink& next, const AgeKeys& keys)
    : next_(next),
      identities_(identity_files(keys)),
      process_(decryption(keys, identities_), keys.stop) {
  process_.forward_output([this](std::string_view decrypted) { pass_on(decrypted); });
}

void UnageSink::write(std::string_view bytes) {
  // age would show the beginning of a file that is not encrypted.
  const std::string_view expected = kAgeMagic.substr(matched_, bytes.size());
  if (!bytes.starts_with(expected)) throw not_encrypted();
  matched_ += expected.size();
  if (!header_.take(bytes)) throw Error(ErrorKind::corrupt, "its header does not end");
  bytes_ += bytes.size();
  if (!process_.write(bytes)) fail();
}

void UnageSink::finish() {
  if (matched_ < kAgeMagic.size()) throw not_encrypted();
  if (!complete(process_, [this](std::string_view decrypted) { pass_on(decrypted); })) fail();
  require_everybody(process_);
  const bool is_all = header_.size() > 0 && bytes_ == header_.size() + encrypted_size(passed_on_);
  if (!is_all) throw not_all(passed_on_, bytes_);
  next_.finish();
}

void UnageSink::pass_on(std::string_view decrypted) {
  passed_on_ += decrypted.size();
  next_.write(decrypted);
}

void UnageSink::fail() {
  process_.wait();
  const std::string words = words_of(process_);
  if (words.find("no identity matched") != std::string::npos) {
    throw Error(ErrorKind::denied, "none of the identities opens it", kNoIdentityHint);
  }
  // Only what age itself says is wrong is wrong with the file.
  if (!has_complained(process_)) {
    throw Error(ErrorKind::failed, fmt::format("age cannot decrypt: {}", words), hint_of(process_));
  }
  if (words.starts_with("reading ")) {  // the identities
    throw Error(ErrorKind::failed, fmt::format("age cannot use the identities: {}", words),
                kNoIdentityHint);
  }
  // A plugin that is missing, or whose device is, says nothing of the file.
  if (words.find("plugin") != std::string::npos) {
    throw Error(ErrorKind::failed, fmt::format("age cannot decrypt: {}", words));
  }
  throw Error(ErrorKind::corrupt, fmt::format("age cannot decrypt it: {}", words));
}

}  // namespace pgbackup
