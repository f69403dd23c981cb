#!/bin/sh
# Install what the tests need, once: Debian packages, Asterisk into a cache, npm packages. Run again it finds all there
# and touches nothing.
set -eu
cd "$(dirname "$0")/.."

need() {
    echo "callboard: $1 is missing: $2" >&2
    exit 1
}
command -v go >/dev/null || need Go "install Go 1.26 or later"
command -v npm >/dev/null || need Node.js "install Node.js 20 or later with npm"

root=
if [ "$(id -u)" != 0 ]; then
    root="sudo"
fi

missing=
for pair in chromium:chromium gcc:gcc ss:iproute2 git:git; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
done
if [ ! -e /usr/include/stdlib.h ]; then # the race detector is linked with cgo
    missing="$missing libc6-dev"
fi
# Database servers are kept off the PATH.
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || command -v postgres >/dev/null || missing="$missing postgresql"
ls /usr/sbin/mariadbd >/dev/null 2>&1 || command -v mariadbd >/dev/null || missing="$missing mariadb-server"
if [ -n "$missing" ]; then
    command -v apt-get >/dev/null || need "one of$missing" "install it; only Debian is known how to here"
    echo "callboard: installing$missing"
    $root apt-get update -qq
    # shellcheck disable=SC2086
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

go run ./lab/cmd/lab install

for package in sdk/js webui; do
    if ! cmp -s "$package/package-lock.json" "$package/node_modules/.callboard-lock"; then
        echo "callboard: installing the npm packages of $package"
        npm --prefix "$package" ci --no-audit --no-fund --loglevel=error
        cp "$package/package-lock.json" "$package/node_modules/.callboard-lock"
    fi
done
