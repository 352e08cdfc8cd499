#!/bin/sh
# Cabinets of other makers against this reader, and cabinets of our builder against other readers.
#
# Makers: gcab, Python's cabarchive, the `cab` crate. Readers: cabextract, gcab, the `cab` crate. A tool that is not
# installed is named and left out; `--all` makes that an error.
#   Debian: apt-get install cabextract gcab      Python: pip install cabarchive
set -eu
cd "$(dirname "$0")/../../.."
missing=""
command -v cabextract >/dev/null || missing="$missing cabextract"
command -v gcab >/dev/null || missing="$missing gcab"
python3 -c "import cabarchive" 2>/dev/null || missing="$missing cabarchive(Python)"
if [ -n "$missing" ]; then
    echo "not installed, left out:$missing" >&2
    [ "${1:-}" = "--all" ] && exit 1
fi
exec cargo test --quiet -p ucupdate-cab --test cabinets -- peers:: --nocapture
