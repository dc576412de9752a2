// Who may read what the status port shows. The page names databases and sizes, so it is for those
// who know the password, or for this machine alone unless it is public.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/secret.h"
#include "common/service/status_server.h"

namespace pgbackup {

class StatusAccess {
 public:
  /// Asks for the password where `user` is not empty. `program` is the realm that browsers show.
  StatusAccess(std::string program, std::string user, bool is_public)
      : program_(std::move(program)), user_(std::move(user)), is_public_(is_public) {}

  /// Sets the password. While it is empty, a server that has a user refuses everyone. Thread-safe.
  void set_password(const Secret& password);

  /// Returns why `request` is refused; nullopt where it is not. With a user, all paths ask for the
  /// password; without one, only the page is for this machine alone. Compares in constant time.
  /// Thread-safe.
  [[nodiscard]] std::optional<StatusReply> refusal(const StatusRequest& request,
                                                   bool is_page) const;

 private:
  [[nodiscard]] bool is_known(std::string_view authorization) const;

  std::string program_;
  std::string user_;
  bool is_public_;
  mutable std::mutex mutex_;
  Secret password_{};
};

/// Returns whether a Host header names this machine by its address or as localhost. A page of
/// elsewhere whose name was made to lead here (DNS rebinding) brings that name.
[[nodiscard]] bool is_local_host(std::string_view host);

}  // namespace pgbackup
