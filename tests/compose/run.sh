#!/bin/sh
# Builds the images, composes the system, has three imaging workers while it runs, runs the end-to-end test against it and
# looks whether all three had work, takes it all down.
# Where no registry is reached, make the base images first: tests/compose/stand_ins.sh.
set -eu
cd "$(dirname "$0")/../.."
docker=${DOCKER:-/usr/bin/docker}
compose=${COMPOSE:-docker-compose}
export COMPOSE_PROJECT_NAME=depesha-test
export ALLOWED_NETWORKS=172.16.0.0/12,192.168.0.0/16,10.0.0.0/8 ALLOW_HTTP=true OPERATOR_TOKEN=dps_compose-test
export DESK_PORT=17000 INGESTION_PORT=17001 IMAGING_PORT=17002 TAGGING_PORT=17003 PUBLICATION_PORT=17004 DELIVERY_PORT=17005
export S3_PORT=17333 PUBLIC_URL=http://127.0.0.1:17333/depesha-public
export DOCKER_BUILDKIT=0 COMPOSE_DOCKER_CLI_BUILD=0

finish() {
    code=$?
    if [ $code != 0 ]; then mkdir -p .depesha; $compose logs --no-color --tail 60 >.depesha/compose.log 2>&1 || true; fi
    $compose down -v --remove-orphans >/dev/null 2>&1 || true
    exit $code
}
trap finish EXIT

$docker image inspect python:3.11-slim-bookworm >/dev/null 2>&1 || sh tests/compose/stand_ins.sh
for service in ingestion imaging tagging desk publication delivery; do
    echo "building depesha/$service"
    $docker build -q ${BUILD_NETWORK:+--network $BUILD_NETWORK} --build-arg SERVICE=$service -t depesha/$service -f infra/service.Dockerfile . >/dev/null
done
echo "building depesha/migrate"
$docker build -q ${BUILD_NETWORK:+--network $BUILD_NETWORK} -t depesha/migrate -f infra/migrate.Dockerfile . >/dev/null
healthy() {
    for attempt in $(seq 60); do
        [ "$($compose ps | grep -c '(healthy)')" -ge "$1" ] && return
        sleep 2
    done
    $compose ps
    echo "fewer than $1 containers became healthy" >&2
    exit 1
}
$compose up -d --no-build
healthy 16
$compose up -d --no-build --scale imaging-worker=3 # while it runs
healthy 18
gateway=$($docker network inspect depesha-test_inside -f '{{(index .IPAM.Config 0).Gateway}}')
$compose ps
DEPESHA_E2E='{"urls": {"desk": "http://127.0.0.1:17000", "ingestion": "http://127.0.0.1:17001", "imaging": "http://127.0.0.1:17002", "tagging": "http://127.0.0.1:17003", "publication": "http://127.0.0.1:17004", "delivery": "http://127.0.0.1:17005"}, "token": "dps_compose-test", "receiver_host": "'"$gateway"'"}' \
    .venv/bin/pytest tests/e2e -q
ask() {
    $compose exec -T -e PGPASSWORD="${POSTGRES_PASSWORD:-depesha}" postgres psql -U postgres -d depesha -Atc "$1 FROM ledger.history WHERE consumer = 'imaging'"
}
workers=$(ask 'SELECT count(DISTINCT worker)')
echo "imaging: $(ask 'SELECT count(*)') events by $workers workers"
[ "$workers" -eq 3 ] || { echo "of three imaging workers $workers had work" >&2; exit 1; }
$docker ps --filter name=depesha-test --format '{{.Image}}' | sort | uniq -c
