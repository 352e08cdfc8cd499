#!/bin/sh
# Cabinets of other makers against this reader, cabinets of our builder against other readers, and unusual cabinets against
# this reader and others at the same time: what all read is the same, what only others read is listed with the reason.
#
# Makers: gcab, Python's cabarchive, the `cab` crate, and fixtures. Readers: cabextract, 7-Zip, gcab, the `cab` crate. A tool
# that is not installed is named and left out; `--all` makes that an error. CABINETS=FOLDER adds the cabinets of a folder.
#   Debian: apt-get install cabextract gcab p7zip-full      Python: pip install cabarchive
set -eu
cd "$(dirname "$0")/../../.."
missing=""
for tool in cabextract gcab 7z; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
python3 -c "import cabarchive" 2>/dev/null || missing="$missing cabarchive(Python)"
if [ -n "$missing" ]; then
    echo "not installed, left out:$missing" >&2
    [ "${1:-}" = "--all" ] && exit 1
fi
exec cargo test --quiet -p ucupdate-cab --test cabinets -- peers:: differential:: --nocapture
