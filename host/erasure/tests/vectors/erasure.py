"""Makes erasure.json: vectors of the stripe layout and of the code Leopard16.

The rules of docs/formats/erasure.md are stated here a second time, without any code of this
repository or of a coding library: the layout by slicing, the parity by plain interpolation over
GF(2^16). Slow and small on purpose. Run it in this folder: python3 erasure.py > erasure.json

Segment bytes are not stored: the first `segment_len` bytes of
SHA-256(u64be(0)) || SHA-256(u64be(1)) || ...
"""

import hashlib
import json
import struct

POLYNOMIAL = 0x1002D
BASIS = [
    0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012,
    0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34, 0xFF38, 0x991E,
]


def sha(data):
    return hashlib.sha256(data).digest()


def pattern(length):
    blocks = (length + 31) // 32
    return b"".join(sha(struct.pack(">Q", i)) for i in range(blocks))[:length]


# The field: polynomial residues; an element's number is its coordinates in BASIS.
EXP, LOG = [0] * 131072, [0] * 65536
_state = 1
for _i in range(65535):
    EXP[_i] = EXP[_i + 65535] = _state
    LOG[_state] = _i
    _state <<= 1
    if _state & 0x10000:
        _state ^= POLYNOMIAL

RESIDUE = [0] * 65536
for _n in range(65536):
    for _bit in range(16):
        if _n >> _bit & 1:
            RESIDUE[_n] ^= BASIS[_bit]
NUMBER = [0] * 65536
for _n, _r in enumerate(RESIDUE):
    NUMBER[_r] = _n


def mul(a, b):
    return EXP[LOG[a] + LOG[b]] if a and b else 0


def inverse(a):
    return EXP[65535 - LOG[a]]


def lagrange(points, at):
    """Factors that give a polynomial's value at `at` from its values at `points`."""
    factors = []
    for i, x in enumerate(points):
        top, bottom = 1, 1
        for j, y in enumerate(points):
            if i != j:
                top = mul(top, at ^ y)
                bottom = mul(bottom, x ^ y)
        factors.append(mul(top, inverse(bottom)))
    return factors


def power_of_two(count):
    width = 1
    while width < count:
        width *= 2
    return width


def places(data, parity):
    """The field points of data and of parity shards, and the width that is known."""
    wide_data, wide_parity = power_of_two(data), power_of_two(parity)
    high = wide_data > wide_parity or (wide_data == wide_parity and data <= parity)
    if high:
        return "high", wide_parity
    return "low", wide_data


def code_rows(data, parity):
    """For every parity shard, the factor of every data shard."""
    rate, width = places(data, parity)
    point = lambda n: RESIDUE[n]
    if rate == "low":
        # Data are values at 0..data, zeros up to width; parity are values from width on.
        known = [point(n) for n in range(width)]
        return [lagrange(known, point(width + p))[:data] for p in range(parity)]
    # Each run of `width` data shards stands after the parity; the runs' polynomials are summed.
    rows = []
    for p in range(parity):
        row = []
        for first in range(0, data, width):
            known = [point(width + first + n) for n in range(width)]
            row += lagrange(known, point(p))[: min(width, data - first)]
        rows.append(row)
    return rows


def elements(piece):
    """32 elements a step of 64 bytes: low bytes first, then high bytes."""
    for step in range(0, len(piece), 64):
        for i in range(32):
            yield RESIDUE[piece[step + i] | piece[step + 32 + i] << 8]


def to_piece(values):
    out = bytearray()
    for step in range(0, len(values), 32):
        run = [NUMBER[value] for value in values[step : step + 32]]
        out += bytes(n & 0xFF for n in run) + bytes(n >> 8 for n in run)
    return bytes(out)


def parity_of(pieces, parity):
    rows = code_rows(len(pieces), parity)
    columns = list(zip(*(elements(piece) for piece in pieces)))
    made = []
    for row in rows:
        values = []
        for column in columns:
            total = 0
            for factor, value in zip(row, column):
                total ^= mul(factor, value)
            values.append(total)
        made.append(to_piece(values))
    return made


def case(data, parity, piece_len, segment_len):
    segment = pattern(segment_len)
    shards = [b""] * (data + parity)
    stripes = []
    full = data * piece_len
    for index, offset in enumerate(range(0, segment_len, full)):
        stripe = segment[offset : offset + full]
        length = piece_len
        if len(stripe) != full:
            length = ((len(stripe) + data - 1) // data + 63) // 64 * 64
        padded = stripe.ljust(data * length, b"\0")
        pieces = [padded[i * length : (i + 1) * length] for i in range(data)]
        stripes.append({
            "index": index, "offset": offset, "len": len(stripe),
            "piece_len": length, "shard_offset": len(shards[0]),
        })
        for shard, piece in enumerate(pieces + parity_of(pieces, parity)):
            shards[shard] += piece
    return {
        "data": data, "parity": parity, "piece_len": piece_len, "segment_len": segment_len,
        "rate": places(data, parity)[0],
        "stripes": stripes,
        "shards_sha256": [sha(shard).hex() for shard in shards],
        "first_parity_64": shards[data][:64].hex(),
    }


CASES = [
    (1, 1, 64, 1), (1, 1, 128, 300), (2, 3, 64, 200), (3, 2, 64, 500), (4, 2, 128, 1111),
    (5, 7, 192, 2000), (7, 5, 64, 448), (10, 20, 64, 1400), (10, 20, 256, 2561), (16, 4, 64, 1030),
    (20, 5, 64, 1500), (20, 40, 64, 1281),
]

print(json.dumps({
    "origin": "erasure.py in this folder: docs/formats/erasure.md stated again in python, no coding library",
    "pattern": "byte string SHA-256(u64be(0)) || SHA-256(u64be(1)) || ..., cut to segment_len",
    "cases": [case(*shape) for shape in CASES],
}, indent=1))
