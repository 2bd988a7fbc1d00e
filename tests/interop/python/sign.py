"""Signs deliveries with an official package: one JSON object a line comes in, and one goes out.

Usage: python sign.py PACKAGE

In:  {"secret": "whsec_...", "id": "msg_1", "unix_seconds": 1614265330, "body": "in base64"}
Out: {"signature": "v1,..."}
"""

import base64
import importlib
import json
import sys
from datetime import datetime, timezone

webhooks = importlib.import_module(sys.argv[1] + ".webhooks")

for line in sys.stdin:
    delivery = json.loads(line)
    signature = webhooks.Webhook(delivery["secret"]).sign(
        delivery["id"],
        datetime.fromtimestamp(delivery["unix_seconds"], tz=timezone.utc),
        base64.b64decode(delivery["body"]).decode(),
    )
    print(json.dumps({"signature": signature}), flush=True)
