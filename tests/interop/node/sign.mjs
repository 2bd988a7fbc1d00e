// Signs deliveries with an official package: one JSON object a line comes in, and one goes out.
//
// Usage: node sign.mjs PACKAGE, in the folder that the package is installed in
//
// In:  {"secret": "whsec_...", "id": "msg_1", "unix_seconds": 1614265330, "body": "in base64"}
// Out: {"signature": "v1,..."}

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { Webhook } = createRequire(`${process.cwd()}/`)(process.argv[2]);

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, id, unix_seconds, body } = JSON.parse(line);
  const time = new Date(unix_seconds * 1000);
  const text = Buffer.from(body, "base64").toString();
  const signature = new Webhook(secret).sign(id, time, text);
  console.log(JSON.stringify({ signature }));
}
