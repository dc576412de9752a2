#include "common/store/store_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/base/units.h"
#include "common/store/dir_store.h"
#include "common/store/s3/credentials/credential_chain.h"
#include "common/store/s3/store.h"

namespace pgbackup {
namespace {

constexpr uint64_t kLeastPart = uint64_t{5} << 20U;      // S3's own limit
constexpr uint64_t kLargestPart = uint64_t{512} << 20U;  // times 10,000 it is just below 5 TiB
constexpr uint64_t kLeastRate = uint64_t{16} << 10U;
constexpr std::chrono::seconds kPatienceOfPeople{10};

std::string region_of_others(const Environment& environment) {
  for (const auto* name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    const auto found = environment.find(name);
    if (found != environment.end() && !found->second.empty()) return found->second;
  }
  return {};
}

/// Returns the region in which STS is asked: the endpoint's name may be that of another provider.
std::string region_of_sts(const StoreConfig& config, const S3Endpoint& endpoint) {
  if (!config.s3.region.empty()) return config.s3.region;
  std::string region = region_of_others(config.environment);
  return region.empty() ? region_of_host(endpoint.host) : region;
}

/// Returns the context for the sources of credentials other than our own settings.
CredentialContext credential_context(const StoreConfig& config, Clock* clock) {
  const S3Endpoint endpoint = parse_s3_endpoint(config.s3.endpoint, config.s3.region);
  return {
      .environment = config.environment,
      .transports = [file = config.s3.ca_file] { return std::make_unique<CurlTransport>(file); },
      .clock = clock,
      .region = region_of_sts(config, endpoint),
      .is_aws = endpoint.is_aws};
}

/// Runs one of the store's own checks and keeps its complaint.
template <class Check>
void collect(std::vector<std::string>& problems, const Check& check) {
  try {
    check();
  } catch (const Error& error) {
    problems.push_back(error.message());
  }
}

/// Returns whether `secret` is a key id by its form and `id` is none: 20 capitals and digits at
/// AWS, Ceph and Wasabi, GK and 24 hexadecimal digits at Garage.
bool are_swapped(std::string_view id, std::string_view secret) {
  const auto is_id = [](std::string_view text) {
    constexpr std::string_view kCapitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    if (text.size() == 20) return text.find_first_not_of(kCapitals) == std::string_view::npos;
    return text.size() == 26 && text.starts_with("GK") &&
           text.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
  };
  return is_id(secret) && !is_id(id) && id.size() > secret.size();
}

/// Checks the keys. Our own pair is taken whole, never completed from the variables of others.
void check_keys(const StoreConfig& config, const ParsedOptions& parsed,
                std::vector<std::string>& problems) {
  const bool has_access_key = is_set(parsed, "S3_ACCESS_KEY");
  const bool has_secret_key = is_set(parsed, "S3_SECRET_KEY");
  if (are_swapped(config.s3.access_key.reveal(), config.s3.secret_key.reveal())) {
    problems.emplace_back(
        "S3_ACCESS_KEY and S3_SECRET_KEY are swapped, by their forms: the shorter one is the "
        "access key");
  } else if (has_access_key && !has_secret_key) {
    problems.emplace_back("S3_ACCESS_KEY is set without S3_SECRET_KEY");
  } else if (!has_access_key && has_secret_key) {
    problems.emplace_back("S3_SECRET_KEY is set without S3_ACCESS_KEY");
  } else if (!has_access_key && is_set(parsed, "S3_SESSION_TOKEN")) {
    problems.emplace_back("S3_SESSION_TOKEN is set without S3_ACCESS_KEY and S3_SECRET_KEY");
  } else if (!has_access_key) {
    std::vector<std::string> known_problems;
    collect(known_problems, [&] {
      const std::string reasons = explain_no_credentials(credential_context(config, nullptr));
      if (!reasons.empty()) problems.push_back(reasons);
    });
  }
}

constexpr std::string_view kOlderPrefix = "DB_BACKUP_PREFIX";

/// Returns the variable that a value came from: the row's own, a weaker one, or DB_BACKUP_PREFIX.
std::string_view origin(const ParsedOptions& parsed, std::string_view name) {
  for (const Setting& setting : parsed.settings) {
    if (setting.name != name) continue;
    if (setting.source.starts_with("AWS_")) return setting.source;
    if (setting.given_as.starts_with(kOlderPrefix)) return kOlderPrefix;
  }
  return name;
}

/// Checks the prefix. Some servers and most tools cannot handle empty and dot segments, and
/// whitespace is a slip of the pen.
void check_prefix(const S3Config& s3, std::string_view name, std::vector<std::string>& problems) {
  const std::string prefix = normalized_prefix(s3.prefix);
  const auto complain = [&](std::string_view what) {
    problems.push_back(fmt::format("{}: '{}' {}", name, s3.prefix, what));
  };
  if (prefix.find_first_of(kWhitespace) != std::string::npos) {
    return complain("holds whitespace: leave it out");
  }
  for (size_t begin = 0; begin < prefix.size();) {
    const size_t end = prefix.find('/', begin);
    const std::string_view segment = std::string_view(prefix).substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") {
      return complain("has an empty segment, or one that is . or ..: write a/b");
    }
    begin = end + 1;
  }
}

void check_s3(const S3Config& s3, const ParsedOptions& parsed, std::vector<std::string>& problems) {
  if (!s3.ca_file.empty() && access(s3.ca_file.c_str(), R_OK) != 0) {
    problems.push_back(fmt::format("{}: cannot read {}: {}", origin(parsed, "S3_CA_FILE"),
                                   s3.ca_file.string(), errno_text(errno)));
  }
  collect(problems, [&] {
    check_write_options(s3.write, parse_s3_endpoint(s3.endpoint, s3.region).scheme, problems);
  });
  if (!s3.bucket.empty()) collect(problems, [&] { check_bucket_name(s3.bucket); });
}

/// Checks the rate limit. A lower one would look like a connection that has stalled.
void check_rate(const S3Config& s3, std::vector<std::string>& problems) {
  const uint64_t least = kLeastRate * static_cast<uint64_t>(s3.upload_concurrency);
  if (s3.max_rate == 0 || s3.max_rate >= least) return;
  problems.push_back(fmt::format(
      "S3_MAX_RATE {} is less than {} per second for each of {} connections: raise it, or lower "
      "S3_UPLOAD_CONCURRENCY",
      format_exact_bytes(s3.max_rate), format_exact_bytes(kLeastRate), s3.upload_concurrency));
}

/// Splits `s3://bucket/prefix` into bucket and prefix.
void take_apart_bucket(S3Config& s3, std::vector<std::string>& problems) {
  constexpr std::string_view kScheme = "s3://";
  if (!s3.bucket.starts_with(kScheme)) return;
  const std::string url = s3.bucket;
  const std::string_view path = std::string_view(url).substr(kScheme.size());
  const size_t slash = path.find('/');
  s3.bucket = path.substr(0, slash);
  if (s3.bucket.empty()) problems.push_back(fmt::format("S3_BUCKET: '{}' names no bucket", url));
  const std::string prefix =
      slash == std::string_view::npos ? "" : normalized_prefix(path.substr(slash));
  if (prefix.empty()) return;
  if (!s3.prefix.empty() && normalized_prefix(s3.prefix) != prefix) {
    problems.push_back(
        fmt::format("S3_PREFIX is '{}', but the bucket is given as '{}': keep one of the prefixes",
                    s3.prefix, url));
  }
  s3.prefix = prefix;
}

/// Takes the addressing out of an endpoint of wal-e: `http+path://minio:9000`.
void take_apart_endpoint(S3Config& s3, std::vector<std::string>& problems) {
  static constexpr std::array<std::pair<std::string_view, S3Addressing>, 3> kAddressings = {
      {{"+path", S3Addressing::path},
       {"+virtualhost", S3Addressing::virtual_host},
       {"+subdomain", S3Addressing::virtual_host}}};
  const size_t plus = s3.endpoint.find('+');
  const size_t colon = s3.endpoint.find("://");
  if (colon == std::string::npos || plus > colon) return;
  const std::string_view how = std::string_view(s3.endpoint).substr(plus, colon - plus);
  for (const auto& [name, addressing] : kAddressings) {
    if (how != name) continue;
    if (s3.addressing != S3Addressing::automatic && s3.addressing != addressing) {
      problems.push_back(fmt::format(
          "S3_ADDRESSING is another one than the endpoint '{}' says; keep one", s3.endpoint));
    }
    s3.addressing = addressing;
    s3.endpoint.erase(plus, colon - plus);
    return;
  }
}

/// Returns whether backups of ours lie in the directory itself, from when DB_BACKUP_PREFIX was of
/// the bucket alone. What cannot be read holds none: opening the store says what is wrong.
bool holds_backups(const std::filesystem::path& directory) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator group(directory, error), end; !error && group != end;
       group.increment(error)) {
    std::error_code ignored;
    for (fs::directory_iterator backup(group->path(), ignored); !ignored && backup != end;
         backup.increment(ignored)) {
      std::error_code none;
      if (fs::exists(backup->path() / kManifestName, none)) return true;
    }
  }
  return false;
}

/// Returns the prefix below the directory: none where backups lie there without it, so that an
/// upgrade does not look for them elsewhere.
std::string prefix_in_directory(const StoreConfig& config, Log& log) {
  if (config.dir_prefix.empty() || !holds_backups(config.backup_dir)) return config.dir_prefix;
  const std::string path = config.backup_dir.string();
  log.info("a prefix does not count for a directory that holds backups without it",
           {{"setting", kOlderPrefix},
            {"directory", path},
            {"hint", fmt::format("stop both programs and move them into {}",
                                 (config.backup_dir / config.dir_prefix).string())}});
  return {};
}

}  // namespace

std::vector<Option> store_options(StoreConfig& config) {
  S3Config& s3 = config.s3;
  return {
      {.name = "BACKUP_DIR",
       .value = &config.backup_dir,
       .help = "Directory that holds the backups, instead of a bucket or beside one. It must "
               "exist.",
       .aliases = {{"DB_BACKUP_DIR"}}},
      {.name = "S3_BUCKET",
       .value = &s3.bucket,
       .help = "Bucket that holds the backups; s3://bucket/prefix sets S3_PREFIX, too.",
       .aliases = {{"S3_BACKUP_BUCKET"}, {"WALE_S3_PREFIX"}}},
      {.name = "S3_ENDPOINT",
       .value = &s3.endpoint,
       .help = "The S3 server: https://host[:port]; without a scheme https is meant.",
       .aliases = {{"WALE_S3_ENDPOINT"}},
       .fallbacks = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"},
       .default_note = "AWS"},
      {.name = "S3_ACCESS_KEY",
       .value = &s3.access_key,
       .help = "Access key id. Without one see docs/s3.md, Credentials."},
      {.name = "S3_SECRET_KEY", .value = &s3.secret_key, .help = "Secret access key."},
      {.name = "S3_SESSION_TOKEN",
       .value = &s3.session_token,
       .help = "Session token of temporary keys."},
      {.name = "S3_REGION",
       .value = &s3.region,
       .help = "Region to sign for. Unset: read from the endpoint's name (s3.REGION.example.com), "
               "else AWS_REGION or AWS_DEFAULT_REGION, else us-east-1, else what the server asks "
               "for.",
       .default_note = "found out"},
      {.name = "S3_PREFIX",
       .value = &s3.prefix,
       .help = "Prefix in the bucket; nothing outside of it is touched. As DB_BACKUP_PREFIX also "
               "below BACKUP_DIR, unless backups lie there without it.",
       .aliases = {{"DB_BACKUP_PREFIX"}}},
      {.name = "S3_ADDRESSING",
       .value = choice(&s3.addressing, {"auto", "path", "virtual"}),
       .help = "Bucket in the path or in the host name; auto is virtual for AWS, else path."},
      {.name = "S3_CA_FILE",
       .value = &s3.ca_file,
       .help =
           "PEM file with the authorities to trust, for a server with a certificate of its own.",
       .fallbacks = {"AWS_CA_BUNDLE"},
       .default_note = "the system's"},
      {.name = "S3_RETRY_TIME",
       .value = Duration{&config.retry_time},
       .help = "How long a failing request is repeated. Commands on a terminal give up after 10s "
               "where the server has never answered, unless this is set."},
  };
}

std::vector<Option> upload_options(StoreConfig& config) {
  return {
      {.name = "S3_UPLOAD_CONCURRENCY",
       .value = Number{&config.s3.upload_concurrency, 1, 64},
       .help = "Parts that are uploaded at the same time; each takes S3_PART_SIZE of memory."},
      {.name = "S3_PART_SIZE",
       .value = Bytes{&config.s3.part_bytes, kLeastPart, kLargestPart},
       .help = "Size of a part: 5MiB to 512MiB. Times S3_MAX_PARTS it is the largest piece of a "
               "backup; what is longer takes several."},
      {.name = "S3_MAX_PARTS",
       .value = Number{&config.s3.max_parts, 1, kMostParts},
       .help = "Parts of one object at most: what the provider allows (Scaleway: 1000)."},
      {.name = "S3_LATEST",
       .value = &config.s3.writes_latest,
       .help = "Also write the object GROUP/latest after each backup, which holds its id, for "
               "scripts of your own. It is overwritten each time.",
       .verbs = {"serve", "now"}}};
}

std::vector<Option> rate_options(StoreConfig& config) {
  return {{.name = "S3_MAX_RATE",
           .value = Bytes{&config.s3.max_rate, 0, uint64_t{1} << 40U},
           .help = "Bytes per second that all connections together send or receive at most, such "
                   "as 10MB. At least 16KiB for each of S3_UPLOAD_CONCURRENCY.",
           .default_note = "no limit"}};
}

std::vector<Option> removal_options(StoreConfig& config) {
  return {{.name = "S3_DELETE_VERSIONS",
           .value = &config.s3.delete_versions,
           .help = "In a bucket that keeps versions: delete all versions of each deleted object, "
                   "and delete markers. Otherwise the bytes stay as hidden older versions."}};
}

std::string configured_region(const StoreConfig& config) {
  if (!config.s3.region.empty()) return config.s3.region;
  const S3Endpoint endpoint = parse_s3_endpoint(config.s3.endpoint, "");
  return names_region(endpoint.host) ? "" : region_of_others(config.environment);
}

void check_store_config(StoreConfig& config, const ParsedOptions& parsed,
                        std::vector<std::string>& problems) {
  take_apart_bucket(config.s3, problems);
  take_apart_endpoint(config.s3, problems);
  const bool has_bucket = is_set(parsed, "S3_BUCKET");
  const bool has_directory = !config.backup_dir.empty();
  if (!has_bucket && !has_directory) {
    problems.emplace_back(
        "there is no destination: set S3_BUCKET (with S3_ENDPOINT, S3_ACCESS_KEY, S3_SECRET_KEY) "
        "or "
        "BACKUP_DIR");
  }
  if (config.only == kDirDestination && !has_directory) {
    problems.emplace_back("--from dir: BACKUP_DIR is not set");
  } else if (config.only == kS3Destination && !has_bucket) {
    problems.emplace_back("--from s3: S3_BUCKET is not set");
  } else if (!config.only.empty() && config.only != kDirDestination &&
             config.only != kS3Destination) {
    problems.push_back(fmt::format("--from: '{}' is neither s3 nor dir", config.only));
  }
  const std::string_view prefix_name = origin(parsed, "S3_PREFIX");
  if (has_bucket || prefix_name == kOlderPrefix) check_prefix(config.s3, prefix_name, problems);
  if (prefix_name == kOlderPrefix) config.dir_prefix = normalized_prefix(config.s3.prefix);
  if (config.only == kDirDestination) {
    // In a disaster the bucket's secrets may be lost; the directory must work without them.
    std::erase_if(problems, [](const std::string& problem) {
      return problem.starts_with("S3_") || problem.starts_with("--s3-");
    });
    return;
  }
  if (!has_bucket) return;
  const bool is_watched = parsed.verb != "serve" && isatty(STDERR_FILENO) == 1;
  if (is_watched && !is_set(parsed, "S3_RETRY_TIME")) config.first_contact = kPatienceOfPeople;
  check_s3(config.s3, parsed, problems);
  check_rate(config.s3, problems);
  check_keys(config, parsed, problems);
}

S3Config s3_config(const StoreConfig& config, Clock& clock) {
  const S3Config& s3 = config.s3;
  const bool has_keys = !s3.access_key.empty();
  return {.endpoint = s3.endpoint,
          .bucket = s3.bucket,
          .region = configured_region(config),
          .prefix = s3.prefix,
          .addressing = s3.addressing,
          .ca_file = s3.ca_file,
          .access_key = s3.access_key.clone(),
          .secret_key = s3.secret_key.clone(),
          .session_token = s3.session_token.clone(),
          .get_credentials =
              has_keys ? CredentialFetch() : CredentialChain(credential_context(config, &clock)),
          .upload_concurrency = s3.upload_concurrency,
          .part_bytes = s3.part_bytes,
          .max_parts = s3.max_parts,
          .max_rate = s3.max_rate,
          .retry = {.total = config.retry_time},
          .first_contact = config.first_contact,
          .write = s3.write,
          .writes_latest = s3.writes_latest,
          .delete_versions = s3.delete_versions,
          .counter = s3.counter};
}

std::vector<std::string> destination_names(const StoreConfig& config) {
  if (config.backup_dir.empty() || config.s3.bucket.empty()) return {""};
  if (!config.only.empty()) return {config.only};
  return {kDirDestination, kS3Destination};
}

Destinations open_destinations(const StoreConfig& config, Clock& clock, Log& log,
                               const std::stop_token& stop) {
  const bool has_directory = !config.backup_dir.empty();
  const bool has_bucket = !has_directory || !config.s3.bucket.empty();
  const bool has_both = has_directory && has_bucket;
  Destinations destinations;
  std::vector<DestinationFailure> failures;
  const auto open = [&](std::string name, const auto& make) {
    if (!config.only.empty() && config.only != name) return;
    if (!has_both) name.clear();
    try {
      std::unique_ptr<Store> store = make();
      store->use_signatures(signatures_of(config.signatures));
      destinations.emplace_back(name, std::move(store));
    } catch (...) {
      const Error error = current_error();
      destinations.emplace_back(name, error);
      failures.push_back({name, error});
    }
  };
  // The near destination comes first: where both hold the same backup, it is read from there.
  if (has_directory) {
    open(kDirDestination, [&] {
      return std::make_unique<DirStore>(config.backup_dir, clock, prefix_in_directory(config, log));
    });
  }
  if (has_bucket) {
    open(kS3Destination,
         [&] { return std::make_unique<S3Store>(s3_config(config, clock), clock, log, stop); });
  }
  if (failures.size() == destinations.size()) throw join_failures(failures);
  return destinations;
}

}  // namespace pgbackup
