#include "backup/postgres/readiness.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "common/base/printable.h"

namespace pgbackup {
namespace {

constexpr int kFirstWithReadAllData = 140000;
constexpr int kFirstToTellLargeObjects = 180000;

/// Is the part of a query that selects what pg_dump reads: relations `c` in schemas `n`, without
/// what belongs to extensions and is not their configuration.
constexpr const char* kDumpedSql =
    "FROM pg_catalog.pg_class c "
    "JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
    "WHERE n.nspname OPERATOR(pg_catalog.<>) 'information_schema' "
    "AND n.nspname OPERATOR(pg_catalog.!~) '^pg_' "
    "AND c.relpersistence OPERATOR(pg_catalog.<>) 't'::pg_catalog.\"char\" "
    "AND (NOT EXISTS (SELECT FROM pg_catalog.pg_depend d "
    "WHERE d.classid OPERATOR(pg_catalog.=) "
    "'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid "
    "AND d.objid OPERATOR(pg_catalog.=) c.oid "
    "AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog.\"char\") "
    "OR EXISTS (SELECT FROM pg_catalog.pg_extension e "
    "WHERE c.oid OPERATOR(pg_catalog.=) ANY (e.extconfig))) ";

std::string gaps_sql() {
  return fmt::format(
      "SELECT pg_catalog.quote_ident(n.nspname), "
      "pg_catalog.format('%I.%I', n.nspname, c.relname), "
      "pg_catalog.has_schema_privilege(n.oid, 'USAGE'), "
      "pg_catalog.has_table_privilege(c.oid, 'SELECT'), "
      "c.relrowsecurity AND pg_catalog.row_security_active(c.oid) "
      "{}AND c.relkind OPERATOR(pg_catalog.=) ANY ('{{r,p,S}}'::pg_catalog.\"char\"[]) "
      "AND (NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
      "OR NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') "
      "OR (c.relrowsecurity AND pg_catalog.row_security_active(c.oid))) "
      "ORDER BY 1, 2",
      kDumpedSql);
}

/// Returns the query that counts the large objects that cannot be read. Before 18 no function
/// tells; what pg_read_all_data gives, from 19 on, that function knows.
const char* large_objects_sql(int version) {
  if (version >= kFirstToTellLargeObjects) {
    return "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata m "
           "WHERE NOT pg_catalog.has_largeobject_privilege(m.oid, 'SELECT')";
  }
  return "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata m "
         "WHERE pg_catalog.current_setting('lo_compat_privileges') OPERATOR(pg_catalog.<>) 'on' "
         "AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE') "
         "AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a "
         "WHERE a.privilege_type OPERATOR(pg_catalog.=) 'SELECT' "
         "AND (a.grantee OPERATOR(pg_catalog.=) 0::pg_catalog.oid "
         "OR pg_catalog.pg_has_role(a.grantee, 'USAGE')))";
}

/// Appends a name. Names come in their order, so that equal ones follow each other.
void add_name(NameList& list, const std::string& name) {
  ++list.count;
  if (list.first.size() < kMostNames) list.first.push_back(name);
}

void add_distinct(std::vector<std::string>& names, const std::string& name) {
  if (names.empty() || names.back() != name) names.push_back(name);
}

std::string names_in(const NameList& list) {
  const size_t more = list.count - list.first.size();
  return fmt::format("{}{}", fmt::join(list.first, ", "),
                     more > 0 ? fmt::format(" and {} more", more) : "");
}

std::string in_words(size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// Returns the statements that let the role read everything.
std::string grant_sql(const AccessGaps& gaps) {
  if (gaps.server_version >= kFirstWithReadAllData) {
    return fmt::format("GRANT pg_read_all_data TO {};", gaps.role);
  }
  std::string sql;
  for (const std::string& schema : gaps.schemas_of_tables) {
    sql += fmt::format(
        "{0}GRANT USAGE ON SCHEMA {1} TO {2};\nGRANT SELECT ON ALL TABLES IN SCHEMA {1} TO {2};\n"
        "GRANT SELECT ON ALL SEQUENCES IN SCHEMA {1} TO {2};",
        sql.empty() ? "" : "\n", schema, gaps.role);
  }
  return sql;
}

int to_int(const std::string& text) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

AccessGaps read_access_gaps(PgConnection& connection) {
  const std::vector<std::string> who =
      connection.query("SELECT CURRENT_USER, pg_catalog.current_database()").at(0);
  AccessGaps gaps{.server_version = connection.server_version(),
                  .role = printable(connection.quote_identifier(who.at(0))),
                  .database = printable(connection.quote_identifier(who.at(1)))};
  std::vector<std::string> schemas;
  for (const auto& row : connection.query(gaps_sql())) {
    const std::string schema = printable(row.at(0));
    const std::string table = printable(row.at(1));
    const bool may_enter = row.at(2) == "t";
    if (!may_enter) add_distinct(schemas, schema);
    if (may_enter && row.at(3) != "t") add_name(gaps.tables, table);
    if (!may_enter || row.at(3) != "t") add_distinct(gaps.schemas_of_tables, schema);
    if (row.at(4) == "t") add_name(gaps.filtered, table);
  }
  for (const std::string& schema : schemas) add_name(gaps.schemas, schema);
  const std::string count =
      connection.query(large_objects_sql(connection.server_version())).at(0).at(0);
  std::from_chars(count.data(), count.data() + count.size(), gaps.large_objects);
  return gaps;
}

uint64_t read_database_bytes(PgConnection& connection) {
  const std::string text =
      connection.query("SELECT pg_catalog.pg_database_size(pg_catalog.current_database())")
          .at(0)
          .at(0);
  uint64_t bytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), bytes);
  return bytes;
}

std::vector<Concern> judge_access(const AccessGaps& gaps) {
  std::vector<Concern> concerns;
  if (gaps.schemas.count + gaps.tables.count > 0) {
    std::string what;
    if (gaps.schemas.count > 0) {
      what = fmt::format("enter {} ({})", in_words(gaps.schemas.count, "schema"),
                         names_in(gaps.schemas));
    }
    if (gaps.tables.count > 0) {
      what += fmt::format("{}read {} of the tables and sequences ({})",
                          what.empty() ? "" : ", nor ", gaps.tables.count, names_in(gaps.tables));
    }
    concerns.push_back({.sentence = fmt::format("the role {} cannot {}", gaps.role, what),
                        .advice = grant_sql(gaps)});
  }
  if (gaps.filtered.count > 0) {
    concerns.push_back(
        {.sentence = fmt::format("row-level security hides rows of {} from the role {} ({})",
                                 in_words(gaps.filtered.count, "table"), gaps.role,
                                 names_in(gaps.filtered)),
         .advice = fmt::format("ALTER ROLE {} BYPASSRLS;", gaps.role)});
  }
  if (gaps.large_objects > 0) {
    concerns.push_back(
        {.sentence = fmt::format("the role {} cannot read {}", gaps.role,
                                 in_words(gaps.large_objects, "large object")),
         .advice = fmt::format("ALTER ROLE {} IN DATABASE {} SET lo_compat_privileges = on;",
                               gaps.role, gaps.database)});
  }
  return concerns;
}

ReplicationSettings read_replication_settings(ReplicationConnection& server,
                                              const std::string& slot) {
  ReplicationSettings settings{.wal_level = server.show("wal_level"),
                               .max_wal_senders = server.show("max_wal_senders"),
                               .max_replication_slots = server.show("max_replication_slots"),
                               .max_slot_wal_keep_size = server.show("max_slot_wal_keep_size")};
  if (slot.empty()) return settings;
  const std::optional<SlotState> state = server.read_slot(slot);
  settings.has_slot = state && state->exists;
  settings.has_lost_wal = settings.has_slot && !state->restart;
  return settings;
}

std::vector<Concern> judge_replication(const ReplicationSettings& settings, int slots) {
  std::vector<Concern> concerns;
  if (settings.wal_level == "minimal") {
    concerns.push_back({.sentence = "wal_level is minimal, from which no base backup can be taken",
                        .advice =
                            "set wal_level = replica in postgresql.conf, and start the server "
                            "again"});
  }
  const int senders = slots + 1;
  if (to_int(settings.max_wal_senders) < senders) {
    concerns.push_back(
        {.sentence = fmt::format("max_wal_senders is {}, and {} are needed",
                                 settings.max_wal_senders, senders),
         .advice = fmt::format("set max_wal_senders = {} or more in postgresql.conf, and start the "
                               "server again",
                               senders)});
  }
  if (slots == 0) return concerns;
  if (to_int(settings.max_replication_slots) < slots) {
    concerns.push_back(
        {.sentence = fmt::format("max_replication_slots is {}, and {} {} needed",
                                 settings.max_replication_slots, slots, slots == 1 ? "is" : "are"),
         .advice =
             fmt::format("set max_replication_slots = {} or more in postgresql.conf, and start "
                         "the server again",
                         slots)});
  }
  if (settings.max_slot_wal_keep_size == "-1") {
    concerns.push_back(
        {.sentence =
             "max_slot_wal_keep_size is -1: while WAL cannot be stored, it fills the disk of "
             "the server",
         .advice = "set max_slot_wal_keep_size to less than the free space there, such as 10GB, in "
                   "postgresql.conf, and reload it",
         .is_fatal = false});
  }
  if (settings.has_lost_wal) {
    concerns.push_back({.sentence = "the replication slot has lost WAL that was not stored yet",
                        .advice =
                            "take a base backup: pg-backup now; see docs/physical.md, When WAL "
                            "is missing",
                        .is_fatal = false});
  }
  return concerns;
}

}  // namespace pgbackup
