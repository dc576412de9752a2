// The process's time zone, changed for the length of a block. Not for tests with threads.
#pragma once

#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

#include "common/base/time_zone.h"

namespace pgbackup {

/// One variable of the environment, as it was when this goes.
class VariableGuard {
 public:
  explicit VariableGuard(const char* name) : name_(name) {
    if (const char* const value = std::getenv(name)) before_ = value;
  }
  VariableGuard(const VariableGuard&) = delete;
  VariableGuard& operator=(const VariableGuard&) = delete;
  ~VariableGuard() {
    static_cast<void>(before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_));
    tzset();
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

/// The process's time zone for the length of a block.
class ZoneGuard {
 public:
  explicit ZoneGuard(const std::string& name) { set_time_zone(name); }

 private:
  VariableGuard before_{"TZ"};
};

}  // namespace pgbackup
