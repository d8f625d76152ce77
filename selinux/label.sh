#!/usr/bin/env bash
# Installs the policy module and labels spool, state and tree. Safe to run again.
set -euo pipefail

readonly DEFAULT_ROOT=/srv/repo
readonly DEFAULT_PORT=5000
readonly CONTENT_TYPE=rpmyard_content_t
# What the targeted policy calls TCP port 5000; rpmyard.te lets nginx connect to this type.
readonly PORT_TYPE=commplex_main_port_t

usage() {
  cat <<'TEXT'
usage: label.sh [--root DIR] [--port N] [--module FILE.pp] [--dry-run]

  --root DIR     the directory that holds spool, state and storage (default /srv/repo)
  --port N       the port that the service listens on (default 5000)
  --module FILE  a module that was built before; without it build.sh builds one
  --dry-run      prints the commands and runs none (it needs neither SELinux nor the tools)
TEXT
}

# Exit codes: 1 a step failed or would do harm, 2 wrong arguments, 3 tools or SELinux are missing.
fail() {
  printf 'label.sh: %s\n' "$1" >&2
  exit "$2"
}

root=$DEFAULT_ROOT
port=$DEFAULT_PORT
module=
dry_run=false

while [[ $# -gt 0 ]]; do
  case $1 in
    --root | --port | --module)
      [[ -n ${2-} ]] || fail "$1 needs a value" 2
      case $1 in
        --root) root=$2 ;;
        --port) port=$2 ;;
        --module) module=$2 ;;
      esac
      shift 2
      ;;
    --dry-run)
      dry_run=true
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1, see label.sh --help" 2 ;;
  esac
done

check_arguments() {
  while [[ $root == */ && $root != / ]]; do root=${root%/}; done
  # Other characters would have a meaning in the regular expression that semanage stores.
  [[ $root =~ ^(/[A-Za-z0-9._-]+)+$ && ! $root =~ /\.\.?(/|$) ]] ||
    fail "--root must be an absolute path of letters, digits, '.', '_' and '-', found $root" 2
  # A recursive relabel of one of these stops the machine from booting or logging in.
  case $root in
    /bin | /boot | /dev | /etc | /home | /lib | /lib64 | /opt | /proc | /root | /run | /sbin | /srv | /sys | \
      /tmp | /usr | /var | /var/lib | /var/log | /var/spool | /var/www | /bin/* | /boot/* | /dev/* | /etc/* | \
      /lib/* | /lib64/* | /proc/* | /sbin/* | /sys/* | /usr/*)
      fail "--root $root belongs to the system and will not be relabelled; name the repository's own directory" 2
      ;;
  esac
  [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] || fail "--port must be 1 to 65535, found $port" 2
  [[ -z $module || $dry_run == true || -r $module ]] || fail "--module $module cannot be read" 2
}

check_machine() {
  # First, so that a machine without SELinux is not told to install SELinux tools.
  if command -v selinuxenabled >/dev/null && ! selinuxenabled; then
    fail 'SELinux is not enabled on this machine, there is nothing to label' 3
  fi
  local tools=(selinuxenabled semodule semanage matchpathcon restorecon) missing=() tool
  [[ -n $module ]] || tools+=(checkmodule semodule_package)
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  [[ ${#missing[@]} -eq 0 ]] ||
    fail "tools are missing: ${missing[*]} (dnf install policycoreutils policycoreutils-python-utils libselinux-utils checkpolicy)" 3
  [[ $(id -u) -eq 0 ]] || fail 'must run as root, it installs a policy module' 1
  [[ -d $root ]] || fail "$root is not a directory; create it, or name the right one with --root" 1
  # restorecon resolves symlinks first, so a rule for the unresolved name would never match.
  local real
  real=$(cd -- "$root" && pwd -P)
  [[ $real == "$root" ]] || fail "$root is really $real; say --root $real" 1
}

step() {
  [[ $dry_run == true ]] || printf '== %s\n' "$1"
}

show() {
  local word line=
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_./:=-]+$ || $word == '||' ]] || word=\'$word\'
    line+=" $word"
  done
  printf '%s\n' "${line# }"
}

run() {
  show "$@"
  [[ $dry_run == true ]] || "$@" || fail "this command failed: $*" 1
}

# semanage -a refuses an entry that exists (older versions), and -m one that does not.
run_add_or_modify() {
  local object=$1 errors
  shift
  show semanage "$object" -a "$@" '||' semanage "$object" -m "$@"
  if [[ $dry_run == true ]]; then return; fi
  if errors=$(semanage "$object" -a "$@" 2>&1) || errors+=$'\n'$(semanage "$object" -m "$@" 2>&1); then return; fi
  fail "semanage $object failed: $errors" 1
}

install_module() {
  if [[ -z $module && $dry_run == true ]]; then
    # shellcheck disable=SC2016 # printed for the reader's shell, not expanded by this one
    printf '%s\n' 'build_dir=$(mktemp -d)' "$source_dir/build.sh \"\$build_dir\"" 'semodule -i "$build_dir/rpmyard.pp"'
    return
  fi
  if [[ -z $module ]]; then
    build_dir=$(mktemp -d)
    trap 'rm -rf -- "$build_dir"' EXIT
    step 'build the policy module'
    run "$source_dir/build.sh" "$build_dir"
    module=$build_dir/rpmyard.pp
  fi
  step 'install the policy module'
  run semodule -i "$module"
}

# Prints the type that the policy has for exactly this TCP port; nothing when only a range covers it.
type_of_port() {
  local type protocol numbers
  semanage port -l | while read -r type protocol numbers; do
    if [[ $protocol == tcp && ", $numbers," == *", $port,"* ]]; then printf '%s\n' "$type"; fi
  done
}

label_port() {
  if [[ $port == "$DEFAULT_PORT" ]]; then
    step "port $port: nothing to do, the distribution's policy calls it $PORT_TYPE"
    return
  fi
  if [[ $dry_run == false ]]; then
    local types
    types=$(type_of_port)
    if [[ $'\n'$types$'\n' == *$'\n'"$PORT_TYPE"$'\n'* ]]; then
      step "port $port: nothing to do, it is $PORT_TYPE already"
      return
    fi
    # Taking a port away from another service's type could break that service.
    [[ -z $types ]] || fail "port $port is ${types//$'\n'/, } in this policy; let the service listen on another port" 1
  fi
  step "port $port: let nginx connect to it"
  run semanage port -a -t "$PORT_TYPE" -p tcp "$port"
}

label_files() {
  if [[ $root == "$DEFAULT_ROOT" ]]; then
    step "file contexts of $root: nothing to do, the module brings them"
  else
    step "file contexts of $root"
    run_add_or_modify fcontext -t "$CONTENT_TYPE" "${root//./\\.}(/.*)?"
  fi

  local directory label
  if [[ $dry_run == false ]]; then
    for directory in spool state storage; do
      [[ -d $root/$directory ]] || step "$root/$directory does not exist yet: it will take its label from $root"
      # An entry made by hand beats the module's; without this check restorecon would set its label in silence.
      label=$(matchpathcon -n "$root/$directory/file") || fail "matchpathcon failed for $root/$directory/file" 1
      [[ $label == *:$CONTENT_TYPE:* || $label == *:$CONTENT_TYPE ]] ||
        fail "the policy wants $label for $root/$directory; find the other entry with semanage fcontext -l -C and delete it" 1
    done
  fi

  step "label everything below $root"
  # -F: without it restorecon leaves "customizable" types alone, which earlier chcon commands may have set.
  run restorecon -R -F "$root"
}

source_dir=${BASH_SOURCE[0]%/*}
[[ $source_dir != "${BASH_SOURCE[0]}" ]] || source_dir=.
source_dir=$(cd -- "$source_dir" && pwd -P)

check_arguments
[[ $dry_run == true ]] || check_machine
install_module
label_port
step 'booleans: nothing to do, none is needed (httpd_can_network_connect stays as it is)'
label_files
step 'done; after a first upload look for denials with: ausearch -m avc -ts recent -c nginx'
