#!/bin/sh
exec pg-backup restore "$@"
