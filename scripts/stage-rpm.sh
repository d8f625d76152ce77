#!/usr/bin/env bash
# Prepares what rpmbuild needs in DIRECTORY: the compiled sources with their production dependencies as locked and a Node
# of their own (rpmyard-VERSION.tar), and the spec with the versions filled in.
# Usage: stage-rpm.sh DIRECTORY
set -euo pipefail
cd "$(dirname "$0")/.."
directory=$(realpath "$1")

# The newest Node that Enterprise Linux 8 runs: the npm package's needs glibc 2.28.
readonly NODE_MAJOR=24

npm run --silent build
version=$(node -p 'require("./package.json").version')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
stage=$scratch/rpmyard-$version
mkdir "$stage" "$stage/runtime"

npm pack --silent --ignore-scripts --pack-destination "$scratch" >/dev/null
tar -C "$stage" --strip-components=1 -xf "$scratch/rpmyard-$version.tgz"
cp -a package-lock.json LICENSE README.md "$stage/"
npm install --silent --omit=dev --ignore-scripts --no-save --prefix "$stage"
# What only a compiler or a debugger reads.
find "$stage/node_modules" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete
find "$stage/node_modules" -type f -exec chmod 644 {} +
rm -r "$stage/node_modules/.bin" "$stage/node_modules/.package-lock.json"

npm install --silent --no-save --prefix "$scratch" "node@$NODE_MAJOR"
cp "$scratch/node_modules/node/bin/node" "$stage/runtime/node"
cp "$scratch"/node_modules/node/node_modules/node-linux-*/LICENSE "$stage/runtime/LICENSE.node"
node_version=$("$stage/runtime/node" --version)

# The time of the commit, so that one commit always gives the same package.
commit_time=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)
tar -C "$scratch" --sort=name --mtime="@$commit_time" --owner=0 --group=0 -cf "$directory/rpmyard-$version.tar" "rpmyard-$version"
sed -e "s/@VERSION@/$version/" -e "s/@NODE_VERSION@/${node_version#v}/" -e "s/@COMMIT_TIME@/$commit_time/" \
  packaging/rpm/rpmyard.spec >"$directory/rpmyard.spec"
