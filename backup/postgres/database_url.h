// DATABASE_URL, as applications have it: libpq parses it, and what libpq would take for something
// else than was meant is refused before. No message quotes anything of a URL but the name of a
// parameter.
// https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "backup/postgres/connection_config.h"
#include "common/base/secret.h"

namespace pgbackup {

/// Returns whether `url` is one of libpq (`postgres://`, `postgresql://`), or one of a library that
/// says the same: `postgresql+asyncpg://`, `jdbc:postgresql://`.
[[nodiscard]] bool is_database_url(std::string_view url);

/// Completes `config` with what `postgres://user:password@host:port/database?...` says. Returns the
/// names of the parameters that were left out because they are for an application's library, such
/// as `schema` of Prisma. Throws `usage` for a password that is not percent-encoded, and naming a
/// parameter that is not known.
std::vector<std::string> read_database_url(PgConfig& config, const Secret& url);

}  // namespace pgbackup
