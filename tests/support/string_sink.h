// The end of a chain: keeps what arrives.
#pragma once

#include <string>
#include <string_view>

#include "common/codec/sink.h"

namespace pgbackup {

class StringSink final : public Sink {
 public:
  void write(std::string_view more) override { bytes += more; }
  void finish() override { finished = true; }

  std::string bytes;
  bool finished = false;
};

}  // namespace pgbackup
