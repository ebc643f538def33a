"""Judges logins with py_webauthn. Run it with .venv/bin/python after ./setup.

    verify.py RECORDS ASSERTIONS

Judges each line of ASSERTIONS against RECORDS with the loader of examples/py_webauthn, so that the
example is what is proven. Prints one JSON line for each, in the same order:
{"credentialId","verdict","detail","newCounter"}. Verdicts:

    ok         verify_authentication_response returned, user verification required
    failed     the login is refused: wrong signature, user handle, or an error of the library
    not-found  no record has exactly this response.id
    error      the line lacks what a judgement needs, or is about another credential than it says

Every line meets the counters of RECORDS: nothing is updated between lines.
Exit status: 0 all lines judged, 2 an input cannot be read (with a message on standard error).
"""

import json
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the folder of the example stays clean
sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "examples/py_webauthn"))

from load import Refused, UnknownPasskey, check_login, lines_of, load_passkeys  # noqa: E402
from webauthn.helpers import base64url_to_bytes  # noqa: E402

FIELDS = ("credentialId", "challenge", "origin", "rpId")


def judge(passkeys, line):
    line = line if isinstance(line, dict) else {}
    id = line.get("credentialId")

    def verdict(word, detail="", new_counter=None):
        return {"credentialId": id, "verdict": word, "detail": detail, "newCounter": new_counter}

    response = line.get("response")
    response_id = response.get("id") if isinstance(response, dict) else None
    for name, value in [*((name, line.get(name)) for name in FIELDS), ("response.id", response_id)]:
        if not isinstance(value, str) or not value:
            return verdict("error", f"the line has no {name}")
    try:
        challenge = base64url_to_bytes(line["challenge"])
    except ValueError:
        return verdict("error", "challenge is not base64url")
    try:
        _, found = check_login(
            passkeys, response, challenge=challenge, origin=line["origin"], rp_id=line["rpId"]
        )
    except UnknownPasskey:
        return verdict("not-found")
    except Refused as error:
        return verdict("failed", str(error))
    if response_id != id:
        return verdict("error", "response.id is not the credentialId of the line")
    return verdict("ok", "", found.new_sign_count)


def main(records, assertions):
    passkeys = load_passkeys(records)
    for number, text in enumerate(lines_of(assertions), 1):
        try:
            line = json.loads(text)
        except ValueError as error:
            raise ValueError(f"{assertions}: assertion {number}: {error}") from error
        print(json.dumps(judge(passkeys, line)))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: verify.py RECORDS ASSERTIONS", file=sys.stderr)
        sys.exit(2)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError) as error:
        sys.stdout.flush()
        print(error, file=sys.stderr)
        sys.exit(2)
