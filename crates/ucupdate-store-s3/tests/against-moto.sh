#!/usr/bin/env bash
# The conformance suite against moto, from Python's packages:
#
#   crates/ucupdate-store-s3/tests/against-moto.sh
#
# Where no `moto_server` is installed, one is put into a virtual environment in the temporary folder, by pip. It listens on
# a port of loopback, and is ended and removed at the end. What is said after the name of the script goes to the test harness.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. crates/ucupdate-store-s3/tests/peer.sh

needs python3
build_suite
begin_peer

moto=$(command -v moto_server || true)
if [ -z "$moto" ]; then
  said "moto is fetched"
  python3 -m venv "$folder/venv"
  timeout 300 "$folder/venv/bin/pip" --quiet --disable-pip-version-check install 'moto[server,s3]>=5,<6'
  moto="$folder/venv/bin/moto_server"
fi
port=$(free_port)
in_background "$moto" -H 127.0.0.1 -p "$port"
export UCUPDATE_TEST_S3_ENDPOINT=http://127.0.0.1:$port UCUPDATE_TEST_S3_KEY_ID=test UCUPDATE_TEST_S3_SECRET=test
within 60 "moto answers" curl -sf -o /dev/null "$UCUPDATE_TEST_S3_ENDPOINT"
make_bucket
python=$(dirname "$moto")/python3
[ -x "$python" ] || python=python3
run_suite "moto $("$python" -c 'import moto; print(moto.__version__)' 2>/dev/null || echo 'of no known version')" "$@"
