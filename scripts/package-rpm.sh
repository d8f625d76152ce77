#!/usr/bin/env bash
# Builds the RPM package: compiled sources, production dependencies and Node as locked. One commit always gives the same
# bytes. The payload is packed as the spec says, or as RPMYARD_PAYLOAD does (w1.gzdio is quick).
# Usage: package-rpm.sh [OUTPUT_DIR [RELEASE...]]; by default release 1 into rpm/ of the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
output=$(realpath -m "${1:-rpm}")
shift || true
(($# > 0)) || set -- 1

for tool in rpmbuild checkmodule semodule_package; do
  command -v "$tool" >/dev/null || {
    echo "package-rpm.sh: $tool is missing: run \"npm run setup\", or install rpm-build, checkpolicy and policycoreutils" >&2
    exit 1
  }
done
npm run --silent build
version=$(node -p 'require("./package.json").version')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
stage=$scratch/rpmyard-$version
mkdir "$stage" "$stage/runtime" "$scratch/node"

npm pack --silent --ignore-scripts --pack-destination "$scratch" >/dev/null
tar -C "$stage" --strip-components=1 -xf "$scratch/rpmyard-$version.tgz"
cp -a package-lock.json LICENSE README.md "$stage/"
npm install --silent --omit=dev --ignore-scripts --no-save --prefix "$stage"
# What only a compiler or a debugger reads.
find "$stage/node_modules" -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete
rm -r "$stage/node_modules/.bin" "$stage/node_modules/.package-lock.json"
# Some are published as programs, and rpmbuild would look for the interpreters that they name.
find "$stage/node_modules" -type f -exec chmod 644 {} +

cp packaging/node/package*.json "$scratch/node/"
npm install --silent --ignore-scripts --no-save --prefix "$scratch/node"
runtime=("$scratch"/node/node_modules/node-linux-*)
cp "${runtime[0]}/bin/node" "$stage/runtime/node"
cp "${runtime[0]}/LICENSE" "$stage/runtime/LICENSE.node"
node_version=$("$stage/runtime/node" --version)

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)
export SOURCE_DATE_EPOCH
tar -C "$scratch" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 -cf "$scratch/rpmyard-$version.tar" "rpmyard-$version"
# What security scanners look for: which npm packages are in it.
node -p '
  const { packages } = require("./package-lock.json");
  const production = Object.entries(packages).filter(([path, { dev }]) => path !== "" && !dev);
  production.map(([path, { version }]) => `Provides: bundled(npm(${path.split("node_modules/").at(-1)})) = ${version}`).join("\n");
' >"$scratch/bundled"
sed -e "s/@VERSION@/$version/" -e "s/@NODE_VERSION@/${node_version#v}/" -e "/^@BUNDLED@$/{r $scratch/bundled" -e 'd}' \
  packaging/rpm/rpmyard.spec >"$scratch/rpmyard.spec"

payload=()
[[ -z ${RPMYARD_PAYLOAD-} ]] || payload=(--define "rpmyard_payload $RPMYARD_PAYLOAD")
mkdir -p "$output"
for release in "$@"; do
  rpmbuild -bb --quiet --define "_topdir $scratch/rpmbuild" --define "_sourcedir $scratch" --define "_rpmdir $scratch/rpms" \
    --define "rpmyard_release $release" "${payload[@]}" "$scratch/rpmyard.spec"
done
for package in "$scratch"/rpms/*/*.rpm; do
  cp "$package" "$output/"
  echo "$output/${package##*/}"
done
