// Encryption by the stock program age, as two stages of a chain. The program is a child process for
// each stream, so that the kinds of recipients are those of the installed version.
// https://c2sp.org/age
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/base/process.h"
#include "common/base/secret.h"
#include "common/codec/sink.h"

namespace pgbackup {

/// Begins every file that age has encrypted.
inline constexpr std::string_view kAgeMagic = "age-encryption.org/v1\n";

/// Says what the program works with.
struct AgeKeys {
  std::filesystem::path program{};
  std::string version{};                   ///< of the program, as it tells it; empty: not asked
  std::vector<std::string> environment{};  ///< of the program: `NAME=value`, without our secrets
  std::string recipients{};          ///< as `age -R` reads them; empty: nothing can be encrypted
  std::vector<Secret> identities{};  ///< each as `age -i` reads it; none: nothing can be decrypted
  std::stop_token stop{};
};

/// Returns the `denied` error for what is encrypted where there are no identities.
[[nodiscard]] Error no_key_to_decrypt();

/// Finds the end of a file's header, a line that begins with `---`, as the bytes pass.
class AgeHeader {
 public:
  /// Takes the next bytes of the file. Returns false when the header is longer than any of ours.
  [[nodiscard]] bool take(std::string_view bytes);
  /// Returns the size with the newline at its end; 0: it is not complete.
  [[nodiscard]] uint64_t size() const { return size_; }

 private:
  std::string begin_;  ///< as far as it is not complete
  uint64_t size_ = 0;
};

/// Encrypts what passes for the recipients. write() and finish() throw `failed` with age's own
/// words. finish() finishes `next` only after age has exited with 0 and has written as many bytes
/// as age v1 has for what passed.
class AgeSink final : public Sink {
 public:
  /// Starts age. Both must outlive the sink. Throws `failed`.
  AgeSink(Sink& next, const AgeKeys& keys);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void pass_on(std::string_view encrypted);

  Sink& next_;
  Fd recipients_;
  Process process_;
  AgeHeader header_;
  uint64_t bytes_ = 0;  ///< that were written to this stage
  uint64_t passed_on_ = 0;
};

/// Decrypts what passes. What comes before an error has been passed on already, in whole chunks of
/// 64 KiB, each authenticated. write() and finish() throw `denied` when no identity opens the file,
/// `corrupt` for anything that age has not written, and for a file that is cut, and `failed` when
/// age itself fails or has written fewer bytes than there are. A header whose recipients are
/// damaged is `denied`: age cannot tell it from the header of a file for others.
class UnageSink final : public Sink {
 public:
  /// Starts age. Both must outlive the sink. Throws `denied` when there are no identities.
  UnageSink(Sink& next, const AgeKeys& keys);
  void write(std::string_view bytes) override;
  void finish() override;

 private:
  void pass_on(std::string_view decrypted);
  [[noreturn]] void fail();

  Sink& next_;
  std::vector<Fd> identities_;
  Process process_;
  AgeHeader header_;
  size_t matched_ = 0;  ///< bytes of kAgeMagic that have passed
  uint64_t bytes_ = 0;  ///< that were written to this stage
  uint64_t passed_on_ = 0;
};

}  // namespace pgbackup
