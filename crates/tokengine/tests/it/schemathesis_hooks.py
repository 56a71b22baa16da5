"""What a document cannot say: an `Idempotency-Key` is a UUIDv7 of now, and every request has one of its own; and what the
token of the examples is called here."""

import os
import re
import time
import uuid

import schemathesis


UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)


def uuid7():
    rest = int.from_bytes(os.urandom(10), "big")
    bits = (int(time.time() * 1000) << 80) | rest
    return str(uuid.UUID(int=bits & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)))


def named_here(value):
    if isinstance(value, dict):
        return {name: named_here(part) for name, part in value.items()}
    if isinstance(value, list):
        return [named_here(part) for part in value]
    return "usd" if value == "USD" else value


@schemathesis.hook
def before_call(context, case, kwargs):
    key = (case.headers or {}).get("Idempotency-Key")
    # One that breaks the document's rule for it must go out as it is: that it is refused is what is being tried.
    if key is not None and UUID7.fullmatch(key.strip('"')):
        case.headers["Idempotency-Key"] = uuid7()
    if isinstance(case.body, dict):
        case.body = named_here(case.body)
