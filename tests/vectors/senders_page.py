#!/usr/bin/env python3
"""Writes senders_page.json: one delivery of each sender of docs/SENDERS.md, signed with Python's hmac alone.

    python3 tests/vectors/senders_page.py >tests/vectors/senders_page.json

Keys, ids and bodies are made up. A body has the shape of the sender's events, and nothing of a real one.
"""

import base64
import hashlib
import hmac
import json

NOW = 1_790_000_000
PAD = "@pad@"


def secret_bytes(label, length=24):
    return hashlib.sha256(f"tower-svix, page of senders: {label}".encode()).digest()[:length]


def base64_of(label, length=24):
    return base64.b64encode(secret_bytes(label, length)).decode()


def whsec(label, length=24):
    return "whsec_" + base64_of(label, length)


def whsec_key(label, length=24):
    return {"key": whsec(label, length), "signing_keys": [secret_bytes(label, length)]}


def base64_key(label, length=24):
    return {"key": base64_of(label, length), "signing_keys": [secret_bytes(label, length)]}


def text_key(text):
    """The bytes of the text are the key."""
    return {"key": text, "read": "text", "signing_keys": [text.encode()]}


def base62_of(label, length):
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    digest = hashlib.sha512(f"tower-svix, page of senders: {label}".encode()).digest()
    return "".join(alphabet[byte % 62] for byte in digest[:length])


def mac(key, message_id, timestamp, body):
    signed = f"{message_id}.{timestamp}.{body}".encode()
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def vector(
    sender,
    type_at,
    body,
    *,
    key=None,
    signing_keys=None,
    read="secret",
    message_id=None,
    family="webhook-{}",
    names=None,
    retry_body=None,
    signatures=lambda macs: " ".join("v1," + each for each in macs),
    **more,
):
    """One delivery. Without a key of its own, the sender has a `whsec_` and signs with what it decodes to.

    With a `retry_body`, the sender's next attempt has that body, under the same id.
    """
    key = key or whsec(sender)
    signing_keys = signing_keys or [secret_bytes(sender)]
    message_id = message_id or "msg_" + base62_of(sender, 27)
    header_names = names or [family.format(part) for part in ("id", "timestamp", "signature")]

    def attempt(body, timestamp):
        text = json.dumps(body, separators=(",", ":"))
        whole = text.replace(PAD, "x" * more.get("pad", 0))
        macs = [mac(each, message_id, timestamp, whole) for each in signing_keys]
        values = [message_id, str(timestamp), signatures(macs)]
        return {"headers": [list(header) for header in zip(header_names, values)], "body": text}

    if retry_body:
        more["retry"] = attempt(retry_body, NOW - 1)
    found = body
    for step in type_at.split("/")[1:]:
        found = found[step]
    return {
        "sender": sender,
        "key": key,
        "read": read,
        "names": names,
        **attempt(body, NOW - 2),
        "now": NOW,
        "type_at": type_at,
        "type": found,
        **more,
    }


SVIX = {"family": "svix-{}"}
TIME = "2026-09-21T14:13:20Z"
SUPABASE = ["Supabase, current", "Supabase, previous"]
POLAR_OLD = "polar_whs_" + base62_of("Polar, old", 43)
# 43 characters of base62: they would also decode, to another key. The text is the key.
POLAR_BETWEEN = "whsec_" + base62_of("Polar, between", 42) + "A"
AHASEND = "aha-whsec-" + base62_of("AhaSend", 64)
COMPOSIO = secret_bytes("Composio", 32).hex()
INCREASE = "increase_" + base62_of("Increase", 32)

VECTORS = [
    vector(
        "OpenAI",
        "/type",
        {"object": "event", "id": "evt_0001", "type": "response.completed", "created_at": NOW, "data": {"id": "resp_01"}},
    ),
    vector(
        "Anthropic",
        "/data/type",
        {
            "type": "event",
            "id": "event_0001",
            "created_at": TIME,
            "data": {"type": "session.status_idled", "id": "sesn_01", "organization_id": "org_1", "workspace_id": "wrk_1"},
        },
        **whsec_key("Anthropic", 32),
    ),
    vector(
        "Svix",
        "/type",
        {"type": "message.attempt.exhausted", "data": {"appId": "app_1", "endpointId": "ep_1", "msgId": "msg_1"}},
        # After a rotation: the new key first, then the one that the receiver may still have.
        signing_keys=[secret_bytes("Svix, rotated"), secret_bytes("Svix")],
        **SVIX,
    ),
    vector(
        "Clerk",
        "/type",
        {"data": {"id": "user_1", "object": "user"}, "object": "event", "timestamp": NOW * 1000, "type": "user.created"},
        **SVIX,
    ),
    vector("Resend", "/type", {"type": "email.delivered", "created_at": TIME, "data": {"email_id": "e1"}}, **SVIX),
    vector(
        "Supabase Auth hooks",
        "/email_data/email_action_type",
        {"user": {"id": "u1", "email": "ada@example.com"}, "email_data": {"token": "123456", "email_action_type": "signup"}},
        key="|".join("v1," + whsec(each) for each in SUPABASE),
        read="keyring",
        signing_keys=[secret_bytes(each) for each in SUPABASE],
        message_id="6f1f7e0c-6d0a-4b7e-9b5e-0d3b1f3a9c11",
        signatures=lambda macs: ", ".join("v1," + each for each in macs),
    ),
    vector(
        "Polar, new keys",
        "/type",
        {"type": "order.paid", "timestamp": TIME, "data": {"id": "o1", "status": "paid"}},
        **whsec_key("Polar, new", 32),
        message_id="0b2f7c1e-2f11-4f0d-8f1a-5b8f6d1c2a33",
    ),
    vector(
        "Polar, old keys",
        "/type",
        {"type": "order.paid", "timestamp": TIME, "data": {"id": "o2", "status": "paid"}},
        **text_key(POLAR_OLD),
        message_id="1c3a8d2f-3a22-4a1e-9a2b-6c9a7e2d3b44",
    ),
    vector(
        "Polar, old keys",
        "/type",
        {"type": "subscription.created", "timestamp": TIME, "data": {"id": "s1"}},
        **text_key(POLAR_BETWEEN),
        message_id="2d4b9e3a-4b33-4b2f-8b3c-7d0b8f3e4c55",
    ),
    vector(
        "Polar, old keys",
        "/type",
        {"type": "subscription.updated", "timestamp": TIME, "data": {"id": "s1"}},
        key=POLAR_BETWEEN,
        read="both",
        signing_keys=[POLAR_BETWEEN.encode()],
        message_id="3e5c0f4b-5c44-4c30-9c4d-8e1c904f5d66",
    ),
    vector(
        "Replicate",
        "/status",
        {"id": "p1", "version": "5c7d", "status": "succeeded", "input": {"text": "Ada"}, "output": "hello", "error": None},
    ),
    vector(
        "GitLab",
        "/object_kind",
        {"object_kind": "push", "ref": "refs/heads/main", "project_id": 15, "commits": [{"id": "b6568d", "message": PAD}]},
        **whsec_key("GitLab", 32),
        message_id="4f6d105c-6d55-4d41-8d5e-9f2da15a6e77",
        pad=3_000_000,
        body_limit=25 * 1024 * 1024,
    ),
    vector(
        "Brex",
        "/event_type",
        {"event_type": "TRANSFER_PROCESSED", "transfer_id": "t1", "company_id": "c1"},
        **base64_key("Brex", 32),
        family="Webhook-{}",
        message_id="whe_" + base62_of("Brex", 24),
    ),
    vector(
        "Etsy",
        "/event_type",
        {"event_type": "order.paid", "resource_url": "https://api.example.com/shops/1/receipts/2", "shop_id": "1"},
    ),
    vector(
        "Dodo Payments",
        "/type",
        {"business_id": "bus_1", "type": "payment.succeeded", "timestamp": TIME, "data": {"payload_type": "Payment"}},
        # The payload is made when it is delivered.
        retry_body={
            "business_id": "bus_1",
            "type": "payment.succeeded",
            "timestamp": TIME,
            "data": {"payload_type": "Payment", "refund_status": "partial"},
        },
    ),
    vector("Liveblocks", "/type", {"type": "storageUpdated", "data": {"roomId": "room", "projectId": "p", "updatedAt": TIME}}),
    vector(
        "incident.io",
        "/event_type",
        {"event_type": "public_incident.incident_created_v2", "public_incident.incident_created_v2": {"id": "i1"}},
    ),
    vector("Zapier", "/type", {"type": "connection.expiry_scheduled", "data": {"title": "Example account"}}),
    vector(
        "Higgsfield",
        "/status",
        {"status": "completed", "request_id": "9417a243-0000-4000-8000-b68f3cda5303", "images": [{"url": "https://example.com/1"}]},
    ),
    vector(
        "AhaSend",
        "/type",
        {"type": "message.delivered", "timestamp": TIME, "data": {"id": "m1", "recipient": "ada@example.com"}},
        **text_key(AHASEND),
    ),
    vector(
        "Composio",
        "/type",
        {
            "id": "msg_1",
            "timestamp": TIME,
            "type": "composio.trigger.message",
            "metadata": {"trigger_slug": "GITHUB_COMMIT_EVENT"},
            "data": {"author": "Ada"},
        },
        **text_key(COMPOSIO),
    ),
    vector(
        "Finch",
        "/event_type",
        {"connection_id": "c1", "event_type": "employment.updated", "data": {"individual_id": "i1"}},
        **base64_key("Finch"),
        names=["finch-event-id", "finch-timestamp", "finch-signature"],
    ),
    vector(
        "Sweego",
        "/event_type",
        {"event_type": "delivered", "timestamp": TIME, "recipient": "ada@example.com", "headers": {"x-transaction-id": "t1"}},
        **base64_key("Sweego"),
        signatures=lambda macs: macs[0],
    ),
    vector(
        "Increase",
        "/category",
        {
            "id": "event_1",
            "created_at": TIME,
            "category": "transaction.created",
            "associated_object_type": "transaction",
            "associated_object_id": "transaction_1",
            "type": "event",
        },
        **text_key(INCREASE),
    ),
    vector(
        "Pulse",
        "/type",
        {"type": "job.completed", "timestamp": TIME, "data": {"job_id": "123e4567", "status": "completed", "pages_processed": 2}},
    ),
]

lines = (json.dumps(each, ensure_ascii=False) for each in VECTORS)
print("[\n" + ",\n".join(lines) + "\n]")
