#!/bin/sh
# /usr/bin/rpmyard of the RPM and Debian packages: commands go by the configuration of the service.
export RPMYARD_CONFIG="${RPMYARD_CONFIG-/etc/rpmyard/config.yml}"
exec /usr/lib/rpmyard/bin/rpmyard "$@"
