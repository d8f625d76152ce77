#!/usr/bin/env bash
# Makes the source of both packages: what is compiled, production dependencies and Node, all as locked.
# Usage: stage-package.sh SCRATCH; an empty directory. The source comes into SCRATCH/rpmyard-<version>.
set -euo pipefail
cd "$(dirname "$0")/.."
scratch=$1

# Both packages may be built at the same time, and dist/ is made anew each time.
exec {lock}>node_modules/.rpmyard-stage
flock "$lock"
npm run --silent build
version=$(node -p 'require("./package.json").version')
stage=$scratch/rpmyard-$version
mkdir "$stage" "$stage/runtime" "$scratch/node"

npm pack --silent --ignore-scripts --pack-destination "$scratch" >/dev/null
exec {lock}>&-
tar -C "$stage" --strip-components=1 -xf "$scratch/rpmyard-$version.tgz"
cp -a package-lock.json LICENSE README.md "$stage/"
npm install --silent --omit=dev --ignore-scripts --no-save --prefix "$stage"
# What only a compiler, a debugger, or an author of these packages reads.
find "$stage/node_modules" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' -o -name '*.html' \) -delete
find "$stage/node_modules" -mindepth 1 -name '.*' -prune -exec rm -r {} +
# Some are published as programs, and rpmbuild would look for the interpreters that they name.
find "$stage/node_modules" -type f -exec chmod 644 {} +
mv "$stage/dist/man" "$stage/dist/completions" "$stage/"

cp packaging/node/package*.json "$scratch/node/"
npm install --silent --ignore-scripts --no-save --prefix "$scratch/node"
runtime=("$scratch"/node/node_modules/node-linux-*)
cp "${runtime[0]}/bin/node" "$stage/runtime/node"
cp "${runtime[0]}/LICENSE" "$stage/runtime/LICENSE.node"
