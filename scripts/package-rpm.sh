#!/usr/bin/env bash
# Builds the RPM package into OUTPUT_DIR (default: rpm/ in the checkout); further arguments go to rpmbuild.
# Usage: package-rpm.sh [OUTPUT_DIR [RPMBUILD_ARGUMENT...]]
set -euo pipefail
scripts=$(cd "$(dirname "$0")" && pwd)
output=$(realpath -m "${1:-$scripts/../rpm}")
shift || true

command -v rpmbuild >/dev/null || {
  echo 'package-rpm.sh: rpmbuild is missing: install rpm-build (Debian: rpm)' >&2
  exit 1
}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
"$scripts/stage-rpm.sh" "$scratch"
"$scripts/build-rpm.sh" "$scratch" "$output" "$@"
