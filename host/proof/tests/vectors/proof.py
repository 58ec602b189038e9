"""Makes proof.json: vectors of the proof tree of docs/formats/proof.md, by hashlib alone.

The rules are stated here a second time, without any code of host-proof: the whole tree of the
padded shard is built level by level in memory. Run it in this folder: python3 proof.py > proof.json

Shard bytes are not stored: they are the first `len - zeros` bytes of
SHA-256(u64be(0)) || SHA-256(u64be(1)) || ..., followed by `zeros` zero bytes.
"""

import hashlib
import json
import struct

LEAF, UNIT = 256, 64 * 1024


def sha(data):
    return hashlib.sha256(data).digest()


def pattern(length):
    blocks = (length + 31) // 32
    return b"".join(sha(struct.pack(">Q", i)) for i in range(blocks))[:length]


def levels_of(data):
    """All levels of the tree over data padded with zeros to a power of two of leaves."""
    leaves = [data[i : i + LEAF].ljust(LEAF, b"\0") for i in range(0, len(data), LEAF)]
    width = 1
    while width < len(leaves):
        width *= 2
    level = [sha(leaf) for leaf in leaves]
    level += [sha(bytes(LEAF))] * (width - len(level))
    levels = [level]
    while len(level) > 1:
        level = [sha(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        levels.append(level)
    return levels


def proof(data, levels, index):
    path, place = [], index
    for level in levels[:-1]:
        path.append(level[place ^ 1].hex())
        place //= 2
    leaf = data[index * LEAF : (index + 1) * LEAF].ljust(LEAF, b"\0")
    return {"index": index, "leaf_sha256": sha(leaf).hex(), "path": path}


def case(length, zeros):
    data = pattern(length - zeros) + bytes(zeros)
    levels = levels_of(data)
    depth = len(levels) - 1
    root = levels[-1][0]
    units = levels[min(8, depth)][: (length + UNIT - 1) // UNIT]
    name = sha(b"holdfast.shard.1" + struct.pack(">QI", length, LEAF) + root)
    count = (length + LEAF - 1) // LEAF
    shown = sorted({0, count // 2, count - 1})
    return {
        "len": length,
        "zeros": zeros,
        "depth": depth,
        "root": root.hex(),
        "shard_id": name.hex(),
        "units": len(units),
        "units_sha256": sha(b"".join(units)).hex(),
        "proofs": [proof(data, levels, index) for index in shown],
    }


def zero_nodes():
    nodes = [sha(bytes(LEAF))]
    while len(nodes) < 19:
        nodes.append(sha(nodes[-1] * 2))
    return [node.hex() for node in nodes]


CASES = [
    (1, 0), (1, 1), (2, 1), (255, 0), (256, 0), (256, 1), (257, 0), (257, 1), (512, 256),
    (513, 0), (1000, 0), (UNIT - 1, 0), (UNIT, 0), (UNIT, 1), (UNIT + 1, 0), (UNIT + 1, 1),
    (3 * UNIT, 0), (3 * UNIT, UNIT), (2**20 + 3, 0), (2**20 + 3, 3), (2**26, 0), (2**26, 1000),
]

print(json.dumps({
    "origin": "proof.py in this folder: docs/formats/proof.md stated again in python, hashlib only",
    "pattern": "byte string SHA-256(u64be(0)) || SHA-256(u64be(1)) || ..., cut to len - zeros",
    "zero_nodes": zero_nodes(),
    "cases": [case(length, zeros) for length, zeros in CASES],
}, indent=1))
