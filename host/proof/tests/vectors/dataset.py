"""States the rules of docs/formats/dataset.md a second time, in Python with hashlib and the Keccak
permutation below, without any code of this repository. Prints dataset.json.

Every value that is made up is SHA-256 of a text, so the result never changes."""

import hashlib
import json

ROUNDS = []
_r = 1
for _ in range(24):
    constant = 0
    for j in range(7):
        if _r & 1:
            constant ^= 1 << ((1 << j) - 1)
        _r = (_r << 1) ^ (0x171 if _r >> 7 else 0)
    ROUNDS.append(constant)
MASK = (1 << 64) - 1


def rotate(value, by):
    return ((value << by) | (value >> (64 - by))) & MASK if by else value


def keccak(data):
    state = [[0] * 5 for _ in range(5)]
    data = bytearray(data) + b"\x01"
    data += bytes(-len(data) % 136)
    data[-1] |= 0x80
    for block in range(0, len(data), 136):
        for i in range(17):
            lane = data[block + 8 * i:block + 8 * i + 8]
            state[i % 5][i // 5] ^= int.from_bytes(lane, "little")
        for constant in ROUNDS:
            c = [s[0] ^ s[1] ^ s[2] ^ s[3] ^ s[4] for s in state]
            for x in range(5):
                d = c[x - 1] ^ rotate(c[(x + 1) % 5], 1)
                for y in range(5):
                    state[x][y] ^= d
            x, y, lane = 1, 0, state[1][0]
            for t in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                lane, state[x][y] = state[x][y], rotate(lane, (t + 1) * (t + 2) // 2 % 64)
            for y in range(5):
                row = [state[x][y] for x in range(5)]
                for x in range(5):
                    state[x][y] = row[x] ^ (~row[(x + 1) % 5] & MASK & row[(x + 2) % 5])
            state[0][0] ^= constant
    lanes = [state[i % 5][i // 5] for i in range(4)]
    return b"".join(lane.to_bytes(8, "little") for lane in lanes)


def sha(data):
    return hashlib.sha256(data).digest()


def text(*parts):
    return sha(" ".join(str(p) for p in parts).encode())


def u(value, size):
    return value.to_bytes(size, "big")


# ---- shards ---------------------------------------------------------------------------------


def shard_bytes(name, length):
    blocks = b"".join(text(name, i) for i in range(length // 32 + 1))
    return blocks[:length]


def shard_levels(data):
    leaves = [data[i:i + 256].ljust(256, b"\0") for i in range(0, len(data), 256)]
    level, zero, levels = [sha(leaf) for leaf in leaves], sha(bytes(256)), []
    while len(level) > 1:
        level = level + [zero] * (len(level) % 2)
        levels.append(level)
        level = [sha(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        zero = sha(zero + zero)
    return leaves, levels, level[0]


def shard_id(data):
    root = shard_levels(data)[2]
    return sha(b"holdfast.shard.1" + u(len(data), 8) + u(256, 4) + root)


def leaf_proof(data, index):
    leaves, levels, _ = shard_levels(data)
    path = b"".join(level[(index >> j) ^ 1] for j, level in enumerate(levels))
    return leaves[index] + path


# ---- dataset: a tree is (node, sum, end, left, right) or (node, sum, end, leaf) --------------


def packed(tree):
    return tree[0] + u(tree[1], 8) + u(tree[2], 8)


def leaf_of(agreement, shard, length, end):
    body = agreement + shard + u(length, 8) + u(end, 8)
    return (keccak(body), length, end, body)


def join(a, b):
    both = a[0] + b[0] + u(a[1], 8) + u(a[2], 8) + u(b[1], 8) + u(b[2], 8)
    return (keccak(both), a[1] + b[1], max(a[2], b[2]), a, b)


def batch(leaves):
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return join(batch(leaves[:split]), batch(leaves[split:]))


def append(peaks, new, period):
    peaks = [p for p in peaks if p[2] > period]
    if new is None:
        return peaks
    lighter = None
    while peaks and peaks[-1][1] < new[1]:
        last = peaks.pop()
        lighter = last if lighter is None else join(last, lighter)
    if lighter is not None:
        new = join(lighter, new)
    while peaks and peaks[-1][1] < 2 * new[1]:
        new = join(peaks.pop(), new)
    return peaks + [new]


def find(peaks, period, offset):
    """The peak's index, the leaf's body, the byte in it, sides and steps, from the leaf up."""
    for index, tree in enumerate(peaks):
        if tree[2] <= period:
            continue
        if offset < tree[1]:
            break
        offset -= tree[1]
    sides, steps = 0, b""
    while len(tree) == 5:
        left, right = tree[3], tree[4]
        if offset < left[1]:
            sides, steps, tree = sides << 1, packed(right) + steps, left
        else:
            offset -= left[1]
            sides, steps, tree = sides << 1 | 1, packed(left) + steps, right
    return index, tree[3], offset, sides, steps


def shape(sides, steps):
    return u(len(steps) // 48, 1) + u(sides, 8) + steps


def inclusion(peaks, period, offset):
    index, body, _, sides, steps = find(peaks, period, offset)
    head = u(len(peaks), 1) + b"".join(packed(p) for p in peaks) + u(index, 1)
    return body, head + shape(sides, steps)


def draw(seed, host, period, i, live):
    asked = seed + host.rjust(32, b"\0") + u(period, 32) + u(i, 32)
    return int.from_bytes(keccak(asked), "big") % live


# ---- the vectors ----------------------------------------------------------------------------


def hexed(data):
    return "0x" + data.hex()


def batches_of_lengths():
    cases = []
    for count in [1, 2, 3, 4, 5, 7, 8, 100, 1000]:
        rows = [(text("agreement", count, i), text("shard", count, i), 1 + int.from_bytes(
            text("len", count, i)[:3], "big"), 10 + i % 90) for i in range(count)]
        root = batch([leaf_of(*row) for row in rows])
        cases.append({"count": count, "node": hexed(root[0]), "sum": root[1], "end": root[2]})
    return cases


SHARDS = {}


def history():
    """A host over twelve periods: batches of mixed weight, terms that run out, a pause in adding."""
    plan = [(0, 5, 3000, 40), (1, 1, 900, 40), (2, 2, 200, 6), (3, 1, 1, 6), (4, 3, 700, 40),
            (5, 9, 4000, 9), (7, 0, 0, 0), (8, 1, 70000, 40), (9, 4, 513, 40), (11, 2, 256, 40)]
    peaks, states, batches = [], {}, []
    for period, count, scale, end in plan:
        leaves, rows = [], []
        for i in range(count):
            name = f"{period}.{i}"
            length = scale + int.from_bytes(text("more", name)[:1], "big")
            data = shard_bytes(name, length)
            SHARDS[shard_id(data)] = data
            # One of each batch ends with the batch, the others up to three periods before.
            row = (text("agreement", name), shard_id(data), length, end - i % 4)
            leaves.append(leaf_of(*row))
            rows.append([hexed(row[0]), hexed(row[1]), row[2], row[3]])
        peaks = append(peaks, batch(leaves) if leaves else None, period)
        states[period] = peaks
        batches.append({"period": period, "leaves": rows,
                        "peaks": hexed(b"".join(packed(p) for p in peaks)),
                        "commitment": hexed(commitment(peaks))})
    return batches, states


def commitment(peaks):
    return keccak(b"".join(packed(p) for p in peaks)) if peaks else bytes(32)


def proof(peaks, host, seed, period, count):
    live = sum(p[1] for p in peaks if p[2] > period)
    answers, draws = [], []
    for i in range(count):
        drawn = draw(seed, host, period, i, live)
        _, body, within, sides, steps = find(peaks, period, drawn)
        over = int.from_bytes(body[72:80], "big") <= period
        answer = (b"\1" if over else b"\0") + body + shape(sides, steps)
        if not over:
            answer += leaf_proof(SHARDS[body[32:64]], within // 256)
        answers.append(answer)
        draws.append(drawn)
    return live, draws, answers


def wrong_proofs(peaks, host, seed, period, answers):
    """Name and bytes of proofs that nobody may accept."""
    first = answers[0]
    at = 90 + 48 * first[81]
    flipped = lambda where: first[:where] + bytes([first[where] ^ 1]) + first[where + 1:]
    rest = answers[1:]
    node = first[at + 256:at + 288]
    other = proof(peaks, text("another host")[:20], seed, period, len(answers))[2]
    return [
        ["wrong leaf", [flipped(at + 17)] + rest],
        ["wrong path", [flipped(at + 300)] + rest],
        ["padding", [first[:at + 255] + bytes([first[at + 255] ^ 1]) + first[at + 256:]] + rest],
        ["one level more", [first + bytes(32)] + rest],
        ["one level less", [first[:-32]] + rest],
        ["node as leaf", [first[:at] + node.ljust(256, b"\0") + first[at + 256:]] + rest],
        ["other length", [flipped(72)] + rest],
        ["other end epoch", [flipped(80)] + rest],
        ["other shard", [flipped(40)] + rest],
        ["other agreement", [flipped(3)] + rest],
        ["other side", [flipped(89)] + rest],
        ["high side bit", [flipped(82)] + rest],
        ["other sum", [flipped(90 + 36)] + rest],
        ["other end", [flipped(90 + 47)] + rest],
        ["kind expired", [b"\1" + first[1:at]] + rest],
        ["kind unknown", [b"\3" + first[1:]] + rest],
        ["another host's proof", other],
        ["answers in another order", answers[::-1]],
        ["one answer less", answers[:-1]],
        ["a byte more", answers + [b"\0"]],
    ]


TYPE = ("Agreement(bytes32 network_id,bytes32 agreement_id,address renter,address host,"
        "address payout,bytes32 shard_id,uint64 shard_len,uint8 codec,uint128 price,"
        "uint64 start_epoch,uint64 end_epoch,uint128 egress_price,uint8 pay_mode,uint64 nonce)")


def cbor(value):
    for top, head, size in [(24, None, 0), (1 << 8, 0x18, 1), (1 << 16, 0x19, 2),
                            (1 << 32, 0x1a, 4), (1 << 64, 0x1b, 8)]:
        if value < top:
            return u(value, 1) if head is None else bytes([head]) + u(value, size)


def agreements():
    cases = []
    for i, (length, end) in enumerate([(1, 23), (255, 24), (65536, 255), (1 << 26, 70000)]):
        fields = [text("network", i), text("id", i), text("renter", i)[:20], text("host", i)[:20],
                  text("payout", i)[:20], text("shard", i), length, 1, 10 ** 18 + i, 3, end, 7, i % 2,
                  9 + i]
        words = b"".join(f.rjust(32, b"\0") if isinstance(f, bytes) else u(f, 32) for f in fields)
        domain = keccak(keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
                        + keccak(b"Holdfast") + keccak(b"1") + u(1029, 32))
        digest = keccak(b"\x19\x01" + domain + keccak(keccak(TYPE.encode()) + words))
        body = b"\x84\x58\x20" + digest + b"\x58\x20" + fields[5] + cbor(length) + cbor(end)
        receipt = sha(b"holdfast\x07receipt\x01" + fields[0] + body)
        release = sha(b"holdfast\x06delete\x01" + fields[0] + digest)
        cases.append({"words": hexed(words), "digest": hexed(digest), "receipt": hexed(receipt),
                      "release": hexed(release)})
    return cases


def main():
    batches, states = history()
    host, proofs, inclusions = text("host")[:20], [], []
    for period, upto in [(0, 0), (4, 4), (5, 5), (6, 5), (8, 8), (11, 11), (12, 11)]:
        peaks, seed = states[upto], text("seed", period)
        live, draws, answers = proof(peaks, host, seed, period, 10)
        case = {"period": period, "committed": upto, "host": hexed(host), "seed": hexed(seed),
                "peaks": hexed(b"".join(packed(p) for p in peaks)), "live": live, "draws": draws,
                "answers": hexed(b"".join(answers))}
        if period == 4:
            wrong = wrong_proofs(peaks, host, seed, period, answers)
            case["wrong_names"] = [name for name, _ in wrong]
            case["wrong"] = [hexed(b"".join(parts)) for _, parts in wrong]
        proofs.append(case)
        for offset in draws[:3]:
            body, shown = inclusion(peaks, period, offset)
            inclusions.append({"period": period, "offset": offset, "leaf": hexed(body),
                               "commitment": hexed(commitment(peaks)), "inclusion": hexed(shown)})
    print(json.dumps({"origin": "dataset.py", "batches": batches_of_lengths(), "history": batches,
                      "proofs": proofs, "inclusions": inclusions, "agreements": agreements()},
                     indent=1))


assert keccak(b"").hex().startswith("c5d2460186f7233c")
main()
