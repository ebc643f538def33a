"""Proves that verify.dll can say no: genuine logins and logins with one thing wrong, made with real keys. Run it after
./build with ../python/.venv/bin/python, whose packages and authenticator it takes (../python/setup)."""

import base64
import importlib.util
import json
import subprocess
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[2] / "examples/fido2_net_lib"

spec = importlib.util.spec_from_file_location("authenticator", HERE.parent / "python/selftest.py")
authenticator = importlib.util.module_from_spec(spec)
spec.loader.exec_module(authenticator)
UP, UV, BE, BS = authenticator.UP, authenticator.UV, authenticator.BE, authenticator.BS
Passkey, b64url = authenticator.Passkey, authenticator.b64url

# What the library raises; its messages change from release to release.
LIBRARY = "Fido2VerificationException"

# What cannot log in, of the keys that the authenticator has.
REFUSED = {
    # This release knows the older identifiers only, which is why keyferry writes them.
    "ESP256",
    "Ed25519, -19",
    "EdDSA on Ed448",
    # OpenSSL takes exponents of 64 bits at most if the modulus is longer than 3072 bits.
    "3080 bits, longer exponent",
}


def record_of(passkey, **changes):
    """The record that keyferry would write; `None` leaves a member out."""
    source = passkey.record

    def standard(text):
        return base64.b64encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).decode()

    record = {
        "user": source["user"],
        "rpId": "example.com",
        "Id": standard(source["credential_id"]),
        "PublicKey": standard(source["public_key"]),
        "SignCount": source["sign_count"],
        "Transports": ["internal", "hybrid", "smart-card"],
        "IsBackupEligible": True,
        "IsBackedUp": True,
        "UserId": standard(source["user_handle"]),
        "UserHandle": standard(source["user_handle"]),
        "AttestationFormat": "none",
        "RegDate": "2024-01-15T10:30:00.123456Z",
        "AaGuid": "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
        **changes,
    }
    return {name: value for name, value in record.items() if value is not None}


class SelfTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def lines(self, name, values):
        return self.write(name, "".join(json.dumps(value) + "\n" for value in values))

    def run_verify(self, *arguments):
        return subprocess.run(["dotnet", HERE / "out/verify.dll", *arguments], capture_output=True, text=True)

    def verdicts(self, records, logins):
        assertions = self.lines("assertions.jsonl", logins)
        answers = []
        for path in (self.write("r.json", json.dumps(records)), self.lines("r.jsonl", records)):
            done = self.run_verify(path, assertions)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            answers.append([json.loads(line) for line in done.stdout.splitlines()])
        self.assertEqual(*answers, "the two forms of a records file differ")
        self.assertEqual(len(answers[0]), len(logins))
        return answers[0]

    def test_only_the_genuine_login_verifies(self):
        makers = {name: key for name, key, _ in authenticator.ALGORITHMS if name in ("ES256", "EdDSA", "RS256")}
        self.assertEqual(len(makers), 3)
        for kind, make in makers.items():
            passkey, other = Passkey(make()), Passkey(make())
            other_id = other.record["credential_id"]
            cases = [
                ("genuine", {}, "ok", ""),
                ("no user handle", {"handle": None}, "ok", ""),
                ("not backed up", {"flags": UP | UV | BE}, "ok", ""),
                ("flipped BE, which the library does not compare", {"flags": UP | UV}, "ok", ""),
                ("wrong signature", {"sign": lambda _: passkey.sign(b"other bytes")}, "failed", LIBRARY),
                ("empty signature", {"sign": lambda _: b""}, "failed", ""),
                ("other key", {"sign": other.sign}, "failed", LIBRARY),
                ("other id", {"id": other_id, "credential_id": other_id}, "failed", LIBRARY),
                ("other user's handle", {"handle": b64url(b"handle of bob")}, "failed", LIBRARY),
                ("count equal", {"count": 7}, "failed", LIBRARY),
                ("count lower", {"count": 6}, "failed", LIBRARY),
                ("count gone back to 0", {"count": 0}, "failed", "fell to 0"),
                ("wrong RP ID", {"signed_rp_id": "example.net"}, "failed", LIBRARY),
                ("wrong origin", {"signed_origin": "https://example.net"}, "failed", LIBRARY),
                ("wrong challenge", {"signed_challenge": b64url(b"another")}, "failed", LIBRARY),
                ("a registration", {"type": "webauthn.create"}, "failed", LIBRARY),
                ("BS without BE", {"flags": UP | UV | BS}, "failed", ""),
                ("user not verified", {"flags": UP | BE | BS}, "failed", LIBRARY),
                ("user not present", {"flags": UV | BE | BS}, "failed", LIBRARY),
                ("unknown id", {"id": b64url(b"unknown")}, "not-found", ""),
                ("genuine again, counts are not kept", {}, "ok", ""),
            ]
            records = [record_of(other), record_of(passkey)]
            judged = self.verdicts(records, [passkey.login(**changes) for _, changes, _, _ in cases])
            for (name, _, word, detail), one in zip(cases, judged):
                with self.subTest(f"{kind}: {name}"):
                    self.assertEqual(one["verdict"], word, one["detail"])
                    self.assertIn(detail, one["detail"])
                    self.assertEqual(one["newCounter"], 8 if word == "ok" else None)

    def test_an_id_in_another_spelling_is_not_believed(self):
        passkey = Passkey()
        login = passkey.login(id=passkey.record["credential_id"] + "=")
        (judged,) = self.verdicts([record_of(passkey)], [login])
        self.assertNotEqual(judged["verdict"], "ok")

    def test_algorithms(self):
        # Systems disagree about SHA-1, and keyferry refuses it.
        kinds = [(name, key) for name, key, _ in authenticator.ALGORITHMS if name != "RS1"]
        self.assertLess(REFUSED, {name for name, _ in kinds})
        passkeys = [Passkey(key()) for _, key in kinds]
        records = [record_of(passkey) for passkey in passkeys]
        genuine = self.verdicts(records, [passkey.login() for passkey in passkeys])
        forged = self.verdicts(
            records, [passkey.login(sign=lambda data, p=passkey: p.sign(data + b"!")) for passkey in passkeys]
        )
        for (name, _), one, wrong in zip(kinds, genuine, forged):
            with self.subTest(name):
                self.assertEqual(one["verdict"], "failed" if name in REFUSED else "ok", one["detail"])
                self.assertEqual(wrong["verdict"], "failed")

    def test_counts_over_the_whole_range(self):
        cases = [(0, 0, "ok"), (0, 2**32 - 1, "ok"), (1, 0, "failed"), (2**31, 2**31, "failed")]
        cases += [(2**31 - 1, 2**31, "ok"), (2**32 - 2, 2**32 - 1, "ok"), (2**32 - 1, 2**32 - 1, "failed")]
        passkeys = [Passkey(count=stored) for stored, _, _ in cases]
        logins = [passkey.login(count=count) for passkey, (_, count, _) in zip(passkeys, cases)]
        judged = self.verdicts([record_of(passkey) for passkey in passkeys], logins)
        self.assertEqual([one["verdict"] for one in judged], [word for _, _, word in cases])
        for (_, count, word), one in zip(cases, judged):
            self.assertEqual(one["newCounter"], count if word == "ok" else None)

    def test_the_least_record_and_ids_of_any_length(self):
        least = ("Transports", "IsBackupEligible", "IsBackedUp", "UserId", "UserHandle")
        least = dict.fromkeys((*least, "AttestationFormat", "RegDate", "AaGuid"))
        passkeys = [Passkey(credential_id=b64url(b"\xa7" * size)) for size in (1, 16, 64, 1023)]
        records = [record_of(passkey, **least) for passkey in passkeys]
        judged = self.verdicts(records, [passkey.login(handle=b64url(b"any")) for passkey in passkeys])
        self.assertEqual([one["verdict"] for one in judged], ["ok"] * 4)

    def test_a_line_that_cannot_be_judged_is_an_error(self):
        passkey, other = Passkey(), Passkey()
        lines = [{**passkey.login(), field: None} for field in ("credentialId", "challenge", "origin", "rpId", "response")]
        # Genuine, but about another credential than the line says.
        lines += [passkey.login(credential_id=other.record["credential_id"]), 7, None]
        judged = self.verdicts([record_of(passkey), record_of(other)], [*lines, passkey.login()])
        self.assertEqual([one["verdict"] for one in judged], ["error"] * 8 + ["ok"])

    def test_a_response_in_pieces_is_refused(self):
        passkey = Passkey()
        lines = []
        for field in ("authenticatorData", "clientDataJSON", "signature"):
            for value in (None, 7, "", "AA"):
                line = passkey.login()
                line["response"]["response"][field] = value
                lines.append(line)
        lines.append({**passkey.login(), "response": {**passkey.login()["response"], "response": None}})
        judged = self.verdicts([record_of(passkey)], lines)
        self.assertEqual([one["verdict"] for one in judged], ["failed"] * len(lines))

    def test_input_that_cannot_be_read(self):
        records = self.write("good.json", json.dumps([record_of(Passkey())]))
        assertions = self.lines("good.jsonl", [Passkey().login()])
        for arguments, message in [
            ([records], "usage"),
            ([self.folder / "absent.json", assertions], "absent.json"),
            ([records, self.folder / "absent.jsonl"], "absent.jsonl"),
            ([records, self.write("bad.jsonl", '{"credentialId":')], "assertion 1"),
            ([self.write("object.json", "{}"), assertions], "not a JSON array"),
            ([self.write("bad.json", "[{]"), assertions], "bad.json"),
        ]:
            done = self.run_verify(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(message, done.stderr)

    # ---- the loader of the example

    def test_the_loader_refuses_malformed_and_repeated_records(self):
        good = record_of(Passkey())
        assertions = self.lines("assertions.jsonl", [])
        for change in [
            {"Id": good["Id"].rstrip("=")},
            {"Id": ""},
            {"Id": "-_-_"},
            {"Id": None},
            {"Id": good["Id"]},
            {"PublicKey": 7},
            {"PublicKey": None},
            {"user": ""},
            {"user": None},
            {"rpId": None},
            {"UserHandle": "\u00e9"},
            {"SignCount": "0"},
            {"SignCount": None},
            {"SignCount": -1},
            {"SignCount": 2**32},
            {"IsBackedUp": "true"},
            {"Transports": "internal,hybrid"},
            {"Transports": ["teleport"]},
            {"RegDate": "yesterday"},
            {"AaGuid": "none"},
        ]:
            records = [good, record_of(Passkey(), **change)]
            for path in (self.write("r.json", json.dumps(records)), self.lines("r.jsonl", records)):
                done = self.run_verify(path, assertions)
                with self.subTest(change):
                    self.assertEqual(done.returncode, 2)
                    self.assertIn("record 2: ", done.stderr)

    def test_the_example_counts_logins(self):
        subprocess.run(["dotnet", "build", "--verbosity", "quiet", EXAMPLE], check=True, stdout=subprocess.DEVNULL)
        run = ["dotnet", "run", "--no-build", "--project", EXAMPLE, "--"]
        passkey = Passkey()
        records = self.write("r.json", json.dumps([record_of(passkey)]))
        logins = [passkey.login(), passkey.login(count=0), passkey.login(id=b64url(b"unknown"))]
        loaded = "passkeys: 1, users: 1\n"
        for arguments, status, output in [
            ([records], 0, loaded),
            ([records, self.lines("good.jsonl", logins[:1])], 0, loaded + "logins: 1 ok, 0 refused, 0 unknown\n"),
            ([records, self.lines("all.jsonl", logins)], 1, loaded + "logins: 1 ok, 1 refused, 1 unknown\n"),
            ([self.folder / "absent.json"], 2, ""),
        ]:
            done = subprocess.run([*run, *arguments], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (status, output), done.stderr)


if __name__ == "__main__":
    unittest.main()
