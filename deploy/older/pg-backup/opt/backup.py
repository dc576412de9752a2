#!/bin/sh
exec pg-backup now "$@"
