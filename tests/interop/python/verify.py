"""Verifies deliveries with an official package: one JSON object a line comes in, and one goes out.

Usage: python verify.py PACKAGE

In:  {"secret": "whsec_...", "headers": {"name": "value"}, "body": "in base64"}
Out: {"outcome": "accepted"}, or "rejected: " and why, or "failed: " and the name of any other exception
"""

import base64
import importlib
import json
import sys

webhooks = importlib.import_module(sys.argv[1] + ".webhooks")

for line in sys.stdin:
    delivery = json.loads(line)
    webhook = webhooks.Webhook(delivery["secret"])
    try:
        webhook.verify(base64.b64decode(delivery["body"]), delivery["headers"])
        outcome = "accepted"
    except webhooks.WebhookVerificationError as error:
        outcome = f"rejected: {error}"
    except Exception as error:
        outcome = f"failed: {type(error).__name__}"
    print(json.dumps({"outcome": outcome}), flush=True)
