// For compare.py: `cron_times ZONE` reads lines `EXPRESSION|START|COUNT`, START in seconds since
// 1970, and prints the next COUNT times after it by the clock of that zone, in seconds again; for
// an expression that is refused `error`.
#include <fmt/format.h>

#include <iostream>
#include <string>

#include "common/base/error.h"
#include "common/base/schedule.h"
#include "common/base/time_zone.h"

int main(int argc, char** argv) {
  using namespace pgbackup;
  set_time_zone(argc > 1 ? argv[1] : "UTC");
  std::string line;
  while (std::getline(std::cin, line)) {
    const size_t first = line.find('|');
    const size_t second = line.find('|', first + 1);
    try {
      const Schedule schedule = Schedule::parse(line.substr(0, first));
      UtcTime time(std::chrono::seconds(std::stoll(line.substr(first + 1, second - first - 1))));
      std::string times;
      for (int left = std::stoi(line.substr(second + 1)); left > 0; --left) {
        time = schedule.next(time);
        times += fmt::format("{} ", time.time_since_epoch().count());
      }
      fmt::print("{}\n", times);
    } catch (const Error&) {
      fmt::print("error\n");
    }
  }
}
