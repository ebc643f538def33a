"""Proves that verify.py can say no: genuine logins and logins with one thing wrong, made with real
keys, from rows that plain SQL has written. Run it with .venv/bin/python after ./setup.

It uses SQLite. KEYFERRY_SELFTEST_DATABASES may name more databases, as URLs with spaces between;
the tables in them are made, and EMPTIED.
"""

import base64
import hashlib
import itertools
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urlsplit

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa

HERE = Path(__file__).parent
FIXTURES = HERE / "../../../fixtures/frameworks/django-otp-webauthn"

UP, UV, BE, BS = 0x01, 0x04, 0x08, 0x10
CREDENTIALS = "django_otp_webauthn_webauthncredential"
TIME = "2026-01-15 12:00:00"


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- a small authenticator


def ec_key(curve, cose_curve, algorithm, digest):
    private = ec.generate_private_key(curve)
    numbers = private.public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    cose = {1: 2, 3: algorithm, -1: cose_curve, -2: numbers.x.to_bytes(size), -3: numbers.y.to_bytes(size)}
    return cose, lambda data: private.sign(data, ec.ECDSA(digest))


def ed25519_key(algorithm=-8):
    private = ed25519.Ed25519PrivateKey.generate()
    return {1: 1, 3: algorithm, -1: 6, -2: private.public_key().public_bytes_raw()}, private.sign


def ml_dsa_key(kind, algorithm):
    private = kind.generate()
    return {1: 7, 3: algorithm, -1: private.public_key().public_bytes_raw()}, private.sign


RSA = {}


def rsa_key(algorithm, digest, bits=2048, exponent=65537, salt=None):
    if (bits, exponent) not in RSA:
        RSA[bits, exponent] = rsa.generate_private_key(exponent, bits)
    private = RSA[bits, exponent]
    n = private.public_key().public_numbers().n
    cose = {1: 3, 3: algorithm, -1: n.to_bytes(bits // 8), -2: exponent.to_bytes((exponent.bit_length() + 7) // 8)}
    pad = padding.PKCS1v15() if salt is None else padding.PSS(padding.MGF1(digest), salt)
    return cose, lambda data: private.sign(data, pad, digest)


SHA1, SHA256, SHA384, SHA512 = (kind() for kind in (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512))
P256, P384, P521, K256 = ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()
DIGEST, LONGEST = padding.PSS.DIGEST_LENGTH, padding.PSS.MAX_LENGTH

COMMON = {
    "ES256": lambda: ec_key(P256, 1, -7, SHA256),
    "EdDSA": ed25519_key,
    "RS256": lambda: rsa_key(-257, SHA256),
}

# Name, key, and why the login is refused ("" = it is not).
ALGORITHMS = [
    ("ES256", COMMON["ES256"], ""),
    ("ES384", lambda: ec_key(P384, 2, -35, SHA384), "422 unsupported_algorithm"),
    ("ES512", lambda: ec_key(P521, 3, -36, SHA512), ""),
    ("ES256K", lambda: ec_key(K256, 8, -47, SHA256), "422 unsupported_ec2_curve"),
    ("ESP256", lambda: ec_key(P256, 1, -9, SHA256), "422 unsupported_algorithm"),
    ("ESP384", lambda: ec_key(P384, 2, -51, SHA384), "422 unsupported_algorithm"),
    ("ESP512", lambda: ec_key(P521, 3, -52, SHA512), "422 unsupported_algorithm"),
    ("-7 with P-384", lambda: ec_key(P384, 2, -7, SHA256), ""),
    ("-36 with P-256", lambda: ec_key(P256, 1, -36, SHA512), ""),
    ("EdDSA", COMMON["EdDSA"], ""),
    ("Ed25519", lambda: ed25519_key(-19), "422 unsupported_public_key"),
    ("RS256", COMMON["RS256"], ""),
    ("RS256 3072", lambda: rsa_key(-257, SHA256, 3072), ""),
    ("RS256 4096", lambda: rsa_key(-257, SHA256, 4096), ""),
    ("RS256 e = 3", lambda: rsa_key(-257, SHA256, exponent=3), ""),
    ("RS384", lambda: rsa_key(-258, SHA384), ""),
    ("RS512", lambda: rsa_key(-259, SHA512), ""),
    ("RS1", lambda: rsa_key(-65535, SHA1), ""),
    ("PS256", lambda: rsa_key(-37, SHA256, salt=DIGEST), ""),
    ("PS384", lambda: rsa_key(-38, SHA384, salt=DIGEST), ""),
    ("PS512", lambda: rsa_key(-39, SHA512, salt=DIGEST), ""),
    ("PS256 4096", lambda: rsa_key(-37, SHA256, 4096, salt=DIGEST), ""),
    ("PS256, longest salt", lambda: rsa_key(-37, SHA256, salt=LONGEST), ""),
    ("PS384, longest salt", lambda: rsa_key(-38, SHA384, salt=LONGEST), ""),
    ("PS512, longest salt", lambda: rsa_key(-39, SHA512, salt=LONGEST), ""),
    ("ML-DSA-44", lambda: ml_dsa_key(mldsa.MLDSA44PrivateKey, -48), ""),
    ("ML-DSA-65", lambda: ml_dsa_key(mldsa.MLDSA65PrivateKey, -49), ""),
    ("ML-DSA-87", lambda: ml_dsa_key(mldsa.MLDSA87PrivateKey, -50), ""),
]


class Passkey:
    """A key and the row that an import would write for it."""

    def __init__(self, make=COMMON["ES256"], user="ana@example.com", credential_id=None, **row):
        cose, self.sign = make()
        self.id = os.urandom(32) if credential_id is None else credential_id
        self.user = user
        self.row = {
            "name": "imported",
            "confirmed": True,
            "credential_type": "public-key",
            "credential_id": self.id,
            "public_key": cbor2.dumps(cose),
            "transports": '["internal","hybrid"]',
            "sign_count": 7,
            "backup_eligible": True,
            "backup_state": True,
            "created_at": TIME,
            "last_used_at": None,
            "aaguid": "00000000-0000-0000-0000-000000000000",
            "credential_id_sha256": hashlib.sha256(self.id).hexdigest(),
            "discoverable": None,
            **row,
        }

    def login(self, **changes):
        """One line of an assertions file; `changes` name what differs from a genuine login."""
        is_ = {
            "user": self.user,
            "rp_id": "example.com",
            "signed_rp_id": "example.com",
            "origin": "https://example.com",
            "signed_origin": "https://example.com",
            "challenge": b64url(b"challenge"),
            "signed_challenge": b64url(b"challenge"),
            "type": "webauthn.get",
            "flags": UP | UV | BE | BS,
            "counter": self.row["sign_count"] + 1,
            "id": b64url(self.id),
            "raw_id": changes.get("id", b64url(self.id)),
            "credential_id": b64url(self.id),
            "user_handle": b64url(b"handle of ana"),
            "sign": self.sign,
            **changes,
        }
        authenticator_data = sha256(is_["signed_rp_id"].encode()) + bytes([is_["flags"]]) + is_["counter"].to_bytes(4)
        client_data = {
            "type": is_["type"],
            "challenge": is_["signed_challenge"],
            "origin": is_["signed_origin"],
            "crossOrigin": False,
        }
        client_data_json = json.dumps(client_data).encode()
        response = {
            "authenticatorData": b64url(authenticator_data),
            "clientDataJSON": b64url(client_data_json),
            "signature": b64url(is_["sign"](authenticator_data + sha256(client_data_json))),
        }
        if is_["user_handle"]:
            response["userHandle"] = is_["user_handle"]
        return {
            "credentialId": is_["credential_id"],
            "user": is_["user"],
            "rpId": is_["rp_id"],
            "origin": is_["origin"],
            "challenge": is_["challenge"],
            "response": {
                "id": is_["id"],
                "rawId": is_["raw_id"],
                "type": "public-key",
                "clientExtensionResults": {},
                "response": response,
            },
        }


# ---- the databases and the program

folder = tempfile.TemporaryDirectory(prefix="keyferry-login-")
names = itertools.count()


def write(content):
    path = Path(folder.name, f"{next(names)}.txt")
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def json_lines(values):
    return "".join(json.dumps(value) + "\n" for value in values)


def run(*arguments):
    return subprocess.run([sys.executable, HERE / "verify.py", *arguments], capture_output=True, encoding="utf-8")


def connect(url):
    if url.startswith("sqlite:"):
        return sqlite3.connect(url.removeprefix("sqlite:"))
    parts = urlsplit(url)
    where = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password or ""}
    if parts.scheme == "mysql":
        import pymysql

        return pymysql.connect(database=parts.path[1:], charset="utf8mb4", **where)
    import psycopg

    return psycopg.connect(dbname=parts.path[1:], **where)


class Database(unittest.TestCase):
    url = None

    @classmethod
    def setUpClass(cls):
        done = run("--migrate", cls.url)
        assert done.returncode == 0, done.stderr

    def setUp(self):
        self.connection = connect(self.url)
        self.addCleanup(self.connection.close)
        self.empty()

    def empty(self):
        for table in ("webauthnattestation", "webauthncredential", "webauthnuserhandle"):
            self.execute(f"DELETE FROM django_otp_webauthn_{table}")
        self.execute("DELETE FROM auth_user")
        self.connection.commit()

    def execute(self, statement, values=()):
        cursor = self.connection.cursor()
        mark = "?" if self.url.startswith("sqlite:") else "%s"
        cursor.execute(statement.replace("?", mark), values)
        return cursor

    def rows(self, statement, values=()):
        found = self.execute(statement, values).fetchall()
        self.connection.commit()  # PostgreSQL and MariaDB show a new state to a new transaction only
        return found

    def make_users(self, users):
        done = run("--users", self.url, write("".join(f"{user}\n" for user in users)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def store(self, passkeys):
        self.make_users(sorted({passkey.user for passkey in passkeys}))
        ids = dict(self.rows("SELECT username, id FROM auth_user"))
        for passkey in passkeys:
            row = {**passkey.row, "user_id": ids[passkey.user]}
            marks = ", ".join("?" * len(row))
            self.execute(f"INSERT INTO {CREDENTIALS} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        self.connection.commit()

    def verdicts(self, lines):
        done = run(self.url, write(json_lines(lines)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        judged = [json.loads(line) for line in done.stdout.splitlines()]
        named = [line.get("credentialId") if isinstance(line, dict) else None for line in lines]
        self.assertEqual([one["credentialId"] for one in judged], named)
        return judged

    def check(self, judged, what, verdict, detail, user):
        self.assertEqual(judged["verdict"], verdict, f"{what}: {judged['detail']}")
        self.assertRegex(judged["detail"], f"^{detail}" if detail else "^$", what)
        self.assertEqual(judged["user"], user, what)


# ---- what verifies and what does not


class Logins:
    def test_only_the_genuine_login_verifies(self):
        for kind, make in COMMON.items():
            with self.subTest(kind):
                self.empty()
                self.only_the_genuine_login_verifies(make)

    def only_the_genuine_login_verifies(self, make):
        passkey = Passkey(make)
        other = Passkey(make, user="bob@example.com")
        # A signature that is well formed but for other bytes, and one by another key.
        other_key = make if make is not COMMON["RS256"] else lambda: rsa_key(-257, SHA256, exponent=3)
        other_bytes, by_other = (lambda _: passkey.sign(b"other bytes")), other_key()[1]
        refused = "422 invalid_authentication_response: "
        cases = [
            ("genuine", {}, "ok", ""),
            ("no user handle", {"user_handle": None}, "ok", ""),
            ("another user handle", {"user_handle": b64url(b"handle of bob")}, "ok", ""),
            ("not backed up", {"flags": UP | UV | BE}, "ok", ""),
            ("not eligible any more", {"flags": UP | UV}, "ok", ""),
            ("wrong signature", {"sign": other_bytes}, "failed", refused + "Could not verify"),
            ("other key", {"sign": by_other}, "failed", refused + "Could not verify"),
            ("counter equal", {"counter": 7}, "failed", refused + "Response sign count of 7"),
            ("counter lower", {"counter": 6}, "failed", refused + "Response sign count of 6"),
            ("counter gone back to 0", {"counter": 0}, "failed", refused + "Response sign count of 0"),
            ("BS without BE", {"flags": UP | UV | BS}, "failed", "422 invalid_backup_flags"),
            ("user not verified", {"flags": UP | BE | BS}, "failed", refused + "User verification is required"),
            ("user not present", {"flags": UV | BE | BS}, "failed", refused + "User was not present"),
            ("wrong origin", {"signed_origin": "https://example.net"}, "failed", refused + "Unexpected client data"),
            ("wrong origin expected", {"origin": "https://example.net"}, "failed", refused + "Unexpected client data"),
            ("wrong RP ID", {"signed_rp_id": "example.net"}, "failed", refused + "Unexpected RP ID hash"),
            ("wrong RP ID expected", {"rp_id": "example.net"}, "failed", refused + "Unexpected RP ID hash"),
            ("wrong challenge", {"signed_challenge": b64url(b"another")}, "failed", refused + "Client data challenge"),
            ("a registration", {"type": "webauthn.create"}, "failed", refused + "Unexpected client data type"),
            ("two ids", {"id": b64url(other.id), "raw_id": b64url(passkey.id)}, "failed", refused + "id and raw_id"),
            ("unknown id", {"id": b64url(b"unknown")}, "not-found", "404 credential_not_found"),
            ("genuine again, counters are not kept", {}, "ok", ""),
        ]
        self.store([other, passkey])
        for (what, _, verdict, detail), judged in zip(
            cases, self.verdicts([passkey.login(**changes) for _, changes, *_ in cases]), strict=True
        ):
            self.check(judged, what, verdict, detail, passkey.user if verdict == "ok" else None)

    def test_algorithms(self):
        passkeys = [Passkey(make) for _, make, _ in ALGORITHMS]
        self.store(passkeys)
        judged = self.verdicts([passkey.login() for passkey in passkeys])
        for (name, _, detail), one in zip(ALGORITHMS, judged, strict=True):
            with self.subTest(name):
                self.check(one, name, "failed" if detail else "ok", detail, None if detail else "ana@example.com")

    def test_the_stored_key_is_the_one_that_counts(self):
        for kind, make in COMMON.items():
            passkey, other = Passkey(make), Passkey()
            swapped = Passkey(make)
            swapped.row["public_key"] = other.row["public_key"]
            changed = bytearray(passkey.row["public_key"])
            changed[-20 if kind != "RS256" else 40] ^= 1
            passkey.row["public_key"] = bytes(changed)
            self.empty()
            self.store([passkey, swapped])
            for judged in self.verdicts([passkey.login(), swapped.login()]):
                self.assertEqual(judged["verdict"], "failed", kind)

    def test_rows(self):
        """What a row may be, and what it may not."""
        upper = Passkey()
        upper.row["credential_id_sha256"] = upper.row["credential_id_sha256"].upper()
        insensitive = self.url.startswith("mysql:")  # the collation of the column
        cases = [
            ("not confirmed", Passkey(confirmed=False), "failed", "403 credential_disabled"),
            ("hash of another id", Passkey(credential_id_sha256="0" * 64), "not-found", "404"),
            ("hash in upper case", upper, "ok" if insensitive else "not-found", "" if insensitive else "404"),
            ("another credential_id", Passkey(), "ok", ""),
            ("id of 1 byte", Passkey(credential_id=b"\x00"), "ok", ""),
            ("id of 1023 bytes", Passkey(credential_id=os.urandom(1023)), "ok", ""),
            ("counter 0", Passkey(sign_count=0), "ok", ""),
            ("BE false", Passkey(backup_eligible=False, backup_state=False), "ok", ""),
            ("unknown transport", Passkey(transports='["teleport", "usb"]'), "ok", ""),
            ("no transports", Passkey(transports="[]"), "ok", ""),
            ("transports null", Passkey(transports="null"), "ok", ""),
            ("least text", Passkey(name="", aaguid="", credential_type=""), "ok", ""),
            ("times", Passkey(created_at=None, last_used_at=TIME), "ok", ""),
            ("bytes after the key", Passkey(), "ok", ""),
            ("empty key", Passkey(public_key=b""), "failed", "500 IndexError"),
            ("key as text", Passkey(), "failed", "500 UnsupportedPublicKeyType"),
        ]
        by_name = {what: passkey for what, passkey, *_ in cases}
        by_name["another credential_id"].row["credential_id"] = b"not the id"  # only the hash is looked up
        by_name["bytes after the key"].row["public_key"] += b"\x00"
        by_name["key as text"].row["public_key"] = b64url(by_name["key as text"].row["public_key"]).encode()
        self.store([passkey for _, passkey, *_ in cases])
        judged = self.verdicts([passkey.login() for _, passkey, *_ in cases])
        for (what, passkey, verdict, detail), one in zip(cases, judged, strict=True):
            with self.subTest(what):
                self.check(one, what, verdict, detail, passkey.user if verdict == "ok" else None)

    def test_an_inactive_user_is_refused(self):
        passkey = Passkey()
        self.store([passkey])
        self.execute("UPDATE auth_user SET is_active = ?", [False])
        self.connection.commit()
        [judged] = self.verdicts([passkey.login()])
        self.check(judged, "inactive", "failed", "403 user_disabled", None)

    def test_counters(self):
        signed = self.url.startswith("postgres")  # the column, of 32 bits
        too_large = ("failed", "500 DataError") if signed else ("ok", "")
        low = "422 invalid_authentication_response: Response sign count"
        top = 2**31 - 1
        cases = [
            (0, 0, "ok", ""),
            (0, 1, "ok", ""),
            (0, top, "ok", ""),
            (0, top + 1, *too_large),
            (0, 2**32 - 1, *too_large),
            (1, 0, "failed", low),
            (top - 1, top, "ok", ""),
            (top, top, "failed", low),
            (top, top + 1, *too_large),
        ]
        if not signed:
            cases += [
                (top + 1, top + 1, "failed", low),
                (2**32 - 2, 2**32 - 1, "ok", ""),
                (2**32 - 1, 2**32 - 1, "failed", low),
            ]
        passkeys = [Passkey(sign_count=stored) for stored, *_ in cases]
        self.store(passkeys)
        lines = [passkey.login(counter=case[1]) for passkey, case in zip(passkeys, cases)]
        # Once more after each, so that a crash of the view leaves the next line alone.
        judged = self.verdicts([line for line in lines for _ in range(2)])
        for case, one in zip((case for case in cases for _ in range(2)), judged, strict=True):
            stored, presented, verdict, detail = case
            user = "ana@example.com" if verdict == "ok" else None
            self.check(one, f"stored {stored}, presented {presented}", verdict, detail, user)

    def test_nothing_is_kept(self):
        passkeys = [Passkey(), Passkey(confirmed=False)]
        self.store(passkeys)
        tables = [f"SELECT * FROM {table} ORDER BY id" for table in (CREDENTIALS, "auth_user")]
        before = [self.rows(table) for table in tables]
        self.verdicts([passkey.login(flags=UP | UV | BE) for passkey in passkeys])
        self.assertEqual([self.rows(table) for table in tables], before)

    def test_the_user_of_the_row_is_the_one_who_logs_in(self):
        passkey = Passkey()
        self.store([passkey, Passkey(user="bob@example.com")])
        [judged] = self.verdicts([passkey.login(user="bob@example.com")])
        self.check(judged, "another user", "failed", "another user is logged in", "ana@example.com")

    def test_usernames_of_any_text(self):
        users = ["7", " ana ", "Ана", "安娜 \u2028 李", "e\u0301", "🍣", "x" * 150, "a\\b'c\"%s?"]
        passkeys = [Passkey(user=user) for user in users]
        self.store(passkeys)
        self.assertEqual(sorted(name for [name] in self.rows("SELECT username FROM auth_user")), sorted(users))
        for user, judged in zip(users, self.verdicts([passkey.login() for passkey in passkeys]), strict=True):
            self.check(judged, user, "ok", "", user)

    def test_a_line_that_cannot_be_judged_is_an_error(self):
        passkey, other = Passkey(), Passkey()
        self.store([passkey, other])
        genuine = passkey.login()
        lines = [
            *[{key: value for key, value in genuine.items() if key != field} for field in genuine],
            {**genuine, "response": {}},
            # Genuine, but about another credential than the line says.
            passkey.login(credential_id=b64url(other.id)),
            7,
            None,
            genuine,
        ]
        self.assertEqual([one["verdict"] for one in self.verdicts(lines)], ["error"] * (len(lines) - 1) + ["ok"])

    def test_many_lines_keep_their_order(self):
        passkeys = [Passkey(COMMON["EdDSA"], user=f"user{number}") for number in range(20)]
        self.store(passkeys)
        cases = [(passkeys[number * 7 % 20], number % 3) for number in range(600)]
        wrong = {"sign": lambda _: bytes(64)}
        judged = self.verdicts([passkey.login(**({} if good else wrong)) for passkey, good in cases])
        self.assertEqual([one["verdict"] for one in judged], ["ok" if good else "failed" for _, good in cases])


class OnSqlite(Logins, Database):
    url = f"sqlite:{folder.name}/django.db"

    def test_the_fixture_is_what_the_migrations_make(self):
        fixture = sqlite3.connect(":memory:")
        fixture.executescript((FIXTURES / "sqlite.sql").read_text())
        query = "SELECT name, sql FROM sqlite_schema WHERE tbl_name = 'auth_user' OR tbl_name LIKE 'django_otp_%'"
        found = dict(fixture.execute(query))
        fixture.close()
        self.assertIn(CREDENTIALS, found)
        self.assertEqual(found, dict(self.rows(query)))

    def test_input_that_cannot_be_read_exits_with_2_and_says_why(self):
        passkey = Passkey()
        self.store([passkey])
        line = json_lines([passkey.login()])
        empty = f"sqlite:{write(b'')}"
        cases = [
            ([self.url], "usage"),
            ([], "usage"),
            (["--migrate"], "usage"),
            (["--users", self.url], "usage"),
            (["oracle://a@b/c", write(line)], "DATABASE_URL"),
            (["postgres://nobody@127.0.0.1:1/none", write(line)], "the database: "),
            (["mysql://nobody@127.0.0.1:1/none", write(line)], "the database: "),
            ([f"sqlite:{folder.name}/absent.db", write(line)], "absent.db: no such file"),
            ([f"sqlite:{write(b'no database' * 99)}", write(line)], "the database: "),
            ([empty, write(line)], "the database: no such table"),
            ([self.url, f"{folder.name}/absent.jsonl"], "absent.jsonl"),
            ([self.url, write('{"credentialId":')], "line 1"),
            ([self.url, write(b'"\xff"\n')], "utf-8"),
            (["--users", self.url, write("new\nana@example.com\n")], "the database: UNIQUE"),
        ]
        for arguments, message in cases:
            with self.subTest(message):
                done = run(*arguments)
                self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
                self.assertRegex(done.stderr, re.escape(message))
                self.assertNotIn("Traceback", done.stderr)
        self.assertEqual(self.rows("SELECT username FROM auth_user"), [("ana@example.com",)])
        self.assertFalse(Path(folder.name, "absent.db").exists())


for url in os.environ.get("KEYFERRY_SELFTEST_DATABASES", "").split():
    name = f"On{url.partition(':')[0].capitalize()}"
    globals()[name] = type(name, (Logins, Database), {"url": url, "__module__": __name__})

if __name__ == "__main__":
    unittest.main()
