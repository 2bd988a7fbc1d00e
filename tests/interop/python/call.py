"""Calls a gRPC server with grpcio: one JSON object a line comes in, and one goes out.

Usage: python call.py

In:  {"server": "127.0.0.1:50051", "method": "/package.Service/Method", "headers": {"name": "value"}, "message": "in base64"}
Out: {"code": "UNAUTHENTICATED", "message": "...", "headers": {"name": "value"}}, with all headers that are not gRPC's own
"""

import base64
import json
import sys

import grpc

for line in sys.stdin:
    call = json.loads(line)
    with grpc.insecure_channel(call["server"]) as channel:
        # Without serializers, messages are bytes.
        method = channel.unary_unary(call["method"])
        outcome = method.future(
            base64.b64decode(call["message"]),
            metadata=tuple(call["headers"].items()),
            timeout=20,
        )
        answer = {
            "code": outcome.code().name,
            "message": outcome.details() or "",
            "headers": {
                name: value
                for name, value in (*outcome.initial_metadata(), *outcome.trailing_metadata())
                if isinstance(value, str)
            },
        }
    print(json.dumps(answer), flush=True)
