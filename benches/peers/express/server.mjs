// The Express sample of Pulse's documentation, with its HMAC mended: the key is the decoded secret, the signature is
// base64, and what is signed are the bytes that arrived. It prints its address.
import crypto from "node:crypto";
import express from "express";

const WEBHOOK_SECRET = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const KEY = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ""), "base64");

function verifyWebhook(payload, headers) {
    const webhookId = headers["webhook-id"];
    const webhookTimestamp = headers["webhook-timestamp"];
    const webhookSignature = headers["webhook-signature"];
    if (!webhookId || !webhookTimestamp || !webhookSignature) return false;
    if (Math.abs(Date.now() / 1000 - parseInt(webhookTimestamp)) > 300) return false;

    const signature = webhookSignature.includes(",") ? webhookSignature.split(",")[1] : webhookSignature;
    const expected = crypto
        .createHmac("sha256", KEY)
        .update(`${webhookId}.${webhookTimestamp}.`)
        .update(payload)
        .digest("base64");
    return signature.length === expected.length && crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

const app = express();
app.use(express.raw({ type: "application/json" }));
app.post("/webhook", (request, response) => {
    if (!verifyWebhook(request.body, request.headers)) {
        return response.status(401).send("Unauthorized");
    }
    JSON.parse(request.body.toString());
    response.status(200).send("OK");
});

const server = app.listen(0, "127.0.0.1", () => {
    const { address, port } = server.address();
    console.log(`${address}:${port}`);
});
