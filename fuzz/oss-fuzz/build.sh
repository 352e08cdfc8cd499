#!/bin/bash -eu
# Builds every fuzz target into $OUT, each with its seeds and its dictionary. OSS-Fuzz sets $SRC, $OUT and $WORK.

cd "$SRC/ucupdate"
# `-O` with debug assertions: an overflow is a find.
cargo ${FUZZ_TOOLCHAIN:+"+$FUZZ_TOOLCHAIN"} fuzz build -O --debug-assertions

binaries=${CARGO_TARGET_DIR:-fuzz/target}/x86_64-unknown-linux-gnu/release
for file in fuzz/fuzz_targets/*.rs; do
  target=$(basename "$file" .rs)
  cp "$binaries/$target" "$OUT/"
  rm -f "$OUT/${target}_seed_corpus.zip"
  zip -q -j "$OUT/${target}_seed_corpus.zip" "fuzz/corpus/$target"/*
  if [ -e "fuzz/dictionaries/$target.dict" ]; then
    cp "fuzz/dictionaries/$target.dict" "$OUT/"
  fi
  printf '[libfuzzer]\nrss_limit_mb = 2048\ntimeout = 10\nmax_len = 65536\n' >"$OUT/$target.options"
done
