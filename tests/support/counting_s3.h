// A server that takes uploads of any size and keeps numbers only: for what no machine could hold.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/http/transport.h"

namespace pgbackup {

/// Thread-safe through its transports; look at the members when none is at work.
class CountingS3 {
 public:
  struct Object {
    uint64_t bytes = 0;
    size_t parts = 0;
    std::string token;
  };

  [[nodiscard]] TransportFactory factory();

  std::map<std::string, Object> objects;
  uint64_t requests = 0;
  /// What a real server would have refused: parts of unequal size, out of order or missing.
  std::vector<std::string> faults;

  HttpResponse handle(const HttpRequest& request);

 private:
  struct Upload {
    std::string token;
    std::map<int, uint64_t> parts;
  };

  HttpResponse take(const std::string& key, const std::string& query, const HttpRequest& request);
  HttpResponse complete(const std::string& key, Upload upload, std::string_view body);

  std::mutex mutex_;
  std::map<std::string, Upload> uploads_;  ///< by key
};

}  // namespace pgbackup
