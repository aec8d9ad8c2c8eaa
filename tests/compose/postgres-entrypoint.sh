#!/bin/sh
# What the official image's entrypoint does of it: make the cluster and the database at the first start, then serve.
set -eu
data=/var/lib/postgresql/18/docker
if [ ! -f "$data/PG_VERSION" ]; then
    mkdir -p "$data"
    printf %s "$POSTGRES_PASSWORD" >/tmp/password
    initdb -D "$data" -U postgres -A scram-sha-256 --pwfile=/tmp/password -E UTF8 --locale=C.UTF-8 >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    pg_ctl -D "$data" -o '-c listen_addresses=' -w start >/dev/null
    PGPASSWORD=$POSTGRES_PASSWORD createdb -h /tmp -U postgres "$POSTGRES_DB"
    pg_ctl -D "$data" -w stop >/dev/null
fi
exec postgres -D "$data" -c 'listen_addresses=*' "$@"
