// For upload.sh: a file that is ready goes into a bucket by the same code as a backup, and nothing
// else. The settings are the programs' own, from the environment.
//   bench_upload FILE KEY
#include <fcntl.h>
#include <fmt/format.h>

#include <array>
#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/base/fd.h"
#include "common/store/store_config.h"

namespace pgbackup {
namespace {

class FileSource final : public Source {
 public:
  explicit FileSource(const char* path) : file_(open(path, O_RDONLY | O_CLOEXEC)) {
    if (!file_.is_open()) throw_errno(path);
  }
  size_t read(std::span<char> buffer) override {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0) throw_errno("read");
    return static_cast<size_t>(got);
  }

 private:
  Fd file_;
};

void upload(const char* path, const char* key) {
  StoreConfig config;
  CommandLine command{
      .program = "bench_upload", .summary = "", .verbs = {{"upload", ""}}, .options = {}};
  constexpr std::array<std::string_view, 1> kVerbs = {"upload"};
  append_options(command.options, "Store", store_options(config), kVerbs);
  append_options(command.options, "Store", upload_options(config), kVerbs);
  append_options(command.options, "Store", rate_options(config), kVerbs);
  append_options(command.options, "Store", write_option_rows(config.s3.write), kVerbs);
  ParsedOptions parsed = parse_options(command, {}, process_environment());
  check_store_config(config, parsed, parsed.problems);
  throw_problems(command.program, parsed.problems);
  SystemClock clock;
  Log log(clock, LogLevel::info, LogFormat::text);
  const Destinations destinations = open_destinations(config, clock, log, {});
  const std::unique_ptr<ObjectWriter> writer = destinations.front().store().create(key);
  FileSource source(path);
  copy_bytes(source, *writer);
  writer->finish();
}

}  // namespace
}  // namespace pgbackup

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    pgbackup::upload(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
