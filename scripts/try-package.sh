#!/usr/bin/env bash
# Packs the project, installs it into an empty prefix as a user would, and runs it from there.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

npm pack --silent --ignore-scripts --pack-destination "$scratch"
cd "$scratch"
npm install --silent --global --omit=dev --prefix "$scratch/prefix" ./rpmyard-*.tgz
PATH="$scratch/prefix/bin:$root/node_modules/.bin:$PATH"
rpmyard --help | grep 'rpmyard <command>'
nginx_file=$(rpmyard serve --help | grep -o '/.*/nginx/rpmyard.conf')
grep 'include /usr/lib/rpmyard/nginx/http.conf;' "$nginx_file"
grep 'client_body_in_file_only clean' "${nginx_file%/*}/server.conf"
test -s "${nginx_file%/*}/http.conf"
test -s "${nginx_file%/nginx/*}/openapi.json"
rpmyard check-config "$root/config.example.yml"
for page in man1/rpmyard.1 man5/rpmyard.yml.5; do
  test -s "$scratch/prefix/share/man/$page"
done
