#include "common/catalog/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/base/printable.h"
#include "common/catalog/key_grammar.h"

namespace pgbackup {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kVerifiedPrefix = "verified-";
constexpr std::string_view kVerifiedSuffix = ".json";
constexpr std::array<std::string_view, 3> kDepths = {"stored", "archive", "restore"};
constexpr std::string_view kPassedWord = "passed";
constexpr std::string_view kFailedWord = "failed";

constexpr size_t kMostNotes = 20;
constexpr size_t kMaxNoteBytes = 1000;
constexpr int kMostReportDepth = 3;
constexpr uint64_t kMostSeconds = uint64_t{366} * 86400;

/// Takes `word` from the front of `text`. Returns whether it was there.
bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::string bounded(const std::string& text) {
  return short_line(text.size() > kMaxNoteBytes ? text.substr(0, kMaxNoteBytes) : text);
}

/// Returns a whole number. The library would turn any other number into one, however large.
uint64_t whole(const Json& json, const char* name) {
  const Json& value = json.at(name);
  if (!value.is_number_unsigned()) {
    throw Error(ErrorKind::corrupt, fmt::format("{} is not a whole number", name));
  }
  return value.get<uint64_t>();
}

VerificationReport report_from_json(const Json& json) {
  if (whole(json, "format") != 1) {
    throw Error(ErrorKind::corrupt, "a newer version wrote it");
  }
  return {.group = parse_group(json.at("group").get<std::string>()),
          .id = json.at("id").get<std::string>(),
          .problem = bounded(json.value("problem", std::string())),
          .tool = bounded(json.at("tool").get<std::string>()),
          .bytes = whole(json, "bytes"),
          .taken = std::chrono::seconds(std::min(whole(json, "seconds"), kMostSeconds))};
}

}  // namespace

std::string_view depth_name(VerifyDepth depth) { return kDepths.at(static_cast<size_t>(depth)); }

Verification make_verification(UtcTime now, VerifyDepth depth, bool is_passed) {
  return {
      .time = now,
      .depth = depth,
      .is_passed = is_passed,
      .file = fmt::format("{}{}-{}-{}{}", kVerifiedPrefix, make_backup_id(now), depth_name(depth),
                          is_passed ? kPassedWord : kFailedWord, kVerifiedSuffix)};
}

std::optional<Verification> parse_verification(std::string_view file) {
  constexpr size_t kIdLength = std::string_view("20261130T022337Z-9f3a1c2b").size();
  Verification found{.time = {}, .file = std::string(file)};
  if (!take_word(file, kVerifiedPrefix)) return std::nullopt;
  const std::optional<UtcTime> time = parse_backup_id(file.substr(0, kIdLength));
  if (!time) return std::nullopt;
  found.time = *time;
  file.remove_prefix(kIdLength);
  if (!take_word(file, "-")) return std::nullopt;
  const auto* const depth = std::find_if(kDepths.begin(), kDepths.end(),
                                         [&](auto name) { return take_word(file, name); });
  if (depth == kDepths.end() || !take_word(file, "-")) return std::nullopt;
  found.depth = static_cast<VerifyDepth>(depth - kDepths.begin());
  found.is_passed = take_word(file, kPassedWord);
  if (!found.is_passed && !take_word(file, kFailedWord)) return std::nullopt;
  return file == kVerifiedSuffix ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<Verification> standing_verification(std::span<const Verification> all) {
  std::optional<Verification> standing;
  for (const Verification& one : all) {
    const bool is_shallower = standing && !standing->is_passed && one.depth < standing->depth;
    if (!is_shallower) standing = one;
  }
  return standing;
}

VerificationReport without_private(VerificationReport report, VerifyDepth depth) {
  if (depth == VerifyDepth::stored) return report;  // what is stored is readable anyway
  report.notes.clear();
  if (!report.problem.empty()) {
    report.problem = "what was found is in the log of the verification: the backup is encrypted";
  }
  return report;
}

std::string format_verification(const Verification& verification,
                                const VerificationReport& report) {
  Json json = {{"format", 1},
               {"group", report.group.name()},
               {"id", report.id},
               {"verified", format_iso(verification.time)},
               {"depth", depth_name(verification.depth)},
               {"result", verification.is_passed ? kPassedWord : kFailedWord},
               {"tool", report.tool},
               {"bytes", report.bytes},
               {"seconds", report.taken.count()}};
  if (!report.problem.empty()) json["problem"] = bounded(report.problem);
  for (const std::string& note : report.notes) {
    if (json["notes"].size() < kMostNotes) json["notes"].push_back(bounded(note));
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

VerificationReport parse_verification_report(std::string_view text) {
  try {
    if (text.size() > kMaxVerificationBytes) throw Error(ErrorKind::corrupt, "it is too large");
    const Json json = Json::parse(text, [](int depth, Json::parse_event_t, const Json&) {
      if (depth > kMostReportDepth) throw Error(ErrorKind::corrupt, "it is nested too deeply");
      return true;
    });
    return report_from_json(json);
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::corrupt, short_line(error.what()));
  }
}

}  // namespace pgbackup
