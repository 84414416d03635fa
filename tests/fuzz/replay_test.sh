#!/usr/bin/env bash
# Every seed, and every file that a fuzzer once found, through its reader. usage: replay_test.sh REPLAY
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
seeds=$(mktemp -d)
trap 'rm -rf "$seeds"' EXIT
python3 "$here/make_seeds.py" "$seeds" "$1"
"$1" "$seeds" "$here/found"
