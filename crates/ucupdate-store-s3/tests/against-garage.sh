#!/usr/bin/env bash
# A server on which no store may be kept: Garage ignores the condition that an object must not exist.
#
#   cargo install garage --version 2.5.0 --locked
#   crates/ucupdate-store-s3/tests/against-garage.sh
#
# It listens on ports of loopback, and is ended and removed at the end. What must hold is that opening a store there is refused,
# and that nothing is left behind.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. crates/ucupdate-store-s3/tests/peer.sh

needs garage
build_suite
begin_peer

port=$(free_port)
cat >"$folder/garage.toml" <<TOML
metadata_dir = "$folder/meta"
data_dir = "$folder/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:$(free_port)"
rpc_secret = "$(printf 'a%.0s' {1..64})"
[s3_api]
s3_region = "us-east-1"
api_bind_addr = "127.0.0.1:$port"
TOML
GARAGE_DEFAULT_ACCESS_KEY=GK$(printf 'b%.0s' {1..24})
GARAGE_DEFAULT_SECRET_KEY=$(printf 'c%.0s' {1..64})
export GARAGE_DEFAULT_ACCESS_KEY GARAGE_DEFAULT_SECRET_KEY GARAGE_DEFAULT_BUCKET=ucupdate-test
in_background garage --config "$folder/garage.toml" server --single-node --default-bucket
export UCUPDATE_TEST_S3_ENDPOINT=http://127.0.0.1:$port
export UCUPDATE_TEST_S3_KEY_ID=$GARAGE_DEFAULT_ACCESS_KEY UCUPDATE_TEST_S3_SECRET=$GARAGE_DEFAULT_SECRET_KEY
list() {
  local of_nothing=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  curl -sSf --aws-sigv4 aws:amz:us-east-1:s3 -H "x-amz-content-sha256: $of_nothing" --user "$UCUPDATE_TEST_S3_KEY_ID:$UCUPDATE_TEST_S3_SECRET" \
    "$UCUPDATE_TEST_S3_ENDPOINT/ucupdate-test?list-type=2"
}
within 60 "the bucket can be listed" list
export UCUPDATE_TEST_S3_IS_REFUSED=yes
timeout --foreground --kill-after=10 120 "$suite" a_server_that_must_be_refused --nocapture
left=$(list | grep -c '<Key>' || true)
[ "$left" -eq 0 ] || { echo "$left object(s) of the probe are left behind" >&2; exit 1; }
said "Garage $(garage --version | sed 's/^garage \(cargo:\)\{0,1\}\([^ ]*\).*/\2/') is refused, and nothing is left behind"
