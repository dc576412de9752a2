// Holds a C object: a unique_ptr whose deleter is the library's own free function.
#pragma once

#include <memory>

namespace pgbackup {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    static_cast<void>(Free(object));
  }
};

/// Handle<CURL, curl_easy_cleanup> owns a CURL, can be moved, and frees it once.
template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

}  // namespace pgbackup
