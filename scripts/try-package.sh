#!/usr/bin/env bash
# Packs the project, installs it into an empty prefix as a user would, and runs it from there.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

npm pack --silent --ignore-scripts --pack-destination "$scratch"
cd "$scratch"
npm install --silent --omit=dev --prefix "$scratch/prefix" ./rpmyard-*.tgz
PATH="$root/node_modules/.bin:$PATH"
"$scratch/prefix/node_modules/.bin/rpmyard" --help | grep -q 'rpmyard <command>'
"$scratch/prefix/node_modules/.bin/rpmyard" serve --help | grep -q 'client_body_in_file_only clean'
"$scratch/prefix/node_modules/.bin/rpmyard" check-config "$root/config.example.yml"
