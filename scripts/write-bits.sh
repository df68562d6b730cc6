#!/usr/bin/env bash
# Writes test/native/backend/cuda/bits.txt anew, as the computed GPU gives it: for changes that are meant to give other bits.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --build build --target test.backend.cuda.bits
new=$(mktemp)
trap 'rm -f "$new"' EXIT
QUERN_BITS_WRITE=$new build/test.backend.cuda.bits >/dev/null 2>&1 || true # it says what differs from the file before
[ -s "$new" ] || { echo "build/test.backend.cuda.bits wrote nothing" >&2; exit 1; }
cp "$new" test/native/backend/cuda/bits.txt
git diff --stat -- test/native/backend/cuda/bits.txt
