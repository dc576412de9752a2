#include "common/codec/file_source.h"

#include <unistd.h>

#include <cerrno>

#include "common/base/error.h"

namespace pgbackup {

size_t FileSource::read(std::span<char> buffer) {
  while (true) {
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR) throw_errno("cannot read " + name_);
  }
}

}  // namespace pgbackup
