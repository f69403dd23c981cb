#!/bin/sh
# Install the servers that Callboard is measured beside, where they are missing: Debian packages. Needs root or sudo.
set -eu
missing=
for program in redis-server nats-server; do
    command -v "$program" >/dev/null || missing="$missing $program"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || {
    echo "bench: install$missing; only Debian is known how to here" >&2
    exit 1
}
root=
[ "$(id -u)" = 0 ] || root=sudo
echo "bench: installing$missing"
$root apt-get update -qq
# shellcheck disable=SC2086
$root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
