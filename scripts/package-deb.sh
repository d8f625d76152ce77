#!/usr/bin/env bash
# Builds the Debian package: compiled sources, production dependencies and Node as locked. One commit always gives the same
# bytes. It is packed with xz, or as RPMYARD_DEB_COMPRESSION says (gzip -z1 is quick).
# Usage: package-deb.sh [OUTPUT_DIR [REVISION...]]; by default revision 1 into deb/ of the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
output=$(realpath -m "${1:-deb}")
shift || true
(($# > 0)) || set -- 1

command -v dpkg-deb >/dev/null || {
  echo 'package-deb.sh: dpkg-deb is missing: run it on Debian, or install dpkg' >&2
  exit 1
}
version=$(node -p 'require("./package.json").version')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
scripts/stage-package.sh "$scratch"
stage=$scratch/rpmyard-$version
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y package.json)
export SOURCE_DATE_EPOCH

root=$scratch/root
mkdir -p "$root/DEBIAN"
doc=$root/usr/share/doc/rpmyard
(cd "$stage" && packaging/lay-out.sh deb "$root") >"$root/DEBIAN/conffiles"
install -m 755 packaging/deb/{preinst,postinst,prerm,postrm} "$root/DEBIAN/"
install -D -m 644 packaging/deb/lintian-overrides "$root/usr/share/lintian/overrides/rpmyard"
cat packaging/deb/copyright "$stage/runtime/LICENSE.node" >"$doc/copyright"
chmod -R u=rwX,go=rX "$root"
chmod 640 "$root/etc/rpmyard/config.yml"

mkdir -p "$output"
read -r -a compression <<<"-Z${RPMYARD_DEB_COMPRESSION:-xz}"
for revision in "$@"; do
  package=rpmyard_$version-${revision}_$(dpkg --print-architecture).deb
  gzip -9nc >"$doc/changelog.Debian.gz" <<CHANGELOG
rpmyard ($version-$revision) unstable; urgency=medium

  * See CHANGELOG.md.

 -- $(sed -n 's/^Maintainer: //p' packaging/deb/control)  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGELOG
  (cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' md5sum >DEBIAN/md5sums)
  sed -e "s/@VERSION@/$version-$revision/" -e "s/@ARCHITECTURE@/$(dpkg --print-architecture)/" \
    -e "s/@INSTALLED_SIZE@/$(du -sk --apparent-size --exclude=DEBIAN "$root" | cut -f1)/" packaging/deb/control >"$root/DEBIAN/control"
  find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
  dpkg-deb --root-owner-group "${compression[@]}" --build "$root" "$output/$package" >/dev/null
  echo "$output/$package"
done
