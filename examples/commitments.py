#!/usr/bin/env python3
"""Checks the vectors of docs/commitments.md without any code of the engine. BLAKE3 is not in Python's library and is left out."""

import hashlib
import json
import pathlib
import struct
import sys

TAGS = {"owner": 1, "free": 2, "held": 3, "frozen": 4, "metadata": 5, "approved": 6}


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data


def field(state, name):
    if name in ("owner", "approved"):
        return state[name].encode()
    if name in ("free", "held"):
        return int(state[name]).to_bytes(16, "little")
    if name == "frozen":
        return bytes([state["frozen"]])
    return b"".join(text(key) + text(value) for key, value in state["metadata"])


def canonical(state):
    out = text("tokengine/token-state/1") + text(state["class"]) + text(state["token"])
    out += struct.pack("<IQ", state["config_version"], int(state["version"]))
    out += bytes.fromhex(state["previous"]) + struct.pack("<I", len(state["fields"]))
    for name in state["fields"]:
        value = field(state, name)
        out += struct.pack("<BI", TAGS[name], len(value)) + value
    return out


def keccak_256(data):
    """Keccak[1088, 512] with the padding of the original submission."""
    mask = (1 << 64) - 1

    def rotate(value, by):
        by %= 64
        return ((value << by) | (value >> (64 - by))) & mask if by else value

    def permute(a):
        lfsr = 1
        for _ in range(24):
            c = [a[x][0] ^ a[x][1] ^ a[x][2] ^ a[x][3] ^ a[x][4] for x in range(5)]
            d = [c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1) for x in range(5)]
            a = [[a[x][y] ^ d[x] for y in range(5)] for x in range(5)]
            x, y, current = 1, 0, a[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, a[x][y] = a[x][y], rotate(current, (t + 1) * (t + 2) // 2)
            for y in range(5):
                row = [a[x][y] for x in range(5)]
                for x in range(5):
                    a[x][y] = row[x] ^ (~row[(x + 1) % 5] & mask & row[(x + 2) % 5])
            for j in range(7):
                lfsr = ((lfsr << 1) ^ ((lfsr >> 7) * 0x71)) % 256
                if lfsr & 2:
                    a[0][0] ^= 1 << ((1 << j) - 1)
        return a

    rate = 136
    data += b"\x01" + bytes(rate - len(data) % rate - 1)
    data = data[:-1] + bytes([data[-1] | 0x80])
    state = [[0] * 5 for _ in range(5)]
    for start in range(0, len(data), rate):
        for lane in range(rate // 8):
            word = data[start + 8 * lane : start + 8 * lane + 8]
            state[lane % 5][lane // 5] ^= int.from_bytes(word, "little")
        state = permute(state)
    return b"".join(state[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


HASHES = {"sha-256": lambda data: hashlib.sha256(data).digest(), "keccak-256": keccak_256}


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    vectors = json.loads((root / "crates/core/tests/golden/commitments.json").read_text())
    checked = 0
    for number, state in enumerate(vectors):
        data = canonical(state)
        if data.hex() != state["canonical"]:
            sys.exit(f"vector {number}: the canonical form differs")
        if state["algorithm"] in HASHES:
            if HASHES[state["algorithm"]](data).hex() != state["commitment"]:
                sys.exit(f"vector {number}: the commitment differs")
            checked += 1
    print(f"{len(vectors)} canonical forms and {checked} commitments are as they should be")


if __name__ == "__main__":
    main()
