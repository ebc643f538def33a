"""The vendor's own program: the whole file in memory, CRC-64/NVME by awscrt.

    checksum.py EXPORT

Prints one JSON object.
"""

import base64
import json
import sys

from awscrt import checksums

with open(sys.argv[1], "rb") as export:
    value = checksums.crc64nvme(export.read())

print(json.dumps({"checksum": base64.b64encode(value.to_bytes(8, "big")).decode()}))
