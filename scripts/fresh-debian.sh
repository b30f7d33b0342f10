#!/usr/bin/env bash
# Both commands of the README as a stranger types them: an empty Debian 12 with apt's nodejs and npm (18 and 9), an ordinary user,
# a fresh clone in a folder with spaces. As root, with debootstrap: scripts/fresh-debian.sh ROOT [COMMAND ...]
# ROOT is made where it does not exist (about 1 GB) and kept; by default the commands are `npm run demo` and `npm test`.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
root=${1:?usage: fresh-debian.sh ROOT [COMMAND ...]}
shift
commands=("$@")
[ ${#commands[@]} -gt 0 ] || commands=("npm run demo" "npm test")

if [ ! -e "$root/usr/bin/npm" ]; then
  [ -e "$root/bin/sh" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$root"
  chroot "$root" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y -qq --no-install-recommends nodejs npm >/dev/null
fi
# A network with an authority of its own is to be trusted in there as it is out here.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
cp /etc/resolv.conf "$root/etc/resolv.conf"
chroot "$root" id stranger >/dev/null 2>&1 || chroot "$root" useradd -m -s /bin/bash stranger
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/dev/shm" || { mkdir -p "$root/dev/shm" && mount -t tmpfs tmpfs "$root/dev/shm"; }
trap 'umount "$root/dev/shm" "$root/proc"' EXIT

home="$root/home/stranger"
rm -rf "$home/a fresh clone" "$home/.npm"
git clone -q --no-hardlinks "$project" "$home/a fresh clone"
chroot "$root" chown -R stranger:stranger /home/stranger
chroot "$root" node --version
for command in "${commands[@]}"; do
  echo "== $command"
  env -i PATH="$PATH" chroot "$root" su - stranger -c "cd 'a fresh clone' && NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt $command"
done
echo "== git status"
git -c safe.directory='*' -C "$home/a fresh clone" status --short
