#!/bin/sh
# Writes who may do what in the buckets, with the secrets of this environment, then becomes the S3 server.
# The same rights as S3_RIGHTS of the embedded stack; a test compares them. tagging and delivery have no key.
set -eu
identity() { # name, secret, actions…
    printf ',\n{"name": "%s", "credentials": [{"accessKey": "%s", "secretKey": "%s"}], "actions": ["%s"' "$1" "$1" "$2" "$3"
    shift 3
    for action; do printf ', "%s"' "$action"; done
    printf ']}'
}
{
    printf '{"identities": [{"name": "anonymous", "actions": ["Read:depesha-public"]}'
    if [ -n "${OPERATOR_S3_SECRET:-}" ]; then identity operator "$OPERATOR_S3_SECRET" Admin Read Write List Tagging; fi
    identity ingestion "$INGESTION_S3_SECRET" Read:depesha-private 'Write:depesha-private/originals/*' 'Write:depesha-private/raw/*'
    identity imaging "$IMAGING_S3_SECRET" Read:depesha-private 'Write:depesha-private/uploads/*' Read:depesha-public 'Write:depesha-public/media/*'
    identity desk "$DESK_S3_SECRET" Read:depesha-private 'Write:depesha-private/originals/*'
    identity publication "$PUBLICATION_S3_SECRET" Read:depesha-public Write:depesha-public List:depesha-public
    printf ']}\n'
} >"${S3_CONFIG:=/tmp/s3.json}"
exec weed "$@" -s3.config="$S3_CONFIG"
