// A password or key in memory: on the heap, wiped when it is destroyed, never copied and never
// formatted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pgbackup {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : bytes_(text.begin(), text.end()) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept = default;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  /// Returns the secret's text, for the one place that must use it. Valid while this object lives.
  [[nodiscard]] std::string_view reveal() const { return {bytes_.data(), bytes_.size()}; }
  [[nodiscard]] Secret clone() const { return Secret(reveal()); }

 private:
  void wipe() noexcept;

  std::vector<char> bytes_;
};

/// Overwrites and empties a string that held a secret for a moment.
void wipe(std::string& text) noexcept;

}  // namespace pgbackup
