#!/usr/bin/env bash
# Measures keyferry against what people would use instead, on the same generated export, in pairs, and prints a table.
#
#   benches/whole.sh [--rows 1000000] [--rounds 5] [--only WORK,WORK] [--large] [--list] [--out FILE]
#
# A peer that cannot run here makes its work FAILED; scripts/setup-databases installs the servers.
set -euo pipefail
cd "$(dirname "$0")/.."

# The command alone, as it is shipped: the features of what measures it must not get into it.
cargo build --release --locked --quiet --package keyferry
cargo build --release --locked --quiet --package keyferry-peers --package keyferry-whole

# As an application's server: waits for the disk, and has the memory that both have by default.
unset KEYFERRY_DATABASE_FAST
export KEYFERRY_DATABASE_MEMORY=128M
exec "${CARGO_TARGET_DIR:-target}/release/keyferry-whole" "$@"
