#include "backup/sql_guard.h"

#include <algorithm>

#include "common/base/error.h"

namespace pgbackup {
namespace {

/// Within so many bytes from the start pg_dump makes and drops databases, if it does; further down
/// the words may stand in a function.
constexpr uint64_t kHeadBytes = 4096;
constexpr std::string_view kMade = "\nCREATE DATABASE ";
constexpr std::string_view kDropped = "\nDROP DATABASE ";
/// _StartLOs() in PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c
constexpr std::string_view kLargeObjects = "\nBEGIN;\n\nSELECT pg_catalog.lo_";
constexpr size_t kOverlap = kLargeObjects.size() - 1;

}  // namespace

void SqlGuard::write(std::string_view bytes) {
  recent_ += bytes;
  if (passed_on_ < kHeadBytes) check_databases();
  if (single_transaction_) check_transactions();
  next_.write(bytes);
  passed_on_ += bytes.size();
  recent_.erase(0, recent_.size() - std::min(recent_.size(), kOverlap));
}

void SqlGuard::check_databases() const {
  const std::string_view head = std::string_view(recent_).substr(0, kHeadBytes);
  if (head.find(kMade) == std::string_view::npos && head.find(kDropped) == std::string_view::npos) {
    return;
  }
  throw Error(ErrorKind::conflict,
              "the SQL makes its own database (pg_dump --create), whatever the target is",
              "write it to a file with --output, and give that to psql after a look at it");
}

void SqlGuard::check_transactions() const {
  if (recent_.find(kLargeObjects) == std::string::npos) return;
  throw Error(ErrorKind::conflict,
              "the SQL holds large objects in a transaction of its own, so that a failure would "
              "leave what was restored so far",
              "use --no-single-transaction, best with --create, which drops the database again "
              "after a failure");
}

}  // namespace pgbackup
