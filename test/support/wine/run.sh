#!/usr/bin/env bash
# run.sh DIRECTORY FOLDER COMMAND ARGS... - run a command (`wine node.exe ...`) in the machine that up.sh made, in FOLDER
# (a path inside), as an ordinary user. BIND="/source:/inside ..." shows further directories there.
#
# Standard output must be a file: Node for Windows fails with EBADF when Wine gives it a pipe of Linux. The command and
# all that it started end with this script, because the inner bash is the first process of its own namespace. It stays root:
# a process that changes its user is no longer killed with its parent.
set -euo pipefail
DIR=$(realpath "$1") FOLDER=$2
shift 2
export ROOT=$DIR/root DIR FOLDER
# `env -i`: a variable of this machine would be one of the Windows programs
exec unshare --mount --pid --fork --kill-child --propagation private bash -euc '
mount -t proc proc "$ROOT/proc"
for shared in dev sys; do mount --rbind "/$shared" "$ROOT/$shared"; done
mount --bind "$DIR" "$ROOT/machine"
for pair in ${BIND:-}; do
  mkdir -p "$ROOT/${pair#*:}"
  mount --bind "${pair%%:*}" "$ROOT/${pair#*:}"
done
chroot "$ROOT" setpriv --reuid 12345 --regid 12345 --clear-groups --no-new-privs \
  env -i WINEPREFIX=/machine/prefix WINEPATH=C:\\node WINEDEBUG=-all LC_ALL=C.UTF-8 HOME=/machine/home XDG_RUNTIME_DIR=/tmp PATH=/usr/bin:/bin \
  sh -c "cd \"\$0\" && exec \"\$@\"" "$FOLDER" "$@"
exit $?' run.sh "$@"
