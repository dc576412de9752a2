# shellcheck shell=bash
"$PG_BACKUP" now
