#include "backup/sql_guard.h"

#include <algorithm>
#include <utility>

#include "common/base/error.h"
#include "common/codec/encoding.h"

namespace pgbackup {
namespace {

/// Within so many bytes from the start pg_dump makes and drops databases and restricts psql, if it
/// does; further down the words may stand in a function.
constexpr size_t kHeadBytes = 4096;
constexpr std::string_view kRestricted = "--\n-- PostgreSQL database dump\n--\n\n\\restrict ";
constexpr std::string_view kMade = "\nCREATE DATABASE ";
constexpr std::string_view kDropped = "\nDROP DATABASE ";
/// _StartLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c
constexpr std::string_view kLargeObjects = "\nBEGIN;\n\nSELECT pg_catalog.lo_";
constexpr size_t kOverlap = kLargeObjects.size() - 1;

void refuse_databases(std::string_view head) {
  if (head.find(kMade) == std::string_view::npos && head.find(kDropped) == std::string_view::npos) {
    return;
  }
  throw Error(ErrorKind::conflict,
              "the SQL makes its own database (pg_dump --create), whatever the target is",
              "write it to a file with --output, and give that to psql after a look at it");
}

void refuse_transactions(std::string_view text) {
  if (text.find(kLargeObjects) == std::string_view::npos) return;
  throw Error(ErrorKind::conflict,
              "the SQL holds large objects in a transaction of its own, so that a failure would "
              "leave what was restored so far",
              "use --no-single-transaction, best with --create, which drops the database again "
              "after a failure");
}

}  // namespace

void SqlGuard::write(std::string_view bytes) {
  if (is_open_) return pass(bytes);
  head_ += bytes;
  if (head_.size() >= kHeadBytes) open();
}

void SqlGuard::finish() {
  if (!is_open_) open();
  next_.finish();
}

void SqlGuard::open() {
  is_open_ = true;
  const std::string_view start = std::string_view(head_).substr(0, kHeadBytes);
  refuse_databases(start);
  // Further down a name in the dump could have put it there, with a word that it knows.
  if (!start.starts_with(kRestricted)) {
    next_.write("\\restrict " + random_hex(16) + "\n");
  }
  pass(std::exchange(head_, {}));
}

void SqlGuard::pass(std::string_view bytes) {
  if (single_transaction_) {
    recent_ += bytes;
    refuse_transactions(recent_);
    recent_.erase(0, recent_.size() - std::min(recent_.size(), kOverlap));
  }
  next_.write(bytes);
}

}  // namespace pgbackup
