// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";

/// A shard made of one pattern of 256 bytes, repeated up to its length. Any leaf's path follows
/// from its index in a few hashes, so tests may own gigabytes.
library Pattern {
    /// The pattern of a seed.
    function leafOf(bytes32 seed) internal pure returns (bytes memory leaf) {
        for (uint256 i = 0; i < 8; ++i) {
            leaf = bytes.concat(leaf, keccak256(abi.encode(seed, i)));
        }
    }

    /// Leaf `index` of the shard, its end padded with zeros.
    function leafAt(bytes32 seed, uint256 len, uint256 index)
        internal
        pure
        returns (bytes memory leaf)
    {
        leaf = leafOf(seed);
        for (uint256 i = len - index * 256; i < 256; ++i) {
            leaf[i] = 0;
        }
    }

    /// The shard's name.
    function shardId(bytes32 seed, uint256 len) internal pure returns (bytes32) {
        (bytes32 root,) = climb(seed, len, 0);
        return sha256(abi.encodePacked("holdfast.shard.1", uint64(len), uint32(256), root));
    }

    /// Leaf and path of leaf `index`, as the contract takes them.
    function proof(bytes32 seed, uint256 len, uint256 index) internal pure returns (bytes memory) {
        (, bytes memory path) = climb(seed, len, index);
        return bytes.concat(leafAt(seed, len, index), path);
    }

    /// Root and path: on each level every node is the full one, but the last and those after it.
    function climb(bytes32 seed, uint256 len, uint256 index)
        internal
        pure
        returns (bytes32, bytes memory path)
    {
        uint256 count = (len + 255) / 256;
        bytes32 full = sha256(leafOf(seed));
        bytes32 last = sha256(leafAt(seed, len, count - 1));
        bytes32 zero = sha256(new bytes(256));
        while (count > 1) {
            uint256 sibling = index ^ 1;
            bytes32 node = sibling < count - 1 ? full : (sibling == count - 1 ? last : zero);
            path = bytes.concat(path, node);
            last = count % 2 == 0 ? sha256(abi.encode(full, last)) : sha256(abi.encode(last, zero));
            full = sha256(abi.encode(full, full));
            zero = sha256(abi.encode(zero, zero));
            count = (count + 1) / 2;
            index /= 2;
        }
        return (last, path);
    }
}

/// A host's own copy of its dataset, written apart from the contract's library: it keeps every
/// node it ever made, and finds a byte by going down from a peak.
contract Book {
    struct Entry {
        bytes32 node;
        uint64 sum;
        uint64 end;
    }

    struct Pair {
        Entry left;
        Entry right;
    }

    struct Item {
        DatasetLeaf leaf;
        bytes32 seed; // of the pattern
    }

    Entry[] public peaks;
    mapping(bytes32 => Pair) internal pairs;
    mapping(bytes32 => Item) internal items;

    function enter(DatasetLeaf memory leaf, bytes32 seed) public returns (Entry memory) {
        bytes32 node =
            keccak256(abi.encodePacked(leaf.agreement, leaf.shard, leaf.len, leaf.endEpoch));
        items[node] = Item(leaf, seed);
        return Entry(node, leaf.len, leaf.endEpoch);
    }

    function join(Entry memory a, Entry memory b) public returns (Entry memory) {
        bytes32 node = keccak256(abi.encodePacked(a.node, b.node, a.sum, a.end, b.sum, b.end));
        pairs[node] = Pair(a, b);
        return Entry(node, a.sum + b.sum, a.end > b.end ? a.end : b.end);
    }

    /// The root of a batch: pairs joined level by level, an odd last one goes up as it is.
    function batch(Entry[] memory level) public returns (Entry memory) {
        while (level.length > 1) {
            Entry[] memory next = new Entry[]((level.length + 1) / 2);
            for (uint256 i = 0; i < next.length; ++i) {
                next[i] = 2 * i + 1 < level.length
                    ? join(level[2 * i], level[2 * i + 1])
                    : level[2 * i];
            }
            level = next;
        }
        return level[0];
    }

    function append(Entry memory root, uint64 period) external {
        Entry[] memory old = peaks;
        delete peaks;
        for (uint256 i = 0; i < old.length; ++i) {
            if (old[i].end > period) peaks.push(old[i]);
        }
        if (root.sum == 0) return;
        Entry memory lighter;
        while (peaks.length > 0 && peaks[peaks.length - 1].sum < root.sum) {
            Entry memory last = peaks[peaks.length - 1];
            lighter = lighter.sum == 0 ? last : join(last, lighter);
            peaks.pop();
        }
        if (lighter.sum != 0) root = join(lighter, root);
        while (peaks.length > 0 && peaks[peaks.length - 1].sum < 2 * uint256(root.sum)) {
            root = join(peaks[peaks.length - 1], root);
            peaks.pop();
        }
        peaks.push(root);
    }

    function bytesOfPeaks() public view returns (bytes memory list) {
        for (uint256 i = 0; i < peaks.length; ++i) {
            Entry memory peak = peaks[i];
            list = bytes.concat(list, abi.encodePacked(peak.node, peak.sum, peak.end));
        }
    }

    function live(uint64 period) public view returns (uint256 sum) {
        for (uint256 i = 0; i < peaks.length; ++i) {
            if (peaks[i].end > period) sum += peaks[i].sum;
        }
    }

    /// Everything about byte `offset` of the live range.
    function at(uint256 offset, uint64 period)
        public
        view
        returns (uint256 peak, Item memory item, uint256 within, uint64 sides, bytes memory steps)
    {
        for (;; ++peak) {
            if (peaks[peak].end <= period) continue;
            if (offset < peaks[peak].sum) break;
            offset -= peaks[peak].sum;
        }
        bytes32 node = peaks[peak].node;
        while (pairs[node].left.sum != 0) {
            Pair memory pair = pairs[node];
            bool right = offset >= pair.left.sum;
            Entry memory sibling = right ? pair.left : pair.right;
            if (right) offset -= pair.left.sum;
            steps = bytes.concat(
                abi.encodePacked(sibling.node, sibling.sum, sibling.end), steps
            );
            sides = sides << 1 | (right ? 1 : 0);
            node = right ? pair.right.node : pair.left.node;
        }
        return (peak, items[node], offset, sides, steps);
    }

    function inclusionAt(uint256 offset, uint64 period) external view returns (bytes memory) {
        (uint256 peak,,, uint64 sides, bytes memory steps) = at(offset, period);
        bytes memory list = bytesOfPeaks();
        bytes memory head =
            abi.encodePacked(uint8(peak), uint8(steps.length / 48), sides, steps);
        return bytes.concat(bytes1(uint8(peaks.length)), list, head);
    }

    /// The head of an answer about byte `offset`: kind, leaf, path.
    function headAt(uint8 kind, uint256 offset, uint64 period)
        public
        view
        returns (bytes memory head, Item memory item, uint256 within)
    {
        uint64 sides;
        bytes memory steps;
        (, item, within, sides, steps) = at(offset, period);
        DatasetLeaf memory leaf = item.leaf;
        head = abi.encodePacked(
            kind, leaf.agreement, leaf.shard, leaf.len, leaf.endEpoch, uint8(steps.length / 48)
        );
        head = bytes.concat(head, abi.encodePacked(sides, steps));
    }

    /// The draws of a period.
    function draw(bytes32 seed, address host, uint64 period, uint256 i)
        public
        view
        returns (uint256)
    {
        return uint256(keccak256(abi.encode(seed, host, period, i))) % live(period);
    }

    /// All answers of a host that has everything; what is over is shown to be over.
    function answers(bytes32 seed, address host, uint64 period, uint256 count)
        external
        view
        returns (bytes memory list)
    {
        for (uint256 i = 0; i < count; ++i) {
            list = bytes.concat(list, answer(draw(seed, host, period, i), period));
        }
    }

    function answer(uint256 offset, uint64 period) public view returns (bytes memory) {
        (bytes memory head, Item memory item, uint256 within) = headAt(0, offset, period);
        DatasetLeaf memory leaf = item.leaf;
        if (leaf.endEpoch <= period) {
            head[0] = 0x01;
            return head;
        }
        return bytes.concat(head, Pattern.proof(item.seed, leaf.len, within / 256));
    }

    function peakCount() external view returns (uint256) {
        return peaks.length;
    }
}
