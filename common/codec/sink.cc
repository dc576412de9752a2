#include "common/codec/sink.h"

#include <vector>

namespace pgbackup {

void pump(Source& source, Sink& sink) {
  std::vector<char> buffer(kPumpBytes);
  while (const size_t got = source.read(buffer)) {
    sink.write({buffer.data(), got});
  }
  sink.finish();
}

}  // namespace pgbackup
