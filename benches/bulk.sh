#!/usr/bin/env bash
# A first and a second import of generated rows into each database, beside the database's own bulk load of the same rows
# into the same table, one after the other in each round. Prints medians in rows a second, and the ratio of the times.
#
#   benches/bulk.sh [--rows 1000000] [--rounds 3] [--databases "postgres mysql sqlite"]
#
# What is compared: keyferry reads the .csv.gz twice, checks every key, and decides about every row; the peers load rows
# that are decoded and judged already, from text, in random order, as the rows of an export are:
#   PostgreSQL  psql: \copy FROM a CSV with hex bytea, into the table with its keys and checks
#   MariaDB     mariadb: LOAD DATA LOCAL INFILE, unhex() for the binary columns, into the table with its keys and checks
#   SQLite      sqlite3: .import of a CSV into a table with the same columns, key and indexes, without types and checks,
#               since .import writes texts only: binary columns are hex there
set -euo pipefail
cd "$(dirname "$0")/.."

rows=1000000
rounds=3
databases='postgres mysql sqlite'
while [ $# -gt 0 ]; do
  case $1 in
    --rows) rows=$2 ;;
    --rounds) rounds=$2 ;;
    --databases) databases=$2 ;;
    *) echo "usage: benches/bulk.sh [--rows N] [--rounds N] [--databases LIST]" >&2; exit 2 ;;
  esac
  shift 2
done

work=$(mktemp -d "${TMPDIR:-/tmp}/keyferry-bulk.XXXXXX")
servers=()
cleanup() {
  for descriptor in "${servers[@]}"; do eval "exec $descriptor>&-"; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

cargo build --release --locked --quiet --package keyferry
keyferry=$PWD/target/release/keyferry
"$keyferry" generate --rows "$rows" --seed 1 --out "$work/export.csv.gz" --no-assertions >/dev/null 2>&1

# Starts a server that ends when its standard input does; sets url and socket.
server() {
  local kind=$1 fifo=$work/$1.in out=$work/$1.out descriptor
  mkfifo "$fifo"
  scripts/database "$kind" <"$fifo" >"$out" 2>"$work/$kind.err" &
  exec {descriptor}>"$fifo"
  servers+=("$descriptor")
  until [ "$(wc -l <"$out")" -ge 2 ]; do
    kill -0 $! 2>/dev/null || { cat "$work/$kind.err" >&2; exit 1; }
    sleep 0.2
  done
  url=$(head -n 1 "$out")
  socket=$(grep -o 'socket=[^ ]*' "$out" | cut -d= -f2)
}

# Prints the seconds that a command takes; what it says goes to a file.
seconds() {
  local begin end
  begin=$(date +%s.%N)
  "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; exit 1; }
  end=$(date +%s.%N)
  awk -v begin="$begin" -v end="$end" 'BEGIN { printf "%.2f\n", end - begin }'
}

median() { sort -n "$1" | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

import() { "$keyferry" import "$work/export.csv.gz" --rp-id example.com --to "$1" --json; }

# Columns as text for a bulk load; $1 is the form of a time.
columns() {
  printf '%s' "encode(credential_id, 'hex'), encode(public_key, 'hex'), cose_algorithm, sign_count, transports,
    uv_initialized::int, backup_eligible::int, backup_state::int, encode(aaguid, 'hex'), authenticator_attachment,
    attestation_format, to_char(created_at AT TIME ZONE 'UTC', '$1'), status, user_id, external_user_id,
    encode(user_handle, 'hex'), rp_id, account"
}

report() {
  local name=$1 first second bulk
  first=$(median "$work/$name.first")
  second=$(median "$work/$name.second")
  bulk=$(median "$work/$name.bulk")
  awk -v name="$name" -v rows="$rows" -v first="$first" -v second="$second" -v bulk="$bulk" 'BEGIN {
    printf "%-9s %10.0f %10.0f %10.0f %12.2f %12.2f\n", name, rows / first, rows / second, rows / bulk, first / bulk, second / bulk }'
}

# The rows as every database gets them, in an order that has nothing to do with the index.
server postgres
postgres=$url
import "$postgres" >/dev/null
psql -qX "$postgres" -c "\\copy (SELECT * FROM webauthn_credentials ORDER BY md5(credential_id)) TO '$work/postgres.csv' (FORMAT csv)"
psql -qX "$postgres" -c "\\copy (SELECT $(columns 'YYYY-MM-DD HH24:MI:SS.US' | tr '\n' ' ') FROM webauthn_credentials ORDER BY md5(credential_id)) TO '$work/mysql.tsv'"
psql -qX "$postgres" -c "\\copy (SELECT $(columns 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"' | tr '\n' ' ') FROM webauthn_credentials ORDER BY md5(credential_id)) TO '$work/sqlite.csv' (FORMAT csv)"

printf '%s rows (%s MB as .csv.gz, %s MB as CSV for psql), medians of %s\n' "$rows" \
  "$(($(stat -c %s "$work/export.csv.gz") / 1000000))" "$(($(stat -c %s "$work/postgres.csv") / 1000000))" "$rounds"
printf '%-9s %10s %10s %10s %12s %12s\n' database 'first/s' 'second/s' 'bulk/s' 'first:bulk' 'second:bulk'

empty_postgres() { psql -qX "$postgres" -c 'DROP TABLE IF EXISTS webauthn_credentials' -c CHECKPOINT >/dev/null 2>&1; }
bulk_postgres() { psql -qX "$postgres" -c "\\copy webauthn_credentials FROM '$work/postgres.csv' (FORMAT csv)"; }
run_postgres() {
  empty_postgres
  seconds import "$postgres" >>"$work/postgres.first"
  seconds import "$postgres" >>"$work/postgres.second"
  empty_postgres
  "$keyferry" schema postgres | psql -qX "$postgres" >/dev/null 2>&1
  seconds bulk_postgres >>"$work/postgres.bulk"
}

sql_mysql() { mariadb --socket="$socket" -u keyferry --local-infile=1 keyferry "$@"; }
empty_mysql() { sql_mysql -e 'DROP TABLE IF EXISTS webauthn_credentials'; }
bulk_mysql() {
  sql_mysql -e "SET NAMES utf8mb4; SET time_zone = '+00:00';
    LOAD DATA LOCAL INFILE '$work/mysql.tsv' INTO TABLE webauthn_credentials
    (@id, @pk, cose_algorithm, sign_count, transports, uv_initialized, backup_eligible, backup_state, @aaguid,
     authenticator_attachment, attestation_format, created_at, status, user_id, external_user_id, @handle, rp_id, account)
    SET credential_id = unhex(@id), public_key = unhex(@pk), aaguid = unhex(@aaguid), user_handle = unhex(@handle)"
}
run_mysql() {
  empty_mysql
  seconds import "$mysql" >>"$work/mysql.first"
  seconds import "$mysql" >>"$work/mysql.second"
  empty_mysql
  "$keyferry" schema mysql | sql_mysql
  seconds bulk_mysql >>"$work/mysql.bulk"
}

# The columns, the key and the indexes of our own table; .import writes texts only, so types and checks are left out.
sqlite_peer='CREATE TABLE webauthn_credentials (credential_id PRIMARY KEY NOT NULL, public_key, cose_algorithm, sign_count,
  transports, uv_initialized, backup_eligible, backup_state, aaguid, authenticator_attachment, attestation_format,
  created_at, status, user_id, external_user_id, user_handle, rp_id, account);
CREATE INDEX webauthn_credentials_account ON webauthn_credentials (account);
CREATE INDEX webauthn_credentials_user_handle ON webauthn_credentials (user_handle) WHERE user_handle IS NOT NULL;'
bulk_sqlite() {
  sqlite3 "$work/bulk.db" "$sqlite_peer" 'PRAGMA cache_size = -65536' '.mode csv' \
    ".import $work/sqlite.csv webauthn_credentials"
}
run_sqlite() {
  rm -f "$work"/*.db
  seconds import "sqlite:$work/passkeys.db" >>"$work/sqlite.first"
  seconds import "sqlite:$work/passkeys.db" >>"$work/sqlite.second"
  seconds bulk_sqlite >>"$work/sqlite.bulk"
}

for database in $databases; do
  if [ "$database" = mysql ]; then
    server mysql
    mysql=$url
  fi
  for _ in $(seq "$rounds"); do "run_$database"; done
  report "$database"
done
