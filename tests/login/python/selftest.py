"""Proves that verify.py can say no: genuine logins and logins with one thing wrong, made with real
keys. Run it with .venv/bin/python after ./setup."""

import base64
import hashlib
import json
import math
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[2] / "examples/py_webauthn"
sys.dont_write_bytecode = True
sys.path.insert(0, str(EXAMPLE))

import load  # noqa: E402
from webauthn import generate_authentication_options, options_to_json  # noqa: E402

UP, UV, BE, BS = 0x01, 0x04, 0x08, 0x10


def b64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- a small authenticator


def ec_key(curve, crv, algorithm, digest):
    private = ec.generate_private_key(curve)
    numbers = private.public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    cose = {1: 2, 3: algorithm, -1: crv, -2: numbers.x.to_bytes(size, "big"), -3: numbers.y.to_bytes(size, "big")}
    return cose, lambda data: private.sign(data, ec.ECDSA(digest))


def okp_key(kind, crv, algorithm=-8):
    private = kind.generate()
    return {1: 1, 3: algorithm, -1: crv, -2: private.public_key().public_bytes_raw()}, private.sign


def rsa_key(algorithm, digest, bits=2048, pss=False):
    private = rsa.generate_private_key(65537, bits)
    n = private.public_key().public_numbers().n
    cose = {1: 3, 3: algorithm, -1: n.to_bytes(bits // 8, "big"), -2: b"\1\0\1"}
    # WebAuthn wants a salt as long as the digest.
    pad = padding.PSS(padding.MGF1(digest), padding.PSS.DIGEST_LENGTH) if pss else padding.PKCS1v15()
    return cose, lambda data: private.sign(data, pad, digest)


def long_exponent_key(bits, exponent_bits):
    """An RS256 key with an exponent that no generator makes, signed with by hand (RFC 8017, 8.2.1)."""
    numbers = rsa.generate_private_key(65537, bits).private_numbers()
    n, phi = numbers.p * numbers.q, (numbers.p - 1) * (numbers.q - 1)
    e = 2 ** (exponent_bits - 1) + 1
    while math.gcd(e, phi) != 1:
        e += 2
    size = bits // 8
    head = bytes.fromhex("3031300d060960864801650304020105000420")

    def sign(data):
        block = head + sha256(data)
        block = b"\0\1" + b"\xff" * (size - 3 - len(block)) + b"\0" + block
        return pow(int.from_bytes(block, "big"), pow(e, -1, phi), n).to_bytes(size, "big")

    return {1: 3, 3: -257, -1: n.to_bytes(size, "big"), -2: e.to_bytes((exponent_bits + 7) // 8, "big")}, sign


SHA1, SHA256, SHA384, SHA512 = (kind() for kind in (hashes.SHA1, hashes.SHA256, hashes.SHA384, hashes.SHA512))
P256, P384, P521, K256 = ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1(), ec.SECP256K1()

# Name, key, and what the refusal says ("" = it logs in).
ALGORITHMS = [
    ("ES256", lambda: ec_key(P256, 1, -7, SHA256), ""),
    ("ES384", lambda: ec_key(P384, 2, -35, SHA384), "UnsupportedAlgorithm"),
    ("ES512", lambda: ec_key(P521, 3, -36, SHA512), ""),
    ("ES256K", lambda: ec_key(K256, 8, -47, SHA256), "UnsupportedEC2Curve"),
    # What keyferry writes with the older identifier, which is why it does.
    ("ESP256", lambda: ec_key(P256, 1, -9, SHA256), "UnsupportedAlgorithm"),
    ("EdDSA", lambda: okp_key(ed25519.Ed25519PrivateKey, 6), ""),
    ("Ed25519, -19", lambda: okp_key(ed25519.Ed25519PrivateKey, 6, -19), "UnsupportedPublicKey"),
    ("EdDSA on Ed448", lambda: okp_key(ed448.Ed448PrivateKey, 7), "UnsupportedPublicKey"),
    ("RS256", lambda: rsa_key(-257, SHA256), ""),
    ("RS256 3072", lambda: rsa_key(-257, SHA256, 3072), ""),
    ("RS256 4096", lambda: rsa_key(-257, SHA256, 4096), ""),
    ("RS384", lambda: rsa_key(-258, SHA384), ""),
    ("RS512", lambda: rsa_key(-259, SHA512), ""),
    ("RS1", lambda: rsa_key(-65535, SHA1), ""),
    ("PS256", lambda: rsa_key(-37, SHA256, pss=True), ""),
    ("PS384", lambda: rsa_key(-38, SHA384, pss=True), ""),
    ("PS512", lambda: rsa_key(-39, SHA512, pss=True), ""),
    ("3072 bits, long exponent", lambda: long_exponent_key(3072, 65), ""),
    ("3080 bits, exponent of 64 bits", lambda: long_exponent_key(3080, 64), ""),
    ("3080 bits, longer exponent", lambda: long_exponent_key(3080, 65), "Could not verify"),
]


class Passkey:
    """A key and the record that keyferry would write for it."""

    made = 0

    def __init__(self, key=None, count=7, **record):
        cose, self.sign = key or ec_key(P256, 1, -7, SHA256)
        Passkey.made += 1
        self.record = {
            "credential_id": b64url(Passkey.made.to_bytes(32, "big")),
            "public_key": b64url(cbor2.dumps(cose)),
            "sign_count": count,
            "transports": ["internal", "hybrid"],
            "device_type": "multi_device",
            "backed_up": True,
            "user": "ana@example.com",
            "user_handle": b64url(b"handle of ana"),
            **record,
        }
        self.record = {name: value for name, value in self.record.items() if value is not None}

    def login(self, **changes):
        """One line of an assertions file; `changes` names what differs from a genuine login."""
        id = self.record["credential_id"]
        is_ = {
            "rp_id": "example.com",
            "signed_rp_id": "example.com",
            "origin": "https://example.com",
            "signed_origin": "https://example.com",
            "challenge": b64url(b"challenge"),
            "signed_challenge": b64url(b"challenge"),
            "type": "webauthn.get",
            "flags": UP | UV | BE | BS,
            "count": self.record["sign_count"] + 1,
            "id": id,
            "credential_id": id,
            "handle": b64url(b"handle of ana"),
            "sign": self.sign,
            **changes,
        }
        data = sha256(is_["signed_rp_id"].encode()) + bytes([is_["flags"]]) + is_["count"].to_bytes(4, "big")
        client = json.dumps(
            {"type": is_["type"], "challenge": is_["signed_challenge"], "origin": is_["signed_origin"]}
        ).encode()
        return {
            "credentialId": is_["credential_id"],
            "rpId": is_["rp_id"],
            "origin": is_["origin"],
            "challenge": is_["challenge"],
            "response": {
                "id": is_["id"],
                "rawId": is_["id"],
                "type": "public-key",
                "clientExtensionResults": {},
                "response": {
                    "authenticatorData": b64url(data),
                    "clientDataJSON": b64url(client),
                    "signature": b64url(is_["sign"](data + sha256(client))),
                    "userHandle": is_["handle"],
                },
            },
        }


class SelfTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def lines(self, name, values):
        return self.write(name, "".join(json.dumps(value) + "\n" for value in values))

    def run_program(self, program, *arguments):
        return subprocess.run([sys.executable, program, *arguments], capture_output=True, text=True)

    def verdicts(self, passkeys, logins):
        records = [passkey.record for passkey in passkeys]
        assertions = self.lines("assertions.jsonl", logins)
        answers = []
        for path in (self.write("r.json", json.dumps(records)), self.lines("r.jsonl", records)):
            done = self.run_program(HERE / "verify.py", path, assertions)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            answers.append([json.loads(line) for line in done.stdout.splitlines()])
        self.assertEqual(*answers, "the two forms of a records file differ")
        self.assertEqual(len(answers[0]), len(logins))
        return answers[0]

    def test_only_the_genuine_login_verifies(self):
        kinds = {
            "ES256": lambda: ec_key(P256, 1, -7, SHA256),
            "EdDSA": lambda: okp_key(ed25519.Ed25519PrivateKey, 6),
            "RS256": lambda: rsa_key(-257, SHA256),
        }
        for kind, key in kinds.items():
            passkey, other = Passkey(key()), Passkey(key())
            other_id = other.record["credential_id"]
            cases = [
                ("genuine", {}, "ok", ""),
                ("no user handle", {"handle": None}, "ok", ""),
                ("not backed up", {"flags": UP | UV | BE}, "ok", ""),
                ("flipped BE, which the library does not compare", {"flags": UP | UV}, "ok", ""),
                ("wrong signature", {"sign": lambda _: passkey.sign(b"other bytes")}, "failed", "Could not verify"),
                ("other key", {"sign": other.sign}, "failed", "Could not verify"),
                ("other id", {"id": other_id, "credential_id": other_id}, "failed", "Could not verify"),
                ("other user's handle", {"handle": b64url(b"handle of bob")}, "failed", "user handle"),
                ("count equal", {"count": 7}, "failed", "not greater"),
                ("count lower", {"count": 6}, "failed", "not greater"),
                ("count gone back to 0", {"count": 0}, "failed", "not greater"),
                ("wrong RP ID", {"signed_rp_id": "example.net"}, "failed", "RP ID hash"),
                ("wrong origin", {"signed_origin": "https://example.net"}, "failed", "origin"),
                ("wrong challenge", {"signed_challenge": b64url(b"another")}, "failed", "challenge"),
                ("a registration", {"type": "webauthn.create"}, "failed", "type"),
                ("BS without BE", {"flags": UP | UV | BS}, "failed", "InvalidBackupFlags"),
                ("user not verified", {"flags": UP | BE | BS}, "failed", "not verified"),
                ("user not present", {"flags": UV | BE | BS}, "failed", "not present"),
                ("padded id", {"id": passkey.record["credential_id"] + "="}, "not-found", ""),
                ("unknown id", {"id": b64url(b"unknown")}, "not-found", ""),
                ("genuine again, counts are not kept", {}, "ok", ""),
            ]
            judged = self.verdicts([other, passkey], [passkey.login(**changes) for _, changes, _, _ in cases])
            for (name, _, word, detail), one in zip(cases, judged):
                with self.subTest(f"{kind}: {name}"):
                    self.assertEqual(one["verdict"], word, one["detail"])
                    self.assertIn(detail, one["detail"])
                    self.assertEqual(one["newCounter"], 8 if word == "ok" else None)

    def test_algorithms(self):
        passkeys = [Passkey(key()) for _, key, _ in ALGORITHMS]
        genuine = self.verdicts(passkeys, [passkey.login() for passkey in passkeys])
        forged = self.verdicts(
            passkeys, [passkey.login(sign=lambda data, p=passkey: p.sign(data + b"!")) for passkey in passkeys]
        )
        for (name, _, refusal), one, wrong in zip(ALGORITHMS, genuine, forged):
            with self.subTest(name):
                self.assertEqual(one["verdict"], "failed" if refusal else "ok", one["detail"])
                self.assertIn(refusal, one["detail"])
                self.assertEqual(wrong["verdict"], "failed")

    def test_counts_over_the_whole_range(self):
        cases = [(0, 0, "ok"), (0, 2**32 - 1, "ok"), (1, 0, "failed"), (2**31, 2**31, "failed")]
        cases += [(2**31 - 1, 2**31, "ok"), (2**32 - 2, 2**32 - 1, "ok"), (2**32 - 1, 2**32 - 1, "failed")]
        passkeys = [Passkey(count=stored) for stored, _, _ in cases]
        logins = [passkey.login(count=count) for passkey, (_, count, _) in zip(passkeys, cases)]
        judged = self.verdicts(passkeys, logins)
        self.assertEqual([one["verdict"] for one in judged], [word for _, _, word in cases])

    def test_the_least_record_and_ids_of_any_length(self):
        least = dict.fromkeys(("transports", "device_type", "backed_up", "user_handle"))
        passkeys = [Passkey(credential_id=b64url(b"\xa7" * size), **least) for size in (1, 16, 64, 1023)]
        judged = self.verdicts(passkeys, [passkey.login() for passkey in passkeys])
        self.assertEqual([one["verdict"] for one in judged], ["ok"] * 4)

    def test_a_line_that_cannot_be_judged_is_an_error(self):
        passkey, other = Passkey(), Passkey()
        lines = [{**passkey.login(), field: None} for field in ("credentialId", "challenge", "origin", "rpId", "response")]
        # Genuine, but about another credential than the line says.
        lines += [passkey.login(credential_id=other.record["credential_id"]), 7, None]
        judged = self.verdicts([passkey, other], [*lines, passkey.login()])
        self.assertEqual([one["verdict"] for one in judged], ["error"] * 8 + ["ok"])

    def test_input_that_cannot_be_read(self):
        records = self.write("good.json", json.dumps([Passkey().record]))
        assertions = self.lines("good.jsonl", [Passkey().login()])
        for arguments, message in [
            ([records], "usage"),
            ([self.folder / "absent.json", assertions], "absent.json"),
            ([records, self.folder / "absent.jsonl"], "absent.jsonl"),
            ([records, self.write("bad.jsonl", '{"credentialId":')], "assertion 1"),
            ([self.write("object.json", "{}"), assertions], "not a JSON array"),
            ([self.write("bad.json", "[{]"), assertions], "bad.json"),
        ]:
            done = self.run_program(HERE / "verify.py", *arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(message, done.stderr)

    # ---- the loader of the example

    def test_the_loader_refuses_malformed_and_repeated_records(self):
        good = Passkey().record
        for change in [
            {"credential_id": good["credential_id"] + "="},
            {"credential_id": ""},
            {"credential_id": "+/+/"},
            {"credential_id": good["credential_id"]},
            {"public_key": 7},
            {"user": ""},
            {"user_handle": "é"},
            {"sign_count": "0"},
            {"sign_count": True},
            {"sign_count": 2**32},
            {"device_type": "multiDevice"},
            {"backed_up": "true"},
            {"transports": "internal,hybrid"},
            {"transports": ["teleport"]},
        ]:
            records = [good, {**Passkey().record, **change}]
            for path in (self.write("r.json", json.dumps(records)), self.lines("r.jsonl", records)):
                with self.subTest(change), self.assertRaisesRegex(ValueError, "record 2: "):
                    load.load_passkeys(path)

    def test_the_loader_gives_what_the_library_takes(self):
        ana, bob = Passkey(), Passkey(user="bob", transports=None)
        passkeys = load.load_passkeys(self.lines("r.jsonl", [ana.record, bob.record]))
        (loaded,) = load.passkeys_of(passkeys, "ana@example.com")
        self.assertEqual(loaded.user_handle, b"handle of ana")
        options = generate_authentication_options(
            rp_id="example.com", allow_credentials=[passkey.descriptor() for passkey in passkeys.values()]
        )
        allowed = json.loads(options_to_json(options))["allowCredentials"]
        self.assertEqual(allowed[0]["transports"], ["internal", "hybrid"])
        self.assertNotIn("transports", allowed[1])

    def test_the_example_counts_logins(self):
        passkey = Passkey()
        records = self.write("r.json", json.dumps([passkey.record]))
        # The second is the first again: the count is kept.
        logins = [passkey.login(), passkey.login(), passkey.login(id=b64url(b"unknown"))]
        program = EXAMPLE / "load.py"
        done = self.run_program("-B", program, records, self.lines("good.jsonl", logins[:1]))
        self.assertEqual((done.returncode, done.stdout), (0, "passkeys: 1, users: 1\nlogins: 1 ok, 0 refused, 0 unknown\n"))
        done = self.run_program("-B", program, records, self.lines("bad.jsonl", logins))
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.endswith("logins: 1 ok, 1 refused, 1 unknown\n"), done.stdout)
        self.assertEqual(self.run_program("-B", program, self.folder / "absent.json").returncode, 2)


if __name__ == "__main__":
    unittest.main()
