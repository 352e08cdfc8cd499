#!/usr/bin/env bash
# The conformance suite against Ceph's radosgw, from Debian's packages:
#
#   apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common
#   crates/ucupdate-store-s3/tests/against-radosgw.sh
#
# One monitor, one OSD that keeps all in memory, and the gateway, as whoever calls, on ports of loopback and in a temporary
# folder; all of it is ended and removed at the end. What is said after the name of the script goes to the test harness.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. crates/ucupdate-store-s3/tests/peer.sh

needs ceph-mon ceph-osd ceph ceph-authtool radosgw radosgw-admin monmaptool
build_suite
begin_peer

mon=$(free_port)
gateway=$(free_port)
fsid=$(cat /proc/sys/kernel/random/uuid)
export CEPH_CONF="$folder/ceph.conf"
cat >"$CEPH_CONF" <<CONF
[global]
fsid = $fsid
mon host = v2:127.0.0.1:$mon/0
ms bind ipv6 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = $folder/keyring
run dir = $folder
admin socket = $folder/\$name.asok
log file = $folder/\$name.log
crash dir = $folder
pid file =
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon data avail crit = 1
mon data = $folder/mon
[osd]
osd data = $folder/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
[client]
rgw frontends = beast endpoint=127.0.0.1:$gateway
rgw thread pool size = 64
rgw enable usage log = false
rgw enable gc threads = false
rgw enable lc threads = false
CONF

said "the cluster begins"
monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon]" "$folder/monmap" >/dev/null
mkdir "$folder/mon" "$folder/osd"
ceph-authtool --create-keyring "$folder/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
ceph-authtool "$folder/keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' >/dev/null
ceph-mon --mkfs -i a --monmap "$folder/monmap" --keyring "$folder/keyring"
in_background ceph-mon -f -i a
within 30 "the monitor answers" ceph --connect-timeout 5 mon stat
osd=$(cat /proc/sys/kernel/random/uuid)
ceph osd new "$osd" >/dev/null
ceph auth get-or-create osd.0 mon 'allow profile osd' osd 'allow *' >>"$folder/keyring"
ceph-osd -i 0 --mkfs --osd-uuid "$osd"
in_background ceph-osd -f -i 0
within 60 "the OSD is up" eval 'ceph osd stat | grep -q "1 up"'
radosgw-admin user create --uid=test --display-name=test --access-key=test --secret-key=test-secret >/dev/null
in_background radosgw -f -n client.admin
export UCUPDATE_TEST_S3_ENDPOINT=http://127.0.0.1:$gateway UCUPDATE_TEST_S3_KEY_ID=test UCUPDATE_TEST_S3_SECRET=test-secret
within 60 "the gateway answers" curl -sf -o /dev/null "$UCUPDATE_TEST_S3_ENDPOINT"
make_bucket
run_suite "$(radosgw --version)" "$@"
