"""Loads the passkeys that `keyferry` wrote for the target `py-webauthn:passkeys.json` and logs them
in with py_webauthn.

    python load.py passkeys.json                     how many passkeys, of how many users
    python load.py passkeys.json assertions.jsonl    and how many of these logins verify
"""

import base64
import json
import sys
from dataclasses import dataclass, replace

from webauthn import verify_authentication_response
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.structs import AuthenticatorTransport, CredentialDeviceType, PublicKeyCredentialDescriptor


class UnknownPasskey(Exception):
    """No loaded passkey has the id of this login."""


class Refused(Exception):
    """The login is not genuine."""


@dataclass(frozen=True)
class Passkey:
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[AuthenticatorTransport] | None
    device_type: CredentialDeviceType | None
    backed_up: bool | None
    user: str
    user_handle: bytes | None

    def descriptor(self):
        """What `generate_authentication_options(allow_credentials=[...])` takes."""
        return PublicKeyCredentialDescriptor(id=self.credential_id, transports=self.transports)


def load_passkeys(path):
    """Reads a records file (a JSON array; JSON Lines if the name ends in `.jsonl`) into a dict, by the
    id that browsers send. Raises ValueError on the first malformed or repeated record, counted from 1."""
    passkeys = {}
    for number, record in enumerate(_records(path), 1):
        try:
            passkey = _passkey(json.loads(record) if isinstance(record, bytes) else record)
            key = _base64url(passkey.credential_id)
            if key in passkeys:
                raise ValueError(f"the credential id {key} appeared before")
        except ValueError as error:
            raise ValueError(f"{path}: record {number}: {error}") from error
        passkeys[key] = passkey
    return passkeys


def passkeys_of(passkeys, user):
    """The passkeys of one account."""
    return [passkey for passkey in passkeys.values() if passkey.user == user]


def check_login(passkeys, response, *, challenge, origin, rp_id):
    """Checks one login: `response` is what the browser sent, as a dict, and `challenge` the bytes that it
    was asked to sign. Returns the passkey and what the library found; store its `new_sign_count` as the
    `sign_count` of the passkey. Raises for a login that is not genuine.

    The lookup by id is what binds the login to an account: the library looks up nothing, and does not
    compare the user handle."""
    id = response.get("id")
    passkey = passkeys.get(id) if isinstance(id, str) else None
    if passkey is None:
        raise UnknownPasskey(f"no passkey has the id {id}")
    try:
        handle = response["response"].get("userHandle")
        if handle and passkey.user_handle and base64url_to_bytes(handle) != passkey.user_handle:
            raise Refused("the user handle is not the one of this passkey")
        found = verify_authentication_response(
            credential=response,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except Refused:
        raise
    # A key or a response that the library cannot use raises whatever its parsers raise, not one class of its own.
    except Exception as error:
        raise Refused(f"{type(error).__name__}: {error}") from error
    return passkey, found


def lines_of(path):
    """The lines of a file, without blank ones. Only a line feed ends a line."""
    with open(path, "rb") as file:
        yield from (line for line in file if line.strip())


def _records(path):
    if str(path).endswith(".jsonl"):
        yield from lines_of(path)
        return
    with open(path, "rb") as file:
        try:
            array = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    if not isinstance(array, list):
        raise ValueError(f"{path}: not a JSON array")
    yield from array


def _passkey(record):
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")

    def is_optional(field, kind):
        return record.get(field) is None or isinstance(record[field], kind)

    _check(isinstance(record.get("user"), str) and record["user"], "user", "text")
    # A bool is an int, too.
    count = record.get("sign_count")
    _check(type(count) is int and 0 <= count < 2**32, "sign_count", "0 to 4294967295")
    _check(is_optional("transports", list), "transports", "an array")
    _check(is_optional("backed_up", bool), "backed_up", "true or false")
    transports, device_type = record.get("transports"), record.get("device_type")
    return Passkey(
        credential_id=_bytes(record, "credential_id"),
        public_key=_bytes(record, "public_key"),
        sign_count=count,
        transports=None if transports is None else [AuthenticatorTransport(value) for value in transports],
        device_type=None if device_type is None else CredentialDeviceType(device_type),
        backed_up=record.get("backed_up"),
        user=record["user"],
        user_handle=None if record.get("user_handle") is None else _bytes(record, "user_handle"),
    )


def _bytes(record, field):
    """The bytes of unpadded base64url, in the one spelling that each value has."""
    text = record.get(field)
    _check(isinstance(text, str) and text and text.isascii(), field, "base64url without padding")
    value = base64url_to_bytes(text)
    _check(_base64url(value) == text, field, "base64url without padding")
    return value


def _base64url(value):
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _check(condition, field, form):
    if not condition:
        raise ValueError(f"{field} is not {form}")


def main(records, assertions=None):
    passkeys = load_passkeys(records)
    print(f"passkeys: {len(passkeys)}, users: {len({passkey.user for passkey in passkeys.values()})}")
    if assertions is None:
        return 0
    ok = refused = unknown = 0
    for text in lines_of(assertions):
        line = json.loads(text)
        challenge = base64url_to_bytes(line["challenge"])
        try:
            passkey, found = check_login(
                passkeys, line["response"], challenge=challenge, origin=line["origin"], rp_id=line["rpId"]
            )
            # What an application stores, so that the same login is good for one time only.
            passkeys[line["response"]["id"]] = replace(
                passkey, sign_count=found.new_sign_count, backed_up=found.credential_backed_up
            )
            ok += 1
        except UnknownPasskey as error:
            unknown += 1
            print(error, file=sys.stderr)
        except Refused as error:
            refused += 1
            print(f"{line['response']['id']}: {error}", file=sys.stderr)
    print(f"logins: {ok} ok, {refused} refused, {unknown} unknown")
    return 1 if refused or unknown else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python load.py passkeys.json [assertions.jsonl]")
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError, KeyError) as error:
        print(error, file=sys.stderr)
        sys.exit(2)
