#include "common/service/ping.h"

#include <chrono>
#include <string>
#include <string_view>

#include "common/service/report_config.h"

namespace pgbackup {
namespace {

/// The least that a service keeps of a body is 10 kB, and it keeps the beginning.
constexpr size_t kMostBytes = 10'000;
constexpr size_t kMostDescription = 4000;

/// Returns the end of `text`, of at most `most` bytes, cut between two characters of UTF-8.
std::string_view end_of(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  text.remove_prefix(text.size() - most);
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
  for (int i = 0; i < 3 && !text.empty() && continues(text.front()); ++i) text.remove_prefix(1);
  return text;
}

std::string body_of(const RunReport& report) {
  std::string text = clipped(describe(report), kMostDescription);
  if (report.last_lines.empty()) return text;
  text += "\nthe last lines of the log:\n";
  text += end_of(report.last_lines, kMostBytes - text.size());
  return text;
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
