// What a database holds already, by the names that an archive has for it.
#pragma once

#include "backup/postgres/connection.h"
#include "backup/restore/part.h"

namespace pgbackup {

/// Returns the objects of the database that `target` is connected to, without those of PostgreSQL
/// itself. Large objects, user mappings and
/// default privileges are left out.
[[nodiscard]] ExistingObjects list_existing(PgConnection& target);

/// Throws `conflict` naming the tables that rows of `part` would go into and that do not exist or
/// hold rows.
void refuse_unfit_tables(PgConnection& target, const Part& part, const ExistingObjects& existing);

}  // namespace pgbackup
