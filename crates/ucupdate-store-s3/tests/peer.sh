# What the scripts beside it share, which start a server that others wrote, run the suite against it and end it. It is read
# by them and does nothing by itself. The root of the workspace is the current folder.

# needs PROGRAM...: ends with 2 where one is not installed.
needs() {
  local program missing=""
  for program in "$@" curl timeout; do
    command -v "$program" >/dev/null || missing="$missing $program"
  done
  if [ -n "$missing" ]; then
    echo "not installed:$missing (the head of this script says where it comes from)" >&2
    exit 2
  fi
}

said() { echo "== $*" >&2; }

# Builds first, so that building is not held against the time the suite may take; $suite is the program.
build_suite() {
  cargo test --quiet --no-run -p ucupdate-store-s3 --test it
  suite=$(cargo test --no-run -p ucupdate-store-s3 --test it 2>&1 | sed -n 's/^ *Executable .*(\(.*\))$/\1/p')
}

# A folder for everything, in $folder, and its end with the script's.
begin_peer() {
  folder=$(mktemp -d)
  started=()
  trap end_peer EXIT
  trap 'exit 130' INT TERM
}

end_peer() {
  local status=$? pid
  trap - EXIT
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  if [ "$status" -ne 0 ]; then
    # Why it did not begin is told by whoever did not.
    for log in "$folder"/*.out "$folder"/client.admin.log; do [ -s "$log" ] && { said "the end of $(basename "$log")"; tail -n 15 "$log" >&2; }; done
  fi
  rm -rf "$folder"
  exit "$status"
}

# in_background COMMAND...: until the script ends. What it says is kept in the folder.
in_background() {
  "$@" >"$folder/$(basename "$1").out" 2>&1 &
  started+=($!)
}

# within SECONDS WHAT COMMAND...: tries until it succeeds.
within() {
  local ends=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    local pid
    for pid in "${started[@]}"; do
      kill -0 "$pid" 2>/dev/null || { echo "a server ended before $what" >&2; exit 1; }
    done
    if [ "$SECONDS" -ge "$ends" ]; then
      echo "waited in vain until $what" >&2
      exit 1
    fi
    sleep 0.2
  done
  said "$what"
}

# A port of loopback that nobody listened at just now.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  echo "no free port" >&2
  return 1
}

make_bucket() {
  local of_nothing=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  curl -sSf -o /dev/null -X PUT --aws-sigv4 "aws:amz:us-east-1:s3" -H "x-amz-content-sha256: $of_nothing" \
    --user "$UCUPDATE_TEST_S3_KEY_ID:$UCUPDATE_TEST_S3_SECRET" "$UCUPDATE_TEST_S3_ENDPOINT/${UCUPDATE_TEST_S3_BUCKET:-ucupdate-test}"
}

# run_suite NAME ARGUMENT...: the cases, on the server that the environment names; ten minutes at most.
run_suite() {
  local name=$1 began=$SECONDS
  shift
  timeout --foreground --kill-after=10 600 "$suite" on_a_real_server "$@"
  said "$name: passed in $((SECONDS - began)) s"
}
