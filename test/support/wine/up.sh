#!/usr/bin/env bash
# up.sh DIRECTORY - make a Windows machine below DIRECTORY: Wine 10 in a chroot of Debian 13, because the Wine of Debian 12
# cannot start Node 24. Takes a minute and 1.1 GB, and no time if DIRECTORY is complete. run.sh runs programs there.
#
# Inside, DIRECTORY is /machine. Drives: C: is Wine's own, D: and E: are DIRECTORY/d and DIRECTORY/e, \\srv\share is
# DIRECTORY/share. Nothing outside DIRECTORY changes, except that debootstrap is installed where it is missing.
set -euo pipefail

log() { printf 'wine: %s\n' "$*" >&2; }
die() { log "$*"; exit 1; }

[ $# = 1 ] || die "usage: up.sh DIRECTORY"
[ "$(uname -sm)" = 'Linux x86_64' ] || die "Wine can only be started on Linux on x86_64, this is $(uname -sm)"
[ -e /etc/debian_version ] && grep -qx 'ID=debian' /etc/os-release || die "Wine can only be started on Debian: debootstrap needs the address and the keys of a mirror"
[ "$(id -u)" = 0 ] || die "Wine can only be started by root: debootstrap and chroot need it"
DIR=$(realpath -m "$1")
mkdir -p "$DIR"
exec 8>"$DIR/lock"
flock -w 600 8 || die "another process holds $DIR/lock"
[ ! -e "$DIR/complete" ] || exit 0

ROOT=$DIR/root
ID=12345 # an ordinary user: root ignores the read-only attribute of files
USER_NAME=runneradmin
LOG=$DIR/log
LOCK_TIMEOUT="-o DPkg::Lock::Timeout=300"

# The first mirror in the machine's own sources, in either of their formats.
mirror() {
  sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb *\(\[[^]]*\] *\)\?\(http[^ ]*\).*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list 2>/dev/null |
    grep -v security | head -1
}

quietly() { # what it does, command...
  local what=$1
  shift
  "$@" </dev/null >>"$LOG" 2>&1 || die "$what failed: $(grep -E '^(E|W):' "$LOG" | tail -1) (all of it in $LOG)"
}

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
: >"$LOG"
if ! command -v debootstrap >/dev/null; then
  log "installing debootstrap"
  # shellcheck disable=SC2086
  apt-get -qq -y $LOCK_TIMEOUT install --no-install-recommends debootstrap </dev/null >>"$LOG" 2>&1 ||
    { quietly 'apt-get update' apt-get -qq $LOCK_TIMEOUT update &&
      quietly 'the installation of debootstrap' apt-get -qq -y $LOCK_TIMEOUT install --no-install-recommends debootstrap; }
fi
mirror=$(mirror || true)
[ -n "$mirror" ] || die "apt's sources name no mirror of Debian"

log "installing Debian 13 and Wine in $DIR"
rm -rf "${ROOT:?}" "$DIR/prefix"
quietly debootstrap debootstrap --variant=minbase --include=ca-certificates trixie "$ROOT" "$mirror"
cp /etc/resolv.conf "$ROOT/etc/"
# The machine may reach its mirror only with its own settings of apt
[ ! -e /etc/apt/apt.conf.d ] || cp -n /etc/apt/apt.conf.d/* "$ROOT/etc/apt/apt.conf.d/" 2>/dev/null || true
quietly 'the installation of Wine' chroot "$ROOT" apt-get -y -o Dpkg::Options::=--force-unsafe-io install --no-install-recommends wine64 wine
chmod 1777 "$ROOT/tmp"
echo "$USER_NAME:x:$ID:$ID::/machine/home:/bin/sh" >>"$ROOT/etc/passwd"
rm -rf "$ROOT"/var/cache/apt/* "$ROOT"/var/lib/apt/lists/*

mkdir -p "$ROOT/machine" "$DIR"/{home,d,e,share}
chown "$ID:$ID" "$DIR" "$DIR"/{home,d,e,share}
# wineserver writes the registry when it ends
quietly wineboot "$(dirname "$0")/run.sh" "$DIR" /machine sh -c 'wineboot -i && wineserver -w'
mkdir -p "$DIR/prefix/dosdevices/unc/srv"
ln -sfn /machine/d "$DIR/prefix/dosdevices/d:"
ln -sfn /machine/e "$DIR/prefix/dosdevices/e:"
ln -sfn /machine/share "$DIR/prefix/dosdevices/unc/srv/share"
chown -hR "$ID:$ID" "$DIR/prefix/dosdevices"
touch "$DIR/complete"
