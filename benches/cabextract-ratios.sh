#!/bin/sh
# Reads cabinets of 100 MB with this project's reader and with cabextract, in one run, and prints the ratios.
# Needs cabextract (Debian: apt-get install cabextract) and 200 MB in $TMPDIR. An argument is a file to take the
# content from. Making the LZX cabinet takes about a minute.
set -eu
cd "$(dirname "$0")/.."
command -v cabextract >/dev/null || { echo "cabextract is missing: apt-get install cabextract" >&2; exit 1; }
exec cargo run --release --quiet -p ucupdate-benches --bin cabextract_ratios -- "$@"
