#include "common/base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "common/base/error.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

ProcessSpec shell(const std::string& script) {
  return {.argv = {"/bin/sh", "-c", script}, .environment = {"PATH=/usr/bin:/bin", "GREETING=hi"}};
}

std::string read_all(Process& process) {
  std::string all;
  std::vector<char> buffer(65536);
  while (const size_t got = process.read(buffer)) all.append(buffer.data(), got);
  return all;
}

TEST_CASE("A child's output is read to its end, and then it is asked how it went") {
  Process good(shell("printf 'a b'; exit 0"), {});
  CHECK(read_all(good) == "a b");
  CHECK(good.wait());
  CHECK(good.errors().empty());
  Process bad(shell("echo partial; echo why >&2; exit 3"), {});
  CHECK(read_all(bad) == "partial\n");
  CHECK_FALSE(bad.wait());
  CHECK(bad.status_text() == "exited with 3");
  CHECK(bad.errors() == "why");
  CHECK_FALSE(bad.wait());
}

TEST_CASE("A child that was killed says so") {
  Process process(shell("echo some; kill -9 $$"), {});
  CHECK(read_all(process) == "some\n");
  CHECK_FALSE(process.wait());
  CHECK(process.status_text() == "was killed by signal 9 (Killed)");
}

TEST_CASE("A line on stderr can be waited for, and is no error of the child then") {
  Process process(shell("read x; echo before >&2; echo \"$x\" >&2; echo out; read y; exit 1"), {});
  CHECK(process.write("ready\n"));
  CHECK(process.wait_for_error_line("ready"));
  CHECK(process.errors() == "before");
  process.close_stdin();
  CHECK_FALSE(process.wait());
  Process silent(shell("echo other >&2; exit 2"), {});
  CHECK_FALSE(silent.wait_for_error_line("ready"));
  CHECK_FALSE(silent.wait());
  CHECK(silent.errors() == "other");
}

TEST_CASE("Output that is forwarded is not kept, however much comes before the input is read") {
  constexpr size_t kBytes = size_t{4} << 20U;
  Process process(shell(fmt::format("head -c {} /dev/zero; cat", kBytes)), {});
  size_t forwarded = 0;
  process.forward_output([&](std::string_view bytes) { forwarded += bytes.size(); });
  const std::string input(size_t{8} << 20U, 'x');  // more than pipes hold
  CHECK(process.write(input));
  CHECK(forwarded >= kBytes);
  process.close_stdin();
  CHECK(forwarded + read_all(process).size() == kBytes + input.size());
  CHECK(process.wait());
}

TEST_CASE("A talkative child does not block, and its last words are kept") {
  constexpr const char* kMegabyte = "head -c 1048576 /dev/zero | tr '\\0' x >&2; echo last >&2; ";
  SECTION("while it is read") {
    Process process(shell(std::string(kMegabyte) + "echo out; exit 1"), {});
    CHECK(read_all(process) == "out\n");
    CHECK_FALSE(process.wait());
    CHECK(
        process.errors().ends_with("xxxx"
                                   "last"));
    CHECK(process.errors().size() <= 2 * 65536);
    CHECK(process.errors().size() > 60000);
  }
  SECTION("while it is waited for") {
    Process process(shell(std::string(kMegabyte) + "head -c 3000000 /dev/zero"), {});
    CHECK(process.wait());
    CHECK(process.errors().ends_with("last"));
  }
  SECTION("while it is written to") {
    Process process(shell(std::string(kMegabyte) + "head -c 3000000 /dev/zero; wc -c >&2"), {});
    CHECK(process.write(std::string(3'000'000, 'y')));
    process.close_stdin();
    CHECK(process.wait());
    CHECK(process.errors().ends_with("3000000"));
  }
}

TEST_CASE("A child reads what is written, up to the end of its input") {
  Process process(shell("cat"), {});
  CHECK(process.write("one "));
  CHECK(process.write(""));
  CHECK(process.write("two"));
  process.close_stdin();
  CHECK(read_all(process) == "one two");
  CHECK(process.wait());
}

TEST_CASE("What a child says while it is written to is there to be read afterwards") {
  Process process(shell("head -c 300000 /dev/zero | tr '\\0' x; cat > /dev/null"), {});
  for (int i = 0; i < 100; ++i) REQUIRE(process.write(std::string(65'536, 'y')));
  process.close_stdin();
  CHECK(read_all(process) == std::string(300'000, 'x'));
  CHECK(process.wait());
}

TEST_CASE("Writing to a child that has gone is no crash") {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  Process process(shell("exit 4"), {});
  bool taken = true;
  for (int i = 0; i < 10'000 && taken; ++i) taken = process.write(std::string(65536, 'x'));
  CHECK_FALSE(taken);
  CHECK_FALSE(process.wait());
  CHECK(process.status_text() == "exited with 4");
  static_cast<void>(std::signal(SIGPIPE, before));
}

TEST_CASE("A stop request ends every wait") {
  const auto is_stopped = [](const auto& call) {
    std::stop_source stop;
    Process process(shell("sleep 1000"), stop.get_token());
    const std::jthread asking([&] { stop.request_stop(); });
    return fails_with(ErrorKind::canceled, "stopped", [&] { return call(process); });
  };
  CHECK(is_stopped([](Process& process) { return process.wait(); }));
  CHECK(is_stopped([](Process& process) { return read_all(process); }));
  CHECK(is_stopped([](Process& process) { return process.write(std::string(9'000'000, 'x')); }));
}

TEST_CASE("The end of the object is the end of the child and of its children") {
  std::string pids;
  {
    Process process(shell("sleep 1000 & echo $! $$; wait"), {});
    std::vector<char> buffer(100);
    pids = std::string(buffer.data(), process.read(buffer));
  }
  const int grandchild = std::stoi(pids);
  const int child = std::stoi(pids.substr(pids.find(' ')));
  CHECK(::kill(child, 0) != 0);
  // Its own parent is gone: whoever inherits it reaps it in their own time, but it is dead.
  const std::string stat = "/proc/" + std::to_string(grandchild) + "/stat";
  bool gone = false;
  for (int i = 0; i < 10'000 && !gone; ++i) {
    std::FILE* file = std::fopen(stat.c_str(), "r");
    if (file == nullptr) {
      gone = true;
      continue;
    }
    char state = 'Z';
    static_cast<void>(std::fscanf(file, "%*d %*s %c", &state));
    static_cast<void>(std::fclose(file));
    gone = state == 'Z' || state == 'X';
    std::this_thread::yield();
  }
  CHECK(gone);
}

TEST_CASE("Killing ends it at once, also twice") {
  Process process(shell("sleep 1000"), {});
  process.kill();
  process.kill();
  CHECK(process.status_text() == "was killed by signal 9 (Killed)");
  CHECK_FALSE(process.wait());
}

TEST_CASE("A child starts with no signal blocked and none ignored") {
  sigset_t blocked;
  sigset_t before;
  sigfillset(&blocked);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto pipe_before = std::signal(SIGPIPE, SIG_IGN);
  const auto quit_before = std::signal(SIGQUIT, SIG_IGN);
  Process process(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status"), {});
  const std::string status = read_all(process);
  CHECK(process.wait());
  static_cast<void>(std::signal(SIGPIPE, pipe_before));
  static_cast<void>(std::signal(SIGQUIT, quit_before));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  // Hexadecimal, signal 1 is the lowest bit; those above 31 are not ours to judge.
  const auto mask = [&](const std::string& name) {
    const size_t at = status.find(name + ":\t");
    REQUIRE(at != std::string::npos);
    return std::stoul(status.substr(at + name.size() + 2), nullptr, 16) & 0x7fffffffUL;
  };
  CHECK(mask("SigBlk") == 0);
  CHECK(mask("SigIgn") == 0);
}

TEST_CASE("A child gets the environment that it is given and nothing else") {
  Process process({.argv = {"/usr/bin/env"}, .environment = {"A=1", "B=two words"}}, {});
  CHECK(read_all(process) == "A=1\nB=two words\n");
  CHECK(process.wait());
}

TEST_CASE("An inherited file is readable at its path, and not as another descriptor") {
  const Fd file = make_memory_file("pass", "s3cret");
  const Fd high(fcntl(file.get(), F_DUPFD_CLOEXEC, 200));
  REQUIRE(high.is_open());
  const std::string look = fmt::format("; test -e /proc/self/fd/{} && echo leak", high.get());
  ProcessSpec spec = shell("cat " + child_fd_path(0) + look + "; exit 0");
  spec.inherited_fds = {high.get()};
  for (int i = 0; i < 2; ++i) {  // reading by path moves no shared offset
    Process process(spec, {});
    CHECK(read_all(process) == "s3cret");
    CHECK(process.wait());
  }
  Process without(shell("true" + look), {});
  CHECK(read_all(without).empty());
}

TEST_CASE("A child has no descriptor of ours but the one meant for it") {
  const Fd meant = make_memory_file("meant", "x");
  // As libraries open them, without close-on-exec.
  const Fd low(::dup(STDIN_FILENO));
  const Fd high(fcntl(STDIN_FILENO, F_DUPFD, 300));
  REQUIRE(high.is_open());
  // The shell reads a script from nowhere, and `ls` has one for the directory.
  ProcessSpec spec{.argv = {"/bin/ls", "/proc/self/fd"}, .environment = {}};
  Process without(spec, {});
  CHECK(read_all(without) == "0\n1\n2\n3\n");
  spec.inherited_fds = {meant.get()};
  Process with(spec, {});
  CHECK(read_all(with) == "0\n1\n2\n3\n4\n");
  const Fd other = make_memory_file("other", "y");
  spec.inherited_fds = {-1, meant.get(), other.get()};  // `ls` takes the number that is left out
  Process with_gap(spec, {});
  CHECK(read_all(with_gap) == "0\n1\n2\n3\n4\n5\n");
  spec.argv = {"/bin/cat", child_fd_path(2), child_fd_path(1)};
  Process in_order(spec, {});
  CHECK(read_all(in_order) == "yx");
}

/// Whether no process of that id runs any more. Its new parent may not have reaped it yet.
bool is_dead(pid_t pid) {
  std::FILE* const file = std::fopen(fmt::format("/proc/{}/stat", pid).c_str(), "r");
  if (file == nullptr) return true;
  char state = 'Z';
  static_cast<void>(std::fscanf(file, "%*d %*s %c", &state));
  static_cast<void>(std::fclose(file));
  return state == 'Z' || state == 'X';
}

/// Runs `parent` in a process of its own, reads what the child it starts says, and kills the
/// process. Returns what was said.
template <class Parent>
std::string killed_parent(const Parent& parent) {
  Pipe said = make_pipe();
  const pid_t pid = fork();
  if (pid == 0) {
    parent(said.write_end.get());
    _exit(1);
  }
  std::array<char, 256> buffer{};
  const ssize_t got = ::read(said.read_end.get(), buffer.data(), buffer.size());
  ::kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return got > 0 ? std::string(buffer.data(), static_cast<size_t>(got)) : std::string();
}

TEST_CASE("A child and what it has started die with us, however we die") {
  const std::string pids = killed_parent([](int said) {
    Process process(shell("sleep 1000 & echo $$ $!; wait"), {});
    std::array<char, 256> buffer{};
    const size_t got = process.read(buffer);
    static_cast<void>(::write(said, buffer.data(), got));
    process.wait();
  });
  const pid_t child = std::stoi(pids);
  const pid_t grandchild = std::stoi(pids.substr(pids.find(' ')));
  REQUIRE(child > 1);
  while (!is_dead(child) || !is_dead(grandchild)) std::this_thread::yield();
}

TEST_CASE("A child whose parent is killed does not take that for the end of its input") {
  const TemporaryFolder folder;
  const std::string mark = (folder.path() / "committed").string();
  for (int i = 0; i < 20; ++i) {
    const pid_t child = std::stoi(killed_parent([&](int said) {
      Process process(shell("echo $$; cat >/dev/null; : >'" + mark + "'"), {});
      process.write("begin");
      std::array<char, 256> buffer{};
      const size_t got = process.read(buffer);
      static_cast<void>(::write(said, buffer.data(), got));
      process.wait();
    }));
    while (!is_dead(child)) std::this_thread::yield();
    REQUIRE_FALSE(std::filesystem::exists(mark));
  }
}

TEST_CASE("What a child leaves running ends with it") {
  Process process(shell("sleep 1000 >/dev/null 2>&1 & echo $!"), {});
  const pid_t left = std::stoi(read_all(process));
  CHECK(process.wait());
  while (!is_dead(left)) std::this_thread::yield();
}

TEST_CASE("A child that takes longer than its limit is an error, not a wait") {
  ProcessSpec spec = shell("exec sleep 600");
  spec.limit = std::chrono::seconds(1);
  Process process(spec, {});
  std::vector<char> buffer(10);
  CHECK(fails_with(ErrorKind::transient, "takes too long", [&] { return process.read(buffer); }));
}

TEST_CASE("A program that cannot be started is named") {
  for (const auto* path : {"/does/not/exist", "/etc/passwd", "/tmp"}) {
    const ProcessSpec spec{.argv = {path}, .environment = {}};
    CHECK(fails_with(ErrorKind::failed, path,
                     [&] { return std::make_unique<Process>(spec, std::stop_token()); }));
  }
}

}  // namespace
}  // namespace pgbackup
