#!/bin/sh
# A file alone goes in place of the database, as it did.
[ $# != 1 ] || set -- "$1" --replace
exec pg-backup restore "$@"
