#!/bin/sh
echo "pg-backup deletes no backups: /opt/prune-backups.py is in the image of pg-prune" >&2
exit 2
