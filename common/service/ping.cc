#include "common/service/ping.h"

#include <chrono>
#include <string>

#include "common/service/report_config.h"

namespace pgbackup {
namespace {

/// The least that a service keeps of a body is 10 kB, and it keeps the beginning.
constexpr size_t kMostBytes = 10'000;

std::string body_of(const RunReport& report) {
  std::string text = describe(report);
  if (!report.last_lines.empty()) text += "\nthe last lines of the log:\n" + report.last_lines;
  return clipped(text, kMostBytes);
}

Message message_for(const Letter& letter) {
  Message message{.headers = {{"Content-Type", "text/plain; charset=utf-8"}}};
  if (letter.is_start) {
    message.suffix = "/start";
    return message;
  }
  if (!letter.report.is_good()) message.suffix = "/fail";
  message.body = body_of(letter.report);
  return message;
}

}  // namespace

void ping(const DeliveryMeans& means, const Letter& letter, const std::stop_token& stop) {
  DeliveryMeans used = means;
  if (letter.is_start) used.retry.total = std::chrono::milliseconds(0);  // the end is worth more
  Receiver(used, kPingUrl, letter.url.reveal()).send(message_for(letter), stop);
}

}  // namespace pgbackup
