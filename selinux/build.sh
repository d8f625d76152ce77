#!/usr/bin/env bash
# Compiles rpmyard.te and rpmyard.fc into OUTPUT_DIR/rpmyard.pp.
set -euo pipefail

# The newest module format that Enterprise Linux 8 loads (libsepol 2.9 reads 4 to 19; newer ones read it too).
# Without it, a module built on a new machine is refused on an older one.
readonly MODULE_FORMAT=19

fail() {
  printf 'build.sh: %s\n' "$1" >&2
  exit "$2"
}

[[ $# -eq 1 && $1 != -* ]] || fail 'usage: build.sh OUTPUT_DIR' 2
output_dir=$1

for tool in checkmodule semodule_package; do
  command -v "$tool" >/dev/null ||
    fail "$tool is missing: install checkpolicy and policycoreutils (Debian: checkpolicy and semodule-utils)" 3
done

source_dir=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
mkdir -p -- "$output_dir"
output_dir=$(cd -- "$output_dir" && pwd -P)

# Inside the output directory, so that the last step is a rename: a failed build leaves no half module behind.
work_dir=$(mktemp -d -- "$output_dir/.rpmyard-build.XXXXXX")
trap 'rm -rf -- "$work_dir"' EXIT

# -M: with MLS/MCS levels, as in the targeted policy.
checkmodule -M -m -c "$MODULE_FORMAT" -o "$work_dir/rpmyard.mod" "$source_dir/rpmyard.te" ||
  fail 'checkmodule refused rpmyard.te, no module was built' 1
semodule_package -o "$work_dir/rpmyard.pp" -m "$work_dir/rpmyard.mod" -f "$source_dir/rpmyard.fc" ||
  fail 'semodule_package failed, no module was built' 1

mv -f -- "$work_dir/rpmyard.pp" "$output_dir/rpmyard.pp"
printf 'built %s\n' "$output_dir/rpmyard.pp"
