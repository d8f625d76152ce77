#!/usr/bin/env bash
# Runs rpmbuild on what stage-rpm.sh prepared, and puts the package into OUTPUT_DIR.
# Usage: build-rpm.sh STAGED_DIR OUTPUT_DIR [RPMBUILD_ARGUMENT...]
set -euo pipefail
staged=$1
output=$2
shift 2

build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
SOURCE_DATE_EPOCH=$(sed -n 's/^%global commit_time //p' "$staged/rpmyard.spec")
export SOURCE_DATE_EPOCH
rpmbuild -bb --quiet --define "_topdir $build" --define "_sourcedir $staged" --define "_rpmdir $build/rpms" \
  "$@" "$staged/rpmyard.spec"

mkdir -p "$output"
for package in "$build"/rpms/*/*.rpm; do
  cp "$package" "$output/"
  echo "$output/${package##*/}"
done
