#!/usr/bin/env bash
# Lays out what a package holds, as packaging/contents says, from the source's directory, in which it is called.
# Usage: lay-out.sh rpm|deb ROOT; prints the lines of %files for rpm, the configuration files for deb.
set -euo pipefail
package=$1
root=$2

install_entry() {
  local mode=$1 from=$2 to=$root$3 words=$4
  case $mode in
    dir) install -d "$to" ;;
    tree) mkdir -p "$to" && cp -a --no-preserve=ownership "$from/." "$to" ;;
    *) install -D -m "$mode" "$from" "$to" ;;
  esac
  # Not in comments.
  [[ $words != *' user '* || $package == rpm ]] || sed -i '/^ *#/!s/\<nginx\>/www-data/g' "$to"
  [[ $words != *' node '* ]] || sed -i '1s|^#!/usr/bin/env -S node|#!/usr/lib/rpmyard/bin/node|' "$to"
  [[ $words != *' gzip '* ]] || gzip -9nc "$from" >"$to"
}

print_entry() {
  local mode=$1 to=$2 words=$3
  if [[ $package == deb ]]; then
    [[ $words != *' config '* ]] || echo "$to"
    return
  fi
  local attributes=
  [[ $mode != dir ]] || attributes='%dir '
  [[ $words != *' config '* ]] || attributes+='%config(noreplace) '
  # A directory needs the right to be entered as well.
  [[ $words != *' secret '* ]] || attributes+="%attr($([[ $mode == dir ]] && echo 0750 || echo 0640),root,nginx) "
  echo "$attributes$to"
}

while read -r mode from to words; do
  [[ -n $mode && $mode != '#'* ]] || continue
  words=" $words "
  [[ $package == rpm || $words != *' rpm '* ]] || continue
  install_entry "$mode" "$from" "$to" "$words"
  print_entry "$mode" "$to" "$words"
done <packaging/contents

# systemd's socket, not one that the service makes.
site=$root/etc/nginx/conf.d/rpmyard.conf
sed -i 's|server unix:/srv/repo/state/rpmyard.sock;|server unix:/run/rpmyard/rpmyard.sock;|' "$site"
grep -q '^ *server unix:/run/rpmyard/rpmyard.sock;' "$site"
