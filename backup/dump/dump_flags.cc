#include "backup/dump/dump_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "common/base/error.h"

namespace pgbackup {
namespace {

constexpr std::string_view kStream = "the dump is streamed as it is made";
constexpr std::string_view kConnection = "the connection has settings of its own (DB_HOST ...)";
constexpr std::string_view kOurs = "restore has --create and --clean of its own";
constexpr std::string_view kUpgrade = "only pg_upgrade needs it";

constexpr bool kValue = true;
constexpr DumpEffect kWhole = DumpEffect::whole;
constexpr DumpEffect kPart = DumpEffect::part;
constexpr DumpEffect kSqlPart = DumpEffect::sql_part;

constexpr std::array kFlags = std::to_array<DumpFlag>({
    {"attribute-inserts", 0},
    {"binary-upgrade", 0, false, kWhole, kUpgrade},
    {"blobs", 0},
    {"clean", 'c', false, kWhole, kOurs},
    {"column-inserts", 0},
    {"compress", 'Z', kValue, kWhole, "BACKUP_COMPRESSION sets it"},
    {"create", 'C', false, kWhole, kOurs},
    {"data-only", 'a', false, kPart},
    {"dbname", 'd', kValue, kWhole, kConnection},
    {"disable-dollar-quoting", 0},
    {"disable-triggers", 0},
    {"enable-row-security", 0, false, kPart},
    {"encoding", 'E', kValue},
    {"exclude-extension", 0, kValue, kPart},
    {"exclude-schema", 'N', kValue, kPart},
    {"exclude-table", 'T', kValue, kPart},
    {"exclude-table-and-children", 0, kValue, kPart},
    {"exclude-table-data", 0, kValue, kPart},
    {"exclude-table-data-and-children", 0, kValue, kPart},
    {"extension", 'e', kValue, kPart},
    {"extra-float-digits", 0, kValue},
    {"file", 'f', kValue, kWhole, kStream},
    {"filter", 0, kValue, kPart},
    {"format", 'F', kValue, kWhole, "BACKUP_FORMAT sets it"},
    {"help", '?', false, kWhole, kStream},
    {"host", 'h', kValue, kWhole, kConnection},
    {"if-exists", 0, false, kWhole, kOurs},
    {"include-foreign-data", 0, kValue},
    {"inserts", 0},
    {"jobs", 'j', kValue, kWhole, kStream},
    {"large-objects", 'b'},
    {"load-via-partition-root", 0},
    {"lock-wait-timeout", 0, kValue},
    {"no-blobs", 0, false, kPart},
    {"no-comments", 0, false, kPart},
    {"no-data", 0, false, kPart},
    {"no-large-objects", 'B', false, kPart},
    {"no-owner", 'O', false, kSqlPart},
    {"no-password", 'w', false, kWhole, kConnection},
    {"no-policies", 0, false, kPart},
    {"no-privileges", 'x', false, kPart},
    {"no-publications", 0, false, kPart},
    {"no-schema", 0, false, kPart},
    {"no-security-labels", 0, false, kPart},
    {"no-statistics", 0},
    {"no-subscriptions", 0, false, kPart},
    {"no-sync", 0},
    {"no-synchronized-snapshots", 0},
    {"no-table-access-method", 0, false, kSqlPart},
    {"no-tablespaces", 0, false, kSqlPart},
    {"no-toast-compression", 0, false, kPart},
    {"no-unlogged-table-data", 0, false, kPart},
    {"on-conflict-do-nothing", 0},
    {"password", 'W', false, kWhole, kConnection},
    {"port", 'p', kValue, kWhole, kConnection},
    {"quote-all-identifiers", 0},
    {"restrict-key", 0, kValue},
    {"role", 0, kValue},
    {"rows-per-insert", 0, kValue},
    {"schema", 'n', kValue, kPart},
    {"schema-only", 's', false, kPart},
    {"section", 0, kValue, kPart},
    {"sequence-data", 0},
    {"serializable-deferrable", 0},
    {"snapshot", 0, kValue},
    {"statistics", 0},
    {"statistics-only", 0, false, kPart},
    {"strict-names", 0},
    {"superuser", 'S', kValue},
    {"sync-method", 0, kValue},
    {"table", 't', kValue, kPart},
    {"table-and-children", 0, kValue, kPart},
    {"use-set-session-authorization", 0},
    {"username", 'U', kValue, kWhole, kConnection},
    {"verbose", 'v'},
    {"version", 'V', false, kWhole, kStream},
});

// A name in full is found before the longer ones that begin with it.
static_assert(std::ranges::is_sorted(kFlags, {}, &DumpFlag::name));

[[noreturn]] void refuse(std::string_view word, std::string_view reason) {
  throw Error(ErrorKind::usage, fmt::format("{} cannot be used here: {}", word, reason));
}

[[noreturn]] void refuse_value(std::string_view word, std::string_view problem) {
  throw Error(ErrorKind::usage, fmt::format("{} {}", word, problem));
}

/// Returns the option that `name`, in full or abbreviated, stands for; null for an unknown one.
const DumpFlag* find_flag(std::string_view name) {
  std::vector<std::string> fitting;
  const DumpFlag* found = nullptr;
  for (const DumpFlag& flag : kFlags) {
    if (!flag.name.starts_with(name)) continue;
    // An abbreviation may fit others in other versions of pg_dump, so one refused option is enough.
    if (!flag.refusal.empty()) refuse(fmt::format("--{}", flag.name), flag.refusal);
    if (flag.name == name) return &flag;
    fitting.push_back(fmt::format("--{}", flag.name));
    found = &flag;
  }
  if (fitting.size() > 1) {
    refuse_value(fmt::format("--{}", name),
                 fmt::format("may be short for {}: write it in full", fmt::join(fitting, " or ")));
  }
  return found;
}

class Reader {
 public:
  explicit Reader(std::span<const std::string> words) : words_(words) {}

  std::vector<GivenDumpFlag> read() {
    while (!words_.empty()) {
      const std::string_view word = take();
      if (word == "-" || word == "--" || !word.starts_with('-')) {
        refuse(fmt::format("'{}'", word),
               "it is not an option, and databases have settings of their own");
      }
      word.starts_with("--") ? read_name(word) : read_letters(word);
    }
    return std::move(flags_);
  }

 private:
  std::string_view take() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }

  /// Reads `--name`, `--name=value` or the beginning of a name.
  void read_name(std::string_view word) {
    const size_t equals = word.find('=');
    const bool has_value = equals != std::string_view::npos;
    const std::string_view name = word.substr(2, has_value ? equals - 2 : equals);
    const std::string_view value = has_value ? word.substr(equals + 1) : std::string_view();
    const DumpFlag* const flag = find_flag(name);
    if (flag == nullptr) {
      flags_.push_back({std::string(name), std::string(value)});
    } else if (!flag->takes_value && has_value) {
      refuse_value(fmt::format("--{}", flag->name), "takes no value");
    } else if (flag->takes_value && !has_value) {
      add(*flag, next_value(fmt::format("--{}", flag->name)));
    } else {
      add(*flag, value);
    }
  }

  /// Reads a cluster of letters such as `-xOt`; what follows a letter that takes a value is the
  /// value.
  void read_letters(std::string_view word) {
    for (size_t i = 1; i < word.size(); ++i) {
      const char letter = word[i];
      const auto* const flag =
          std::find_if(kFlags.begin(), kFlags.end(),
                       [&](const DumpFlag& known) { return known.letter == letter; });
      if (flag == kFlags.end()) {
        flags_.push_back({std::string(1, letter)});
        continue;
      }
      const std::string shown = fmt::format("-{}", letter);
      if (!flag->refusal.empty()) refuse(shown, flag->refusal);
      if (flag->takes_value) {
        const std::string_view rest = word.substr(i + 1);
        return add(*flag, rest.empty() ? next_value(shown) : rest);
      }
      add(*flag, {});
    }
  }

  std::string_view next_value(const std::string& shown) {
    if (words_.empty()) refuse_value(shown, "needs a value");
    return take();
  }

  void add(const DumpFlag& flag, std::string_view value) {
    flags_.push_back({std::string(flag.name), std::string(value), flag.effect});
  }

  std::span<const std::string> words_;
  std::vector<GivenDumpFlag> flags_;
};

bool is_any(std::span<const GivenDumpFlag> flags, std::initializer_list<std::string_view> names) {
  return std::any_of(flags.begin(), flags.end(), [&](const GivenDumpFlag& flag) {
    return std::find(names.begin(), names.end(), flag.name) != names.end();
  });
}

/// Returns whether the dump holds rows. --section may be given several times.
bool takes_data(std::span<const GivenDumpFlag> flags) {
  if (is_any(flags, {"schema-only", "no-data", "statistics-only"})) return false;
  return !is_any(flags, {"section"}) ||
         std::any_of(flags.begin(), flags.end(), [](const GivenDumpFlag& flag) {
           return flag.name == "section" && flag.value == "data";
         });
}

}  // namespace

std::span<const DumpFlag> dump_flags() { return kFlags; }

std::vector<GivenDumpFlag> parse_dump_flags(std::span<const std::string> words) {
  return Reader(words).read();
}

std::vector<std::string> selection_of(std::span<const GivenDumpFlag> flags, StreamFormat format) {
  std::vector<std::string> selection;
  for (const GivenDumpFlag& flag : flags) {
    const bool is_part = flag.effect == DumpEffect::part ||
                         (flag.effect == DumpEffect::sql_part && format == StreamFormat::plain);
    if (!is_part) continue;
    const char* const dashes = flag.name.size() == 1 ? "-" : "--";
    selection.push_back(flag.value.empty() ? fmt::format("{}{}", dashes, flag.name)
                                           : fmt::format("{}{}={}", dashes, flag.name, flag.value));
  }
  return selection;
}

// As pg_dump decides in main(): src/bin/pg_dump/pg_dump.c, include_everything.
bool takes_large_objects(std::span<const GivenDumpFlag> flags) {
  if (!takes_data(flags)) return false;
  if (is_any(flags, {"large-objects", "blobs"})) return true;
  if (is_any(flags, {"no-large-objects", "no-blobs"})) return false;
  return !is_any(flags, {"schema", "table", "table-and-children", "extension"});
}

}  // namespace pgbackup
