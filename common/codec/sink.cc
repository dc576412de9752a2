#include "common/codec/sink.h"

#include <vector>

namespace pgbackup {

void copy_bytes(Source& source, Sink& sink) {
  std::vector<char> buffer(kCopyBytes);
  while (const size_t got = source.read(buffer)) {
    sink.write({buffer.data(), got});
  }
}

}  // namespace pgbackup
