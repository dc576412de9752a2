#include "backup/dump/hidden_option.h"

#include "tests/support/string_sink.h"
#include "tests/support/test.h"

namespace pgbackup {
namespace {

bool is_found(const std::string& dump, size_t chunk) {
  StringSink out;
  HiddenOptionSink sink(out);
  for (size_t at = 0; at < dump.size(); at += chunk) sink.write(dump.substr(at, chunk));
  sink.finish();
  CHECK(out.finished);
  CHECK(out.bytes == dump);
  return sink.is_found();
}

TEST_CASE("The hidden option is found in a dump, however it is cut into pieces") {
  for (const std::string& option :
       {std::string("ALTER TABLE ONLY public.t ALTER COLUMN a SET (pg_attver=26491688);\n"),
        std::string("ALTER TABLE ONLY t ALTER COLUMN a SET (n_distinct=5, pg_attver=1);\n")}) {
    for (const size_t padding : {size_t{0}, size_t{100}, size_t{137}, size_t{138}, size_t{139},
                                 size_t{1000}, size_t{70'000}}) {
      const std::string dump =
          std::string(padding, 'x') + "\n" + option + std::string(padding, 'y');
      for (const size_t chunk :
           {size_t{1}, size_t{17}, size_t{138}, size_t{139}, size_t{100'000}}) {
        CAPTURE(padding, chunk);
        CHECK(is_found(dump, chunk));
      }
    }
  }
}

TEST_CASE("The letters alone are no option") {
  for (const std::string& dump :
       {std::string(), std::string("pg_attver=1"), std::string("1\tpg_attver=26491688\n"),
        std::string(" SET (n_distinct=5);\npg_attver=1"), std::string("SET (a=1) pg_attver=1"),
        "SET (" + std::string(200, 'x') + "pg_attver=1"}) {
    for (const size_t chunk : {size_t{1}, size_t{1000}}) {
      CAPTURE(dump, chunk);
      CHECK_FALSE(is_found(dump, chunk));
    }
  }
}

}  // namespace
}  // namespace pgbackup
