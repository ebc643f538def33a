#!/usr/bin/env bash
# selftest.sh                  on a new SQLite database
# selftest.sh JDBC_URL USER    on an empty database of PostgreSQL or MariaDB, with its password in DB_PASSWORD
#
# Proves that Verify can say no, with the DDL of fixtures/frameworks/spring-security. Prints how many passed and failed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/build"

case "${1:-}" in
  '')
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    set -- "jdbc:sqlite:$folder/passkeys.db" ''
    ddl=sqlite
    ;;
  jdbc:postgresql:*) ddl=postgres ;;
  jdbc:mariadb:*) ddl=mysql ;;
  *)
    echo "no DDL for $1" >&2
    exit 2
    ;;
esac
java -cp "$here/target/classes:$here/target/lib/*" SelfTest \
  "$here/../../../fixtures/frameworks/spring-security/$ddl.sql" "$1" "${2:-}"
