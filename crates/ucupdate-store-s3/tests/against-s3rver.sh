#!/usr/bin/env bash
# A server on which no store may be kept: s3rver, from npm, writes over an object that it was told not to write over.
#
#   crates/ucupdate-store-s3/tests/against-s3rver.sh
#
# It is put into the temporary folder by npm, listens on a port of loopback, and is ended and removed at the end. What must
# hold is that opening a store there is refused, and that nothing is left behind.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. crates/ucupdate-store-s3/tests/peer.sh

needs node npm
build_suite
begin_peer

said "s3rver is fetched"
timeout 300 npm --silent --no-audit --no-fund --prefix "$folder" install s3rver@3 >/dev/null
mkdir "$folder/buckets"
port=$(free_port)
in_background "$folder/node_modules/.bin/s3rver" -d "$folder/buckets" -a 127.0.0.1 -p "$port" --configure-bucket ucupdate-test
export UCUPDATE_TEST_S3_ENDPOINT=http://127.0.0.1:$port UCUPDATE_TEST_S3_KEY_ID=S3RVER UCUPDATE_TEST_S3_SECRET=S3RVER
within 60 "s3rver answers" curl -s -o /dev/null "$UCUPDATE_TEST_S3_ENDPOINT"
export UCUPDATE_TEST_S3_IS_REFUSED=yes
timeout --foreground --kill-after=10 120 "$suite" a_server_that_must_be_refused --nocapture
left=$(find "$folder/buckets" -type f -path '*ucupdate-probe*' | wc -l)
[ "$left" -eq 0 ] || { echo "$left file(s) of the probe are left behind" >&2; exit 1; }
version=$(node -p "require('$folder/node_modules/s3rver/package.json').version")
said "s3rver $version is refused, and nothing is left behind"
