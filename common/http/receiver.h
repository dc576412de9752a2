// Delivers short messages to a service that the user names by a URL, such as a webhook. Such a URL
// is a secret: whoever knows it can send, too. So messages and errors name its host and nothing
// else of it. Knows nothing of what is delivered.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/http/retry.h"
#include "common/http/transport.h"

namespace pgbackup {

/// Holds the parts of a URL of a receiver.
struct ReceiverUrl {
  std::string origin;           ///< `https://host:port`
  std::string server;           ///< `host:port`, for messages
  std::string path;             ///< as given: `/` or more
  std::string query{};          ///< `?a=b`; empty where there is none
  std::string authorization{};  ///< the header for the user and the password; empty without them
  std::string decoded{};        ///< the path and the password, to be found in replies
};

/// Parses `http[s]://[USER:PASSWORD@]HOST[:PORT][/PATH][?QUERY]`. Throws `usage` with a sentence
/// that quotes nothing of the text.
[[nodiscard]] ReceiverUrl parse_receiver_url(std::string_view text);

struct Message {
  std::string method = "POST";  ///< POST PUT DELETE
  std::string suffix{};         ///< is appended to the path of the URL, encoded: `/start`
  NameValues headers{};
  std::string body{};
};

/// Says how messages travel. The objects that it refers to must outlive their use.
struct DeliveryMeans {
  TransportFactory transports;
  Clock& clock;
  Log& log;  ///< is told of each attempt that is repeated
  RetryLimits retry{.total = std::chrono::seconds(10),
                    .first_wait = std::chrono::milliseconds(1000),
                    .longest_wait = std::chrono::milliseconds(5000)};
  std::chrono::milliseconds timeout = std::chrono::seconds(10);  ///< of one attempt
};

/// Sends messages to one receiver, over one connection where it is kept. Used by one thread.
class Receiver {
 public:
  /// `setting` names the URL in errors. Throws `usage` as parse_receiver_url() does.
  Receiver(const DeliveryMeans& means, std::string_view setting, std::string_view url);

  /// Sends a message and returns once the receiver has answered with a status of 2xx. A receiver
  /// may get a message twice, since a reply can be lost. Throws `conflict` when the receiver
  /// refuses the content (400, 409, 422), `denied`, `not_found`, `transient` when it gave no usable
  /// answer in time, and `canceled`.
  void send(const Message& message, const std::stop_token& stop);

 private:
  const DeliveryMeans& means_;
  const std::string setting_;
  const ReceiverUrl url_;
  std::unique_ptr<Transport> transport_;
};

}  // namespace pgbackup
