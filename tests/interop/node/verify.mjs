// Verifies deliveries with an official package: one JSON object a line comes in, and one goes out.
//
// Usage: node verify.mjs PACKAGE, in the folder that the package is installed in
//
// In:  {"secret": "whsec_...", "headers": {"name": "value"}, "body": "in base64"}
// Out: {"outcome": "accepted"}, or "rejected: " and why, or "failed: " and the name of any other exception

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { Webhook, WebhookVerificationError } = createRequire(`${process.cwd()}/`)(process.argv[2]);

function verify({ secret, headers, body }) {
  const webhook = new Webhook(secret);
  try {
    webhook.verify(Buffer.from(body, "base64"), headers);
    return "accepted";
  } catch (error) {
    if (error instanceof WebhookVerificationError) {
      return `rejected: ${error.message}`;
    }
    return `failed: ${error.name}`;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify({ outcome: verify(JSON.parse(line)) }));
}
