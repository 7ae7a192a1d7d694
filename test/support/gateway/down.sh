#!/usr/bin/env bash
# down.sh DIRECTORY [--keep] - end exactly the daemons that up.sh started for DIRECTORY and remove it.
#
# A pid file may outlive its process: a process is ours only when it was started with this directory's ceph.conf.
# --keep leaves the directory, so that its logs can be read.
set -euo pipefail
DIR=$(realpath -m "$1")
[ -e "$DIR/.throw-away" ] || { echo "gateway: $DIR was not made by up.sh" >&2; exit 0; }

ours() { [ -n "$1" ] && tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "-c $DIR/ceph.conf"; }

for name in client.rgw.a osd.0 mon.a; do
  pid=$(cat "$DIR/run/$name.pid" 2>/dev/null || true)
  ours "$pid" || continue
  kill -KILL "$pid" # the data is thrown away: a clean end would only take longer
  kill -CONT "$pid" 2>/dev/null || true
  for ((i = 0; i < 500; i++)); do
    ours "$pid" || break
    sleep 0.02
  done
done
[ "${2-}" = --keep ] || rm -rf -- "$DIR"
