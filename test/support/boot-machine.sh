#!/usr/bin/env bash
# Starts a machine of its own: a copy of this one's files (what is written goes to memory), real systemd, no network
# but loopback. See machine.ts.
# Usage: boot-machine.sh DIRECTORY [--net]; an empty directory for mounts; --net: with a network of its own.
set -euo pipefail

# systemd keeps processes apart by control groups, and two machines have units of one name.
readonly hierarchies=(/sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified)

if [[ ${2-} != inside ]]; then
  for hierarchy in "${hierarchies[@]}"; do
    [[ -e $hierarchy/cgroup.procs ]] || continue
    mkdir "$hierarchy/${1##*/}"
    echo $$ >"$hierarchy/${1##*/}/cgroup.procs"
  done
  exec unshare --mount --pid --fork --uts --ipc --cgroup "${@:2}" --kill-child=KILL "$0" "$1" inside
fi

mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"

mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
if [[ -e /sys/fs/cgroup/cgroup.procs ]]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs tmpfs sys/fs/cgroup
  mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi
mount -t tmpfs tmpfs tmp
for directory in run srv dev; do mount -t tmpfs -o mode=755 tmpfs "$directory"; done

mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done

# Units that would change the kernel, which all machines share, and units that no test needs.
for unit in systemd-sysctl systemd-modules-load systemd-binfmt systemd-random-seed systemd-udevd systemd-udev-trigger \
  systemd-logind systemd-update-utmp getty@tty1 console-getty; do
  ln -sf /dev/null "etc/systemd/system/$unit.service"
done
# Not empty: systemd would take it for a first boot and enable all that is installed.
echo 7a2f3c5d9b1e4f60a8c7d6e5b4a39281 >etc/machine-id
: >etc/fstab
rm -rf var/lib/rpm var/cache/dnf var/lib/dnf
ip link set lo up

exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  chroot . /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=0
