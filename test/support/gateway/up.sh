#!/usr/bin/env bash
# up.sh DIRECTORY - start a throw-away Ceph cluster of one node with a RADOS Gateway (S3) on loopback.
#
# Everything lives below DIRECTORY (which must not exist): configuration, data, logs, pid files, certificate. The last
# file written is DIRECTORY/env, `NAME=value` lines for the caller. down.sh ends it.
#
# Where ceph-mon, ceph-osd and radosgw are missing they are installed (as root), or unpacked below the user's cache
# directory and run from there (as anyone else; needs apt-get, changes nothing outside that directory).
#
# Settings, all by environment:
#   GATEWAY_STORE=memstore    memstore (RAM) or bluestore (sparse file; survives kill -9 of the OSD)
#   GATEWAY_SIZE_GB=12        size of the OSD's device, which need not exist
#   GATEWAY_GC_WAIT=5         seconds until the space of a deleted object is freed
#   GATEWAY_RGW="a = b;c = d" further lines for the gateway's section of ceph.conf
#   GATEWAY_OSD="a = b"       further lines for the OSD's section
#   GATEWAY_FRONTEND="k=v"    further words for rgw_frontends (request_timeout_ms=3000)
#   GATEWAY_ACCESS_KEY, GATEWAY_SECRET, GATEWAY_OTHER_ACCESS_KEY, GATEWAY_OTHER_SECRET   the two users
set -euo pipefail

log() { printf 'gateway: %s\n' "$*" >&2; }
die() { log "$*"; exit 1; }

[ $# = 1 ] || die "usage: up.sh DIRECTORY"
[ "$(uname -s)" = Linux ] || die "a RADOS Gateway can only be started on Linux, this is $(uname -s)"
DIR=$(realpath -m "$1")
[ ${#DIR} -le 80 ] || die "the directory's name is too long for the sockets in it (80 characters at most): $DIR"
[ ! -e "$DIR" ] || die "$DIR exists already"
CACHE=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/cache-s3-test-gateway

# ---- packages ----------------------------------------------------------------------------------
TOOLS="ceph-mon ceph-osd radosgw radosgw-admin monmaptool ceph openssl"
WANTED="radosgw ceph-mon ceph-osd openssl"

missing() { local tool; for tool in $TOOLS; do command -v "$tool" >/dev/null || return 0; done; return 1; }

install_packages() {
  local log=/tmp/cache-s3-gateway-apt.$$.log
  quiet_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 \
      -o Dpkg::Options::=--force-unsafe-io "$@" </dev/null >>"$log" 2>&1
  }
  log "installing $WANTED"
  # the package lists of an image are often absent or old: try as they are, then once more with fresh ones
  # shellcheck disable=SC2086
  quiet_apt install --no-install-recommends $WANTED ||
    { quiet_apt update && quiet_apt install --no-install-recommends $WANTED; } ||
    die "apt-get could not install $WANTED: $(grep -E '^E:' "$log" | tail -1) (all of it in $log)"
  rm -f "$log"
}

# Prints the names of all packages that an installation of $WANTED would fetch on this machine.
package_names() { # apt options...
  # shellcheck disable=SC2086
  apt-get "$@" install --print-uris -y -qq --no-install-recommends $WANTED | awk '{ split($2, part, "_"); print part[1] }'
}

# Several gateways may start at once: all but one wait for the lock.
unpack_packages() { # directory
  local into=$1 apt names
  mkdir -p "$into"
  exec 8>"$into.lock"
  flock -w 600 8 || die "another process holds $into.lock"
  if [ ! -e "$into/complete" ]; then
    log "unpacking $WANTED in $into"
    mkdir -p "$into"/{deb,root,apt/lists/partial,apt/cache/archives/partial}
    apt=(-o APT::Sandbox::User= -o "Dir::State::lists=$into/apt/lists" -o "Dir::Cache=$into/apt/cache" -o Debug::NoLocking=1)
    {
      apt-get "${apt[@]}" -qq update &&
        names=$(package_names "${apt[@]}") && [ -n "$names" ] &&
        # shellcheck disable=SC2086
        (cd "$into/deb" && apt-get "${apt[@]}" -qq download $names)
    } >"$into/apt.log" 2>&1 || die "apt-get could not fetch $WANTED: $(grep -E '^E:' "$into/apt.log" | tail -1) (all of it in $into/apt.log)"
    printf '%s\n' "$into"/deb/*.deb | xargs -P "$(nproc)" -n 1 sh -c 'dpkg-deb -x "$1" "$0"' "$into/root" || die "dpkg-deb failed in $into"
    rm -rf "$into/deb" "$into/apt"
    touch "$into/complete"
  fi
  exec 8>&-
}

ROOT=
use_packages() { # directory
  local lib
  ROOT=$1/root
  lib=$(cd "$ROOT/usr/lib" && echo ./*-linux-gnu | head -1)
  LIBRARIES=$ROOT/usr/lib/${lib#./}
  export PATH="$ROOT/usr/bin:$PATH" PYTHONPATH="$ROOT/usr/lib/python3/dist-packages"
  export LD_LIBRARY_PATH="$LIBRARIES:$LIBRARIES/ceph:$ROOT/usr/lib/ceph:$ROOT/lib/${lib#./}"
}

if missing; then
  command -v apt-get >/dev/null || die "ceph-mon, ceph-osd, radosgw or openssl is not installed, and apt-get is missing"
  if [ "$(id -u)" = 0 ]; then
    install_packages
  else
    unpack_packages "$CACHE"
    use_packages "$CACHE"
  fi
fi
# the packages' tool needs the system's own Python; another `python3` may come first in PATH
if ! missing && [ -x /usr/bin/python3 ]; then PYTHON=/usr/bin/python3; else PYTHON=$(command -v python3) || die "python3 is not installed"; fi
missing && die "the packages are installed, but one of $TOOLS is missing"

# ---- ports and names ---------------------------------------------------------------------------
ACCESS_KEY=${GATEWAY_ACCESS_KEY:-TESTERACCESSKEY00001}
SECRET=${GATEWAY_SECRET:-testerSecretKey0000000000000000000000001}
OTHER_ACCESS_KEY=${GATEWAY_OTHER_ACCESS_KEY:-OTHERACCESSKEY000002}
OTHER_SECRET=${GATEWAY_OTHER_SECRET:-otherSecretKey00000000000000000000000002}
STORE=${GATEWAY_STORE:-memstore}
SIZE_BYTES=$((${GATEWAY_SIZE_GB:-12} << 30))
GC_WAIT=${GATEWAY_GC_WAIT:-5}

# below the range from which Linux takes the ports of outgoing connections
three_free_ports() {
  local port
  for ((port = $1; port < $1 + 3; port++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && return 1
  done
  return 0
}
# Two processes may test a port at the same moment: the lock on its number makes one of them draw another port.
while :; do
  PORT=$((20000 + RANDOM % 3300 * 3))
  exec 9>"/tmp/.cache-s3-gateway-port-$PORT.$(id -u)"
  flock -n 9 && three_free_ports $PORT && break
done
TLS_PORT=$((PORT + 1)) MON_PORT=$((PORT + 2))

# ---- a fresh cluster ---------------------------------------------------------------------------
unset CEPH_CONF CEPH_ARGS CEPH_KEYRING || true
umask 022
mkdir -p "$DIR"/{run,log,crash,osd.0,rgw}
touch "$DIR/.throw-away"
CONF=$DIR/ceph.conf LOG=$DIR/log/start.log
FSID=$(cat /proc/sys/kernel/random/uuid)
OSD_ID=$(cat /proc/sys/kernel/random/uuid)

# also for `localhost`: a client without path style must get a response and not a certificate error
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=localhost \
  -addext "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.localhost,DNS:s3.localhost,DNS:*.s3.localhost" \
  -keyout "$DIR/key.pem" -out "$DIR/cert.pem" 2>>"$LOG" || die "openssl could not make a certificate, see $LOG"

# without tcp_nodelay each small response waits 40 ms for the client's delayed acknowledgement
FRONTEND="beast endpoint=127.0.0.1:$PORT ssl_endpoint=127.0.0.1:$TLS_PORT ssl_certificate=$DIR/cert.pem ssl_private_key=$DIR/key.pem"
FRONTEND+=" tcp_nodelay=1${GATEWAY_FRONTEND:+ $GATEWAY_FRONTEND}"

cat >"$CONF" <<CONF
[global]
fsid = $FSID
mon host = v2:127.0.0.1:$MON_PORT/0
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
run dir = $DIR/run
log file = $DIR/log/\$name.log
admin socket = $DIR/run/\$name.asok
pid file = $DIR/run/\$name.pid
crash dir = $DIR/crash
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon warn on insecure global id reclaim = false
mon warn on insecure global id reclaim allowed = false
$([ -z "$ROOT" ] || printf 'osd class dir = %s\nerasure code dir = %s\nplugin dir = %s\n' "$LIBRARIES"/{rados-classes,ceph/erasure-code,ceph})
[client]
# short-lived tools leave no socket and no pid file
admin socket =
pid file =
log file = $DIR/log/tools.log
client mount timeout = 20
[mon]
mon data = $DIR/mon.\$id
mon cluster log file = $DIR/log/cluster.log
mon data avail warn = 1
mon data avail crit = 1
paxos propose interval = 0.05
paxos min wait = 0.01
[osd]
osd data = $DIR/osd.\$id
osd objectstore = $STORE
memstore device bytes = $SIZE_BYTES
bluestore block size = $SIZE_BYTES
osd scrub min interval = 31536000
osd scrub max interval = 31536000
osd deep scrub interval = 31536000
$(tr ';' '\n' <<<"${GATEWAY_OSD-}")
[client.rgw.a]
admin socket = $DIR/run/\$name.asok
pid file = $DIR/run/\$name.pid
log file = $DIR/log/\$name.log
# the gateway requires a secure connection to the monitor, which needs authentication, and would hang for 300 s
ms mon client mode = crc
rgw data = $DIR/rgw
rgw frontends = $FRONTEND
rgw dns name = s3.localhost
rgw thread pool size = 64
rgw gc obj min wait = $GC_WAIT
rgw gc processor period = $GC_WAIT
rgw gc processor max time = 5
$(tr ';' '\n' <<<"${GATEWAY_RGW-}")
CONF

# the commands return when the daemons are ready
start() { # name command...
  local name=$1
  shift
  timeout 60 "$@" >>"$LOG" 2>&1 </dev/null 9>&- || {
    tail -5 "$LOG" "$DIR/log/$name.log" >&2 2>/dev/null || true
    "$(dirname "$0")/down.sh" "$DIR" --keep
    die "$name did not start, see $DIR/log"
  }
}
tool() { # what command...
  local what=$1
  shift
  timeout 60 "$@" >>"$LOG" 2>&1 </dev/null 9>&- || {
    "$(dirname "$0")/down.sh" "$DIR" --keep
    die "$what failed: $(tail -1 "$LOG")"
  }
}

tool monmaptool monmaptool --create --clobber --addv a "v2:127.0.0.1:$MON_PORT/0" --fsid "$FSID" "$DIR/monmap"
tool "ceph-mon --mkfs" ceph-mon -c "$CONF" --mkfs -i a --monmap "$DIR/monmap"
start mon.a ceph-mon -c "$CONF" -i a
tool "ceph osd new" "$PYTHON" "$(command -v ceph)" -c "$CONF" osd new "$OSD_ID"
tool "ceph-osd --mkfs" ceph-osd -c "$CONF" -i 0 --mkfs --osd-uuid "$OSD_ID"
# by default glibc's malloc keeps the memory of deleted objects
start osd.0 env MALLOC_MMAP_THRESHOLD_=262144 MALLOC_TRIM_THRESHOLD_=1048576 ceph-osd -c "$CONF" -i 0
# the first radosgw-admin creates the zone and its pools, which the gateway needs
tool "the first user" radosgw-admin -c "$CONF" user create --uid=tester --display-name=tester \
  --access-key="$ACCESS_KEY" --secret-key="$SECRET" --max-buckets=0
tool "the second user" radosgw-admin -c "$CONF" user create --uid=other --display-name=other \
  --access-key="$OTHER_ACCESS_KEY" --secret-key="$OTHER_SECRET" &
SECOND_USER=$!
start client.rgw.a radosgw -c "$CONF" -n client.rgw.a
wait $SECOND_USER || exit 1
# the command returns before the gateway has written its pid
for ((i = 0; i < 200; i++)); do
  [ -s "$DIR/run/client.rgw.a.pid" ] && break
  sleep 0.05
done

for binary in radosgw-admin ceph rados; do # DIRECTORY/radosgw-admin bucket list
  {
    echo '#!/bin/sh'
    [ -z "$ROOT" ] || printf "export PATH='%s' LD_LIBRARY_PATH='%s' PYTHONPATH='%s'\n" "$PATH" "$LD_LIBRARY_PATH" "$PYTHONPATH"
    if [ $binary = ceph ]; then echo "exec $PYTHON $(command -v ceph) -c '$CONF' \"\$@\""; else echo "exec $binary -c '$CONF' \"\$@\""; fi
  } >"$DIR/$binary"
  chmod +x "$DIR/$binary"
done

cat >"$DIR/env.new" <<ENV
ENDPOINT=http://127.0.0.1:$PORT
TLS_ENDPOINT=https://127.0.0.1:$TLS_PORT
CA_FILE=$DIR/cert.pem
REGION=us-east-1
ACCESS_KEY=$ACCESS_KEY
SECRET_KEY=$SECRET
OTHER_ACCESS_KEY=$OTHER_ACCESS_KEY
OTHER_SECRET_KEY=$OTHER_SECRET
RGW_PID=$(cat "$DIR/run/client.rgw.a.pid")
OSD_PID=$(cat "$DIR/run/osd.0.pid")
MON_PID=$(cat "$DIR/run/mon.a.pid")
ENV
mv "$DIR/env.new" "$DIR/env"
rm -f "/tmp/.cache-s3-gateway-port-$PORT.$(id -u)"
