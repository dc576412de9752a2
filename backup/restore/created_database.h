// The database that `restore --create` makes, and unmakes when the restore fails. Until it is
// complete a random connection limit marks it as ours, from the statement that creates it on: so it
// is found and dropped again also when the answer to that statement was lost, and nobody else's
// database ever is. (Superusers are not bound by the limit, others do not reach it.)
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "backup/postgres/connection.h"
#include "backup/restore/request.h"
#include "common/base/log.h"
#include "common/catalog/manifest.h"

namespace pgbackup {

class CreatedDatabase {
 public:
  /// `properties` are of the database that was dumped, nullptr where nothing is known of it. All
  /// arguments must outlive the object.
  CreatedDatabase(const PgConfig& config, const RestoreRequest& request,
                  const DatabaseProperties* properties, Log& log);

  /// CREATE DATABASE. After an error there is none. Throws `conflict` when it exists already,
  /// `denied`, `canceled`.
  void create(PgConnection& maintenance);
  /// What the restore itself may need. What cannot be applied is a warning. Throws `canceled`.
  void prepare(const std::stop_token& stop);
  /// The rest, after the restore, also after a stop request. What cannot be applied is a warning.
  void complete();
  /// Drops it, also after a stop request. What fails is logged.
  void drop();

 private:
  void refuse_existing(PgConnection& maintenance);
  [[nodiscard]] bool may_use_tablespace(PgConnection& maintenance);
  void end_session(const std::vector<std::string>& session);

  const PgConfig& config_;
  const RestoreRequest& request_;
  const DatabaseProperties* properties_;
  Log& log_;
  int mark_;
};

}  // namespace pgbackup
