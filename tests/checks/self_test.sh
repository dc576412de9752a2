#!/usr/bin/env bash
# self_test.sh: each check here must find the fault that it is for. A check that cannot fail is a defect.
set -euo pipefail
checks=$(cd "$(dirname "$0")" && pwd -P)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
failed=0

# expect STATUS CHECK FILE NAME: runs it over a fresh tree whose only source is stdin as FILE.
expect() {
    local status=0
    rm -rf "$root/t"
    mkdir -p "$root/t"/{common/{base,codec,store,catalog,service},backup,prune,tests,"$(dirname "$3")"}
    cp "$checks/../../.clang-format" "$root/t"
    cat >"$root/t/$3"
    "$checks/$2" "$root/t" >"$root/out" 2>&1 || status=$?
    [ "$status" -le 1 ] || status=1
    if [ "$status" != "$1" ]; then
        failed=1
        echo "not ok - $2: $4"
        cat "$root/out"
    fi
}

expect 1 layering.sh common/base/a.cc "base includes codec" <<<'#include "common/codec/digest.h"'
expect 1 layering.sh common/base/a.cc "with blanks" <<<'  #  include  <common/service/notify.h>'
expect 1 layering.sh common/store/a.h "store includes catalog" <<<'#include "common/catalog/manifest.h"'
expect 0 layering.sh common/catalog/a.h "catalog includes store" <<<'#include "common/store/store.h"'
expect 1 layering.sh common/extra/a.h "a layer that is not in the list" <<<''
expect 1 layering.sh common/codec/a.h "common includes a program" <<<'#include "backup/job.h"'
expect 1 layering.sh common/http/a.h "http includes store" <<<'#include "common/store/store.h"'
expect 1 layering.sh backup/dump/a.h "dump includes restore" <<<'#include "backup/restore/restore.h"'
expect 1 layering.sh backup/restore/a.h "restore includes dump" <<<'#include "backup/dump/dump_job.h"'
expect 1 layering.sh backup/postgres/a.h "postgres includes dump" <<<'#include "backup/dump/dump_job.h"'
expect 1 layering.sh backup/postgres/a.h "postgres includes a store" <<<'#include "common/store/store.h"'
expect 1 layering.sh backup/restore/a.h "a room includes config.h" <<<'#include "backup/config.h"'
expect 1 layering.sh backup/extra/a.h "a room that is not in the list" <<<''
expect 0 layering.sh backup/dump/a.h "dump includes postgres" <<<'#include "backup/postgres/connection.h"'
expect 0 layering.sh backup/a.h "the root includes a room" <<<'#include "backup/restore/restore.h"'
expect 1 layering.sh backup/a.cc "backup includes prune" <<<'#include "prune/policy.h"'
expect 1 layering.sh prune/a.cc "prune includes backup" <<<'#include "backup/pg.h"'
expect 0 layering.sh backup/a.cc "backup includes libpq" <<<'#include <libpq-fe.h>'
expect 1 layering.sh common/base/a.cc "common includes libpq" <<<'#include <libpq-fe.h>'
expect 1 layering.sh prune/a.cc "prune includes libpq" <<<'#include <postgresql/libpq-fe.h>'
expect 1 layering.sh backup/a.cc "the clock is read" <<<'auto t = std::chrono::system_clock::now();'
expect 1 layering.sh backup/b.cc "time(nullptr)" <<<'auto t = std::time(nullptr);'
expect 1 layering.sh backup/c.cc "time(NULL)" <<<'long t = time(NULL);'
expect 0 layering.sh backup/d.cc "a comment" <<<'// never system_clock::now()'
expect 0 layering.sh backup/e.cc "another function" <<<'auto t = format_time(now); auto u = x.time(); auto v = mtime(a);'
expect 0 layering.sh common/base/clock.cc "the clock itself" <<<'auto t = std::chrono::system_clock::now();'

expect 0 log_messages.py prune/a.cc "constants" <<<'log.info(kDryRun); log_.warn(a ? "b"
    : "c d", {{"x", y}}); program.log.info("e");'
expect 1 log_messages.py prune/a.cc "a name" <<<'log.info(fmt::format("deleted {}", key));'
expect 1 log_messages.py common/base/a.cc "a text that is made" <<<'log_.warn("failed: " + error.message());'
expect 1 log_messages.py backup/a.cc "a variable" <<<'program.log.error(error.message(), fields);'
expect 1 log_messages.py backup/b.cc "one of two" <<<'log.info(is_it ? "a" : text);'

expect 0 comments.py common/base/a.h "doc comments" <<<$'/// Returns the sum.\nint f();\n\n/// `stop` ends\n/// it.\nint g();'
expect 1 comments.py common/base/a.h "a fragment" <<<$'int f();\n/// Of the backups.\nint g();'
# shellcheck disable=SC2016
expect 1 comments.py backup/a.h "a name that is no subject" <<<'/// `a`: its size.'
expect 1 comments.py prune/a.h "a lowercase letter" <<<'/// nullopt when there is none.'
expect 0 comments.py prune/a.h "a comment behind a member" <<<'int a = 0;  ///< of the run'
expect 0 comments.py backup/a.cc "a definition" <<<'/// Of the backups.'
expect 1 comments.py backup/a.cc "a word that is not ours" <<<'int a = 0;  // in a folder'
# shellcheck disable=SC2016
expect 0 comments.py backup/a.cc "a name in the code" <<<'auto a = "// folder";  // as `folder` says, see backup_folder() and folder()'

expect 0 sizes.sh backup/a.cc "450 lines" < <(seq 450)
expect 1 sizes.sh backup/a.cc "451 lines" < <(seq 451)
expect 1 sizes.sh common/base/a.h "451 lines" < <(seq 451)
expect 0 sizes.sh tests/a_test.cc "600 lines" < <(seq 600)
expect 1 sizes.sh tests/a_test.cc "601 lines" < <(seq 601)

if [ -z "$("$checks/format.sh" "$root")" ]; then
    expect 0 format.sh backup/a.cc "well formatted" <<<'int f();'
    expect 1 format.sh backup/a.cc "badly formatted" <<<'int  f( );'
fi

# runner NAME BODY: a runner of cases, in a file of its own.
# shellcheck disable=SC2016
runner() {
    {
        printf '%s\n' "set -euo pipefail" 'clean_up() { kill -TERM $$; }' ". '$checks/../runner.sh'" at_end
        printf '%s\n' "$2" '[ "$failed" = 0 ]'
    } >"$root/$1"
}
# expect_runner STATUS LAST_LINE NAME BODY
expect_runner() {
    local status=0
    runner runner "$4"
    bash "$root/runner" >"$root/out" 2>&1 || status=$?
    [ "$status $(tail -n 1 "$root/out")" = "$1 $2" ] || { failed=1 && echo "not ok - runner.sh: $3" && cat "$root/out"; }
}
case="run_case a '$root/log'"
counted="run_counted '$root/counted'"
expect_runner 0 "2 passed, 0 failed" "cases that pass" "$case true; $case true"
expect_runner 1 "1 passed, 1 failed" "a case that fails" "$case true; $case false"
expect_runner 0 "0 passed, 0 failed" "a case that is skipped" "$case bash -c 'exit 77'"
expect_runner 143 "1 passed, 1 failed" "a runner that is stopped" "$case true; $case bash -c 'kill -TERM \$PPID; sleep 20'"
expect_runner 7 "0 passed, 1 failed" "a runner that ends half-way" "exit 7"
runner other "$case true; $case true; $case false"
expect_runner 1 "3 passed, 1 failed" "another runner" "$case true; $counted bash '$root/other'"
expect_runner 1 "3 passed, 1 failed" "another runner beside ours" \
    "start_beside other '$root/beside' bash '$root/other'; $case true; join other '$root/beside'"
expect_runner 1 "0 passed, 1 failed" "another runner that comes to no result" "$counted true"
expect_runner 1 "5 passed, 1 failed" "another runner that fails beside its cases" \
    "$counted bash -c 'echo 5 passed, 0 failed; exit 1'"
expect_runner 1 "8 passed, 2 failed" "ctest" "$counted bash -c 'echo 80% tests passed, 2 tests failed out of 10; exit 8'"

# An installation that is stopped, as by Ctrl-C, leaves nothing in /etc.
# shellcheck disable=SC2016
stopped_installation() { # PACKAGES.SH FOLDER
    unshare --mount bash -euc '
        mount -t tmpfs none /etc/postgresql-common
        setsid bash -c ". $0; install_packages there-is-no-such-package" >/dev/null 2>&1 &
        until [ -e "$1/began" ]; do sleep 0.1; done
        find /etc/postgresql-common -type f | grep .
        kill -TERM -- -$!
        for _ in $(seq 50); do
            [ -n "$(find /etc/postgresql-common -type f)" ] || exit 0
            sleep 0.1
        done
        exit 1' "$1" "$2"
}
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
    mkdir -p "$root/bin" /etc/postgresql-common
    printf '#!/bin/sh\ncase "$*" in *install*) touch "%s"; sleep 20 ;; esac\n' "$root/began" >"$root/bin/apt-get"
    chmod +x "$root/bin/apt-get"
    PATH="$root/bin:$PATH" stopped_installation "$checks/../packages.sh" "$root" >"$root/out" 2>&1 ||
        { failed=1 && echo "not ok - packages.sh: stopped" && cat "$root/out"; }
fi
if command -v shellcheck >/dev/null; then
    expect 0 scripts.sh tests/a.sh "a good script" <<<$'#!/usr/bin/env bash\necho "$1"'
    # shellcheck disable=SC2016
    expect 1 scripts.sh tests/a.sh "an unquoted variable" <<<$'#!/usr/bin/env bash\nrm $1'
    expect 1 scripts.sh tests/a.sh "grep -q behind a pipe" <<<$'#!/usr/bin/env bash\nls |\x20grep -q x'
fi
if command -v shellcheck >/dev/null; then
    dockerfile=$'FROM a:1\nLABEL b=c\nUSER 1:1\nSTOPSIGNAL SIGTERM\nHEALTHCHECK CMD ["d"]\nENTRYPOINT ["e"]'
    expect_dockerfile() { expect "$1" dockerfiles.py Dockerfile "$2"; }
    expect_dockerfile 0 "a good one" <<<"$dockerfile"
    expect_dockerfile 1 "no user" <<<"${dockerfile/USER 1:1/}"
    expect_dockerfile 1 "root" <<<"${dockerfile/1:1/0:0}"
    expect_dockerfile 1 "a user by name" <<<"${dockerfile/1:1/user}"
    expect_dockerfile 1 "no health check" <<<"${dockerfile/HEALTHCHECK/CMD}"
    expect_dockerfile 1 "a health check that needs a shell" <<<"${dockerfile/\[\"d\"\]/d}"
    expect_dockerfile 1 "an entry point that needs a shell" <<<"${dockerfile/\[\"e\"\]/e}"
    expect_dockerfile 1 "no version" <<<"${dockerfile/a:1/a}"
    expect_dockerfile 1 "the latest version" <<<"${dockerfile/a:1/a:latest}"
    expect_dockerfile 0 "a stage" <<<"FROM a:1 AS f"$'\n'"${dockerfile/a:1/f}"
    expect_dockerfile 1 "what a stage before has" <<<"${dockerfile/a:1/a:1 AS f}"$'\nFROM a:1'
    expect_dockerfile 1 "a syntax line" <<<$'# syntax=docker/dockerfile:1\n'"$dockerfile"
    expect_dockerfile 1 "an unknown instruction" <<<"$dockerfile"$'\nADD https://example.org/ /'
    install='RUN --mount=type=cache,target=/var/lib/apt/lists apt-get update && apt-get install -y --no-install-recommends g'
    expect_dockerfile 0 "packages" <<<"$dockerfile"$'\n'"$install"
    expect_dockerfile 1 "package lists that stay" <<<"$dockerfile"$'\n'"${install/--mount*lists /}"
    expect_dockerfile 1 "packages of yesterday" <<<"$dockerfile"$'\n'"${install/apt-get update &&/}"
    expect_dockerfile 1 "packages that are not needed" <<<"$dockerfile"$'\n'"${install/--no-install-recommends/}"
    # shellcheck disable=SC2016
    expect_dockerfile 1 "an unquoted variable" <<<"$dockerfile"$'\nRUN h=$(ls) \\\n    && rm $h'
fi
if command -v yamllint >/dev/null; then
    workflow=$'name: a\non: push\npermissions:\n  contents: read\njobs:\n  a:\n    runs-on: b\n    timeout-minutes: 1\n'
    steps="$workflow"$'    steps:\n'
    expect_workflow() { expect "$1" workflows.sh .github/workflows/a.yml "$2"; }
    expect_workflow 0 "a good workflow" <<<"$steps      - uses: actions/checkout@v5"
    expect_workflow 1 "no steps" < <(printf %s "$workflow")
    expect 1 yaml.sh a.yaml "a key that is there twice" <<<$'a: 1\na: 2'
    expect 0 yaml.sh a.yml "a good file" <<<'a: 1'
    expect_workflow 1 "no permissions" <<<"$(grep -v -e permissions -e contents <<<"$steps      - run: a")"
    expect_workflow 1 "all permissions" <<<"${steps/contents: read/contents: write}      - run: a"
    expect_workflow 1 "no time limit" <<<"$(grep -v timeout <<<"$steps      - run: a")"
    expect_workflow 1 "an unknown event" <<<"${steps/on: push/on: pushed}      - run: a"
    expect_workflow 1 "an unknown key" <<<"$steps      - {run: a, runs: b}"
    expect_workflow 1 "an action that is not pinned" <<<"$steps      - uses: actions/checkout@main"
    expect_workflow 1 "an action without a version" <<<"$steps      - uses: actions/checkout"
    # shellcheck disable=SC2016
    expect_workflow 1 "an expression in a script" <<<"$steps"'      - run: echo "${{ github.ref }}"'
    # shellcheck disable=SC2016
    expect_workflow 1 "an unquoted variable" <<<"$steps"'      - run: rm $a'
    # shellcheck disable=SC2016
    expect_workflow 1 "a foreign secret" <<<"$steps"$'      - run: a\n        env:\n          B: ${{ secrets.B }}'
    expect 1 workflows.sh .github/dependabot.yml "an unknown ecosystem" \
        <<<$'version: 2\nupdates:\n  - {package-ecosystem: a, directory: /, schedule: {interval: weekly}}'
fi

# expect_queries STATUS FILE SED NAME: queries.py, over our own files of monitoring, of which one is edited.
expect_queries() {
    local status=0 ours=$checks/../..
    rm -rf "$root/t"
    mkdir -p "$root/t/deploy" "$root/t/tests" "$root/t/docs"
    cp -r "$ours/deploy/prometheus" "$ours/deploy/grafana" "$root/t/deploy"
    cp -r "$ours/tests/prometheus" "$root/t/tests"
    cp "$ours/docs/monitoring.md" "$root/t/docs"
    sed -i "$3" "$root/t/$2"
    ! cmp -s "$root/t/$2" "$ours/$2" || [ -z "$3" ] || { failed=1 && echo "not ok - queries.py: $4: nothing is edited"; }
    "$checks/queries.py" "$root/t" >"$root/out" 2>&1 || status=$?
    [ "$status" = "$1" ] || { failed=1 && echo "not ok - queries.py: $4" && cat "$root/out"; }
}
# shellcheck disable=SC2016
if command -v promtool >/dev/null; then
    alerts=deploy/prometheus/alerts.yaml dashboard=deploy/grafana/dashboard.json
    expect_queries 0 $alerts '' "our own files"
    expect_queries 1 $alerts 's/pg_backup_wal_gap/pg_backup_wal_hole/' "a metric that there is not"
    expect_queries 1 $alerts 's/guard="stalled"/cause="stalled"/' "a label that there is not"
    expect_queries 1 $alerts 's/guard="stalled"/guard="stopped"/' "a value that there is not"
    expect_queries 1 $alerts 's/without (result)/without (results)/' "a label to group by that there is not"
    expect_queries 1 $alerts 's/labels\.guard/labels.guards/' "a text with a label that there is not"
    expect_queries 1 $alerts 's/PgBackupStalled/PgBackupStopped/' "an alert without a test"
    expect_queries 1 $alerts '0,/severity: warning/s//severity: high/' "a severity that there is not"
    expect_queries 1 tests/prometheus/slow_test.yaml '/28h, exp_samples/d' "an alert that always fires in its test"
    expect_queries 1 $dashboard 's/pg_prune_backups_bytes/pg_prune_bytes/' "a panel with a metric that there is not"
    expect_queries 1 $dashboard 's/sum by (stage) (/sum by (stage) /' "a panel with an expression that is none"
    expect_queries 1 $dashboard 's/{{stage}}/{{phase}}/' "a panel with a label that there is not"
    expect_queries 1 $dashboard '0,/"uid": "${datasource}"/s//"uid": "prometheus-1"/' "a data source of an installation"
    expect_queries 1 $dashboard 's/"name": "database"/"name": "group"/' "a variable that there is not"
    expect_queries 1 docs/monitoring.md '/^| `pg_backup_healthy`/d' "a metric that is not documented"
fi

# page LINE...: these lines, below the tables of settings that each program has at least.
page() {
    cat <<'PAGE'
# A page
<!-- settings of pg-backup -->
| `DB` |  | Blanks count in this folder. Also: `POSTGRES_DB`. |
| `DB_PASSWORD` |  | Its password. |
<!-- end -->
<!-- settings of pg-prune -->
| `TZ` | `UTC` | Zone. |
<!-- end -->
| `--clean` | Drop it. |
## Two words, and `code`
PAGE
    printf '%s\n' "$@"
}
block() { page '```sh' "$@" '```'; }
expect_page() { expect "$1" docs.sh README.md "$2"; }
expect_page 0 "a good page" < <(page "A sentence with a [link](#two-words-and-code) and \`code with blanks\`.")
expect_page 0 "260 lines" < <(seq 260)
expect_page 1 "261 lines" < <(seq 261)
expect 0 docs.sh docs/a.md "261 lines of another page" < <(seq 261)
expect_page 1 "a line that is too long" < <(page "$(printf '%0121d' 0)")
expect_page 0 "a row of a table may be" < <(page "| $(printf '%0121d' 0) |")
expect_page 1 "a link to nothing" < <(page "[a](docs/there-is-none.md)")
expect 1 docs.sh deploy/a/b.md "a link to nothing below deploy" < <(page "[a](../c.md)")
expect_page 0 "a link to another site" < <(page "[a](https://example.org/)")
expect_page 1 "an anchor to nothing" < <(page "[a](#there-is-none)")
expect_page 1 "a link in two lines" < <(page "[a" "b](#there-is-none)")
expect_page 1 "a block that does not end" < <(page '```sh' true)
expect_page 1 "a block that is indented" < <(page "" "    true")
expect_page 1 "an unknown language" < <(page '```shell' true '```')
expect_page 0 "a good block" < <(block "DB=app POSTGRES_DB=a pg-backup now --db x && pg-prune plan --tz UTC")
expect_page 1 "a block that bash cannot parse" < <(block "if true")
expect_page 0 "output in a block" < <(page '```console' '$ true' "isn't it" '```')
expect_page 1 "a prompt that bash cannot parse" < <(page '```console' '$ if true' '```')
expect_page 1 "an unknown verb" < <(block "pg-backup prune")
expect_page 1 "the other program's verb" < <(block "pg-prune restore")
expect_page 1 "an unknown verb in a container" < <(block "docker compose exec backup pg-backup dump")
expect_page 0 "a container's name" < <(block "docker run --name pg-backup image")
expect_page 1 "an unknown flag" < <(block "pg-backup now --bucket a")
expect_page 1 "an unknown flag in the next line" < <(block "pg-backup now \\" "    --bucket a")
expect_page 1 "an unknown flag in text" < <(page "Say \`pg-prune now --bucket a\`.")
expect_page 0 "another program's flag" < <(block "pg-backup now | cat --bucket a")
expect_page 0 "a flag of restore" < <(block "pg-backup restore --clean")
expect_page 1 "a flag of restore elsewhere" < <(block "pg-backup now --clean")
expect_page 1 "an unknown flag of the service restore" < <(block "docker compose run --rm restore --bucket a")
expect_page 1 "an unknown variable" < <(block "export DATABSE=app")
expect_page 0 "a file of a secret" < <(block "export DB_PASSWORD_FILE=/a")
expect_page 1 "an unknown file of a secret" < <(block "export PASSWORD_FILE=/a")
makefile=$checks/../../deploy/compose/Makefile
expect 0 makefile.sh deploy/compose/Makefile "the Makefile" <"$makefile"
expect 1 makefile.sh deploy/compose/Makefile "a target without its option" < <(sed 's/down --volumes/down/' "$makefile")
expect 1 makefile.sh deploy/compose/Makefile "a target without help" < <(sed 's/^down: .*/down:/' "$makefile")
expect 1 makefile.sh deploy/compose/Makefile "a lost target" < <(sed 's/^logs:/log:/' "$makefile")
# shellcheck disable=SC2016
expect 1 makefile.sh deploy/compose/Makefile "an unquoted file" < <(sed 's/restore "$$FILE"/restore $$FILE/' "$makefile")
stack=$checks/../../compose.yaml
expect 0 stack.py compose.yaml "the stack" <"$stack"
expect 1 stack.py compose.yaml "a default interval" < <(sed 's/BACKUP_INTERVAL:-}/BACKUP_INTERVAL:-1d}/' "$stack")
expect 1 stack.py compose.yaml "a variable that is lost" < <(sed '/^      CLEANUP_SCHEDULE:/d' "$stack")
expect 1 stack.py compose.yaml "a fixed zone" < <(sed 's/^  TZ:$/  TZ: UTC/' "$stack")
expect 1 stack.py compose.yaml "no name for the store" < <(sed 's/aliases: \[garage\]/aliases: []/' "$stack")
expect 1 docs.sh .env.example "an unknown variable in .env.example" <<<'DATABSE=app'
expect 0 docs.sh .env.example "a comment in .env.example" <<<'# DATABSE=app'
directories=$'| Directory | Holds |\n|---|---|'
expect_page 0 "a directory that exists" < <(page "$directories" "| \`common\` | \`base\` |")
expect_page 1 "a directory that does not exist" < <(page "$directories" "| \`common/other\` | Units. |")
expect_page 1 "a file that does not exist" < <(page "$directories" "| \`common/base\` | \`units\` |")
for word in blanks folder away; do
    expect_page 1 "the word $word" < <(page "It has $word.")
    expect_page 0 "$word in code" < <(page "It has \`db-$word\`.")
done
exit $failed
