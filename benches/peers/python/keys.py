"""What `keyferry inspect` does to every row, as a Python team would write it: csv, py_webauthn's COSE parser, and
cryptography's check that a point is on its curve.

    keys.py EXPORT.csv.gz

Prints one JSON object. `unsupported` are keys of algorithms that py_webauthn does not know.
"""

import base64
import csv
import gzip
import json
import sys
from collections import Counter

from webauthn.helpers import decode_credential_public_key
from webauthn.helpers.decoded_public_key_to_cryptography import decoded_public_key_to_cryptography
from webauthn.helpers.exceptions import UnsupportedEC2Curve, UnsupportedPublicKey

rows = checked = unsupported = duplicates = 0
algorithms: Counter = Counter()
statuses: Counter = Counter()
seen: set[bytes] = set()

with gzip.open(sys.argv[1], "rt", encoding="utf-8", newline="") as export:
    for row in csv.DictReader(export):
        rows += 1
        credential_id = base64.urlsafe_b64decode(row["credentialId"])
        duplicates += credential_id in seen
        seen.add(credential_id)
        statuses[row["status"]] += 1
        key = decode_credential_public_key(base64.urlsafe_b64decode(row["publicKey"]))
        algorithms[int(key.alg)] += 1
        try:
            # Raises where the point is not on the curve, and for an RSA key that is none.
            decoded_public_key_to_cryptography(key)
            checked += 1
        except (UnsupportedEC2Curve, UnsupportedPublicKey):
            unsupported += 1

print(
    json.dumps(
        {
            "rows": rows,
            "checked": checked,
            "unsupported": unsupported,
            "duplicates": duplicates,
            "algorithms": algorithms,
            "statuses": statuses,
        }
    )
)
