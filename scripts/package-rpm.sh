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
version=$(node -p 'require("./package.json").version')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts/stage-package.sh "$scratch"
stage=$scratch/rpmyard-$version
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
