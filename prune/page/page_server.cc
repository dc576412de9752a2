#include "prune/page/page_server.h"

#include <fmt/format.h>
#include <malloc.h>

#include <utility>

#include "common/base/error.h"
#include "common/codec/gzip.h"
#include "common/codec/sink.h"
#include "prune/page/html.h"
#include "prune/page/page_text.h"

namespace pgbackup {
namespace {

constexpr int kOk = 200;
constexpr int kUnavailable = 503;
constexpr int kReloadSeconds = 5;
constexpr const char* kHtml = "text/html; charset=utf-8";

class StringEnd final : public Sink {
 public:
  void write(std::string_view bytes) override { text += bytes; }
  void finish() override {}

  std::string text;
};

std::string compress(std::string_view text) {
  StringEnd end;
  GzipSink gzip(end, kMinGzipLevel);
  gzip.write(text);
  gzip.finish();
  return std::move(end.text);
}

StatusReply with_headers(StatusReply reply) {
  reply.content_type = kHtml;
  reply.headers.emplace_back("Content-Security-Policy", page_policy() + "; frame-ancestors 'none'");
  reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  reply.headers.emplace_back("Vary", "Accept-Encoding");
  return reply;
}

}  // namespace

std::optional<StatusReply> PageServer::answer(const StatusRequest& request) {
  const SteadyTime now = clock_.steady();
  const std::unique_lock lock(mutex_);
  if (shown_ && now - shown_->made_at < kPageAge) return reply_of(*shown_, request.takes_gzip);
  if (!is_making_) {
    start(now);
  } else if (now - begun_ > kPageTime) {
    thread_.request_stop();
  }
  if (request.waited < kPageWait) return std::nullopt;
  if (shown_ && now - shown_->made_at < kPageStale) return reply_of(*shown_, request.takes_gzip);
  StatusReply reply{.status = kUnavailable,
                    .body = format_notice("The page is being made, and shows itself when it is.",
                                          kReloadSeconds)};
  reply.headers.emplace_back("Retry-After", std::to_string(kReloadSeconds));
  return with_headers(std::move(reply));
}

void PageServer::start(SteadyTime now) {
  is_making_ = true;
  begun_ = now;
  try {
    // The one before has ended, but for its last instructions.
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  } catch (...) {
    is_making_ = false;
    throw;
  }
}

void PageServer::run(const std::stop_token& stop) noexcept {
  try {
    try {
      Text html = std::make_shared<const std::string>(make_(stop));
      show(html, kOk);
      last_good_ = std::move(html);
    } catch (...) {
      show_failure();
    }
  } catch (...) {  // no memory even for that
    log_.warn("the status page could not be made");
  }
  malloc_trim(0);  // what a large store took is not needed until the next page
  const std::lock_guard lock(mutex_);
  is_making_ = false;
}

/// Shows the error that is being handled: above the last page, or alone.
void PageServer::show_failure() {
  const Error error = current_error();
  log_.warn("the status page could not be made", {{"cause", error.message()}});
  const UtcTime now = clock_.now();
  const std::string sentence = fmt::format("At {} ({}) the store could not be read: {}",
                                           page_time(now), page_offset(now), error.message());
  std::string html =
      last_good_ == nullptr ? format_notice(sentence, 0) : add_banner(*last_good_, sentence);
  show(std::make_shared<const std::string>(std::move(html)),
       last_good_ == nullptr ? kUnavailable : kOk);
}

void PageServer::show(Text html, int status) {
  Shown shown{.status = status, .html = std::move(html), .made_at = clock_.steady()};
  shown.gzip = std::make_shared<const std::string>(compress(*shown.html));
  const std::lock_guard lock(mutex_);
  shown_ = std::move(shown);
}

StatusReply PageServer::reply_of(const Shown& shown, bool takes_gzip) const {
  StatusReply reply{.status = shown.status, .shared_body = takes_gzip ? shown.gzip : shown.html};
  if (takes_gzip) reply.headers.emplace_back("Content-Encoding", "gzip");
  return with_headers(std::move(reply));
}

}  // namespace pgbackup
