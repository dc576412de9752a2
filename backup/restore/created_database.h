// The database that `restore --create` makes, and drops when the restore fails. Until it is
// complete a random connection limit marks it as ours, from the statement that creates it on. So it
// is found and dropped again even when the answer to that statement was lost, and nobody else's
// database ever is. (Superusers are not bound by the limit, others do not reach it.) The SQL is in
// database_sql.h.
// https://www.postgresql.org/docs/current/sql-createdatabase.html
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/restore/request.h"
#include "common/base/log.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

/// Bounds our connection limits, which lie between this and PostgreSQL's greatest, 2^31 - 1.
inline constexpr int kFirstMark = 2'000'000'000;

class CreatedDatabase {
 public:
  /// Takes the `properties` of the database that was dumped; nullptr where nothing is known of it.
  /// All arguments must outlive the object.
  CreatedDatabase(const PgConfig& config, const RestoreRequest& request,
                  const DatabaseProperties* properties, Log& log);

  /// Throws `conflict` when a database of that name exists.
  void refuse_existing(PgConnection& maintenance);
  /// Creates the database; after an error there is none. Throws `conflict` when it exists already,
  /// `denied`, `canceled`.
  void create(PgConnection& maintenance);
  /// Applies the properties that the restore itself may need. Warns of what cannot be applied.
  /// Throws `canceled`.
  void prepare(const std::stop_token& stop);
  /// Applies the other properties, after the restore, even after a stop request. Warns of what
  /// cannot be applied.
  void complete();
  /// Drops the database, even after a stop request. Logs a failure.
  void drop();

 private:
  [[nodiscard]] bool may_use_tablespace(PgConnection& maintenance);
  void end_session(const std::vector<std::string>& session);

  const PgConfig& config_;
  const RestoreRequest& request_;
  const DatabaseProperties* properties_;
  Log& log_;
  int mark_;
};

}  // namespace pgbackup
