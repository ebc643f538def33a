#!/usr/bin/env bash
# Proves that Verify can say no, and that the examples work by themselves. Prints how many tests passed and failed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
examples=$here/../../../examples
"$here/build"
fail() { echo "$*" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
java -cp "$here/target/classes:$here/target/lib/*" SelfTest "$folder"

# In: the example, its class. Each is built from its own pom.xml, with its own libraries.
try_example() {
  cd "$examples/$1"
  rm -rf target
  mvn -B -q -o process-classes >/dev/null 2>&1 || mvn -B -q process-classes
  expect() {
    local status=0 output
    output=$(java -cp 'target/classes:target/lib/*' "${@:3}" 2>/dev/null) || status=$?
    [ "$status" = "$1" ] && [ "$output" = "$2" ] || fail "the example $3 ends with $status and: $output"
  }
  local loaded='passkeys: 1, users: 1'
  expect 0 "$loaded" "$2" "$folder/$1.json"
  expect 0 "$loaded"$'\n''logins: 1 ok, 0 refused, 0 unknown' "$2" "$folder/$1.json" "$folder/$1-genuine.jsonl"
  expect 1 "$loaded"$'\n''logins: 1 ok, 2 refused, 1 unknown' "$2" "$folder/$1.json" "$folder/$1-all.jsonl"
  expect 1 '' "$2" "$folder/absent.json"
}
(try_example webauthn4j WebAuthn4jPasskeys)
(try_example yubico YubicoPasskeys)

# What is proven must be what is copied: every library of the two examples, and only in their versions.
names() { find "$@" -name '*.jar' ! -name 'slf4j-nop-*' -exec basename {} \; | sort -u; }
diff <(names "$here/target/lib") <(names "$examples"/{webauthn4j,yubico}/target/lib) >&2 ||
  fail "the versions in tests/login/java/pom.xml and in the examples differ: see above"

java -cp "$here/target/classes:$here/target/lib/*" SelfTest
