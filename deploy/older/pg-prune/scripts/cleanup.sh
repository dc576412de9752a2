#!/bin/sh
exec pg-prune now "$@"
