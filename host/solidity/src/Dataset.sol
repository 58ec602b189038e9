// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {DatasetLeaf} from "./interfaces/IProofOfStorage.sol";

/// @title A host's dataset: an append-only Merkle structure with byte sums
/// @notice The bytes are those of docs/formats/dataset.md. An entry is 48 bytes: node (32), sum of
/// the bytes below (u64), greatest end epoch below (u64). A leaf is hashed from 80 bytes and a
/// node from 96, both lengths fixed, so neither can pose as the other.
///
/// The structure is a short list of trees, its peaks, each at least twice as heavy in bytes as the
/// next. A batch enters as one entry and is merged here; no one can hand in a whole list. Peaks in
/// which every agreement is over fall off by themselves: there is no removal.
/// A node whose sum or end is not what lies below it makes what it lies about unprovable.
/// Deliberately absent: storage; knowing who signed an agreement.
library Dataset {
    /// A subtree as its parent and the list of peaks see it.
    struct Entry {
        bytes32 node;
        uint64 sum;
        uint64 end;
    }

    uint256 internal constant ENTRY_LEN = 48;
    /// agreement, shard, len, end epoch.
    uint256 internal constant LEAF_LEN = 80;
    /// No dataset holds more bytes than this; it also bounds the number of peaks by 62.
    uint256 internal constant SUM_MAX = 1 << 62;
    /// Longest way from a leaf to its peak.
    uint256 internal constant STEPS_MAX = 64;
    uint256 internal constant SHARD_LEN_MAX = 64 << 20;

    /// @notice The name of a list of peaks: keccak256 of its bytes, zero for the empty list.
    function commitment(bytes memory peaks) internal pure returns (bytes32) {
        return peaks.length == 0 ? bytes32(0) : keccak256(peaks);
    }

    /// @notice The entry of a leaf.
    function entryOf(DatasetLeaf memory leaf) internal pure returns (Entry memory) {
        bytes32 node =
            keccak256(abi.encodePacked(leaf.agreement, leaf.shard, leaf.len, leaf.endEpoch));
        return Entry(node, leaf.len, leaf.endEpoch);
    }

    /// @notice The entry over two entries.
    function join(Entry memory left, Entry memory right) internal pure returns (Entry memory) {
        uint256 sum = uint256(left.sum) + right.sum;
        require(sum <= SUM_MAX, "Dataset: too many bytes");
        bytes32 node = keccak256(
            abi.encodePacked(left.node, right.node, left.sum, left.end, right.sum, right.end)
        );
        return Entry(node, uint64(sum), left.end > right.end ? left.end : right.end);
    }

    /// @notice The list of peaks after a batch: peaks over by `period` fall off, lighter peaks are
    /// folded into one before the batch, then the batch swallows every peak that is not at least
    /// twice its weight. A batch without bytes only lets peaks fall off.
    function append(bytes memory peaks, Entry memory batch, uint64 period)
        internal
        pure
        returns (bytes memory)
    {
        (Entry[] memory list, uint256 count) = _living(peaks, period);
        if (batch.sum == 0) return _pack(list, count);
        Entry memory lighter;
        for (; count > 0 && list[count - 1].sum < batch.sum; --count) {
            lighter = lighter.sum == 0 ? list[count - 1] : join(list[count - 1], lighter);
        }
        if (lighter.sum != 0) batch = join(lighter, batch);
        for (; count > 0 && list[count - 1].sum < 2 * uint256(batch.sum); --count) {
            batch = join(list[count - 1], batch);
        }
        list[count] = batch;
        return _pack(list, count + 1);
    }

    /// @notice Bytes of the peaks that are not over by `period`: the range challenges are drawn
    /// from. Also the greatest end epoch.
    function liveBytes(bytes memory peaks, uint64 period)
        internal
        pure
        returns (uint256 sum, uint64 end)
    {
        assembly ("memory-safe") {
            let at := add(peaks, 64)
            for { let last := add(at, mload(peaks)) } lt(at, last) { at := add(at, 48) } {
                let meta := shr(128, mload(at))
                let partEnd := and(meta, 0xffffffffffffffff)
                if gt(partEnd, period) { sum := add(sum, shr(64, meta)) }
                if gt(partEnd, end) { end := partEnd }
            }
        }
    }

    /// @notice The peak in which byte `offset` of the live range lies: where its entry stands in
    /// memory, and the byte in it.
    function locate(bytes memory peaks, uint64 period, uint256 offset)
        internal
        pure
        returns (uint256 peak, uint256 within)
    {
        bool found;
        assembly ("memory-safe") {
            peak := add(peaks, 32)
            for { let end := add(peak, mload(peaks)) } lt(peak, end) { peak := add(peak, 48) } {
                let meta := shr(128, mload(add(peak, 32)))
                if gt(and(meta, 0xffffffffffffffff), period) {
                    meta := shr(64, meta)
                    if lt(offset, meta) {
                        found := 1
                        break
                    }
                    offset := sub(offset, meta)
                }
            }
        }
        require(found, "Dataset: offset beyond the range");
        return (peak, offset);
    }

    /// @notice The index of the peak whose entry stands at `peak`.
    function indexOf(bytes memory peaks, uint256 peak) internal pure returns (uint256 index) {
        assembly ("memory-safe") {
            index := div(sub(sub(peak, peaks), 32), 48)
        }
    }

    /// @notice Whether the entry at `peak` has this node and meta.
    function isEntry(uint256 peak, bytes32 node, uint256 meta) internal pure returns (bool ok) {
        assembly ("memory-safe") {
            ok := and(eq(mload(peak), node), eq(shr(128, mload(add(peak, 32))), meta))
        }
    }

    /// @notice Node and meta of the leaf whose 80 bytes stand at `at` in the calldata.
    function leafAt(uint256 at) internal pure returns (bytes32 node, uint256 meta) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, at, 80)
            node := keccak256(buffer, 80)
            meta := mload(add(buffer, 48))
            // The buffer's word 48..80 is half a ShardId, then len and end.
            meta := and(meta, 0xffffffffffffffffffffffffffffffff)
        }
    }

    /// @notice Climbs from a node over `steps` entries at `path` in the calldata. Bit i of `sides`
    /// says that step i's sibling stands on the left. Meta is sum << 64 | end.
    /// @return top what the climb leads to
    /// @return topMeta its meta
    /// @return start bytes before the node in that tree; all ones for an impossible path
    function climb(bytes32 node, uint256 meta, uint256 path, uint256 steps, uint256 sides)
        internal
        pure
        returns (bytes32 top, uint256 topMeta, uint256 start)
    {
        uint256 bad;
        assembly ("memory-safe") {
            // Both nodes and their metas are hashed from words 0, 32 and 64; the free memory
            // pointer lives in the last one and is put back.
            let free := mload(0x40)
            for { let end := add(path, mul(steps, 48)) } lt(path, end) { path := add(path, 48) } {
                let other := shr(128, calldataload(add(path, 32)))
                switch and(sides, 1)
                case 0 {
                    mstore(0, node)
                    mstore(32, calldataload(path))
                    mstore(64, or(shl(128, meta), other))
                }
                default {
                    mstore(0, calldataload(path))
                    mstore(32, node)
                    mstore(64, or(shl(128, other), meta))
                    start := add(start, shr(64, other))
                }
                node := keccak256(0, 96)
                // Sums add up; the greater end stays: what `other` has more is added to meta.
                let more := sub(and(other, 0xffffffffffffffff), and(meta, 0xffffffffffffffff))
                if slt(more, 0) { other := sub(other, more) }
                meta := add(shl(64, shr(64, meta)), other)
                // Bit 127 is a sum of 2^63: more than any dataset, less than an overflow.
                bad := or(bad, meta)
                sides := shr(1, sides)
            }
            mstore(0x40, free)
            // A side bit beyond the last step would be a second form of the same path.
            if or(shr(127, bad), sides) { start := not(0) }
            top := node
            topMeta := meta
        }
    }

    /// @notice Looks for `leaf` under the list of peaks whose name agrees with `name` in the bits
    /// of `mask`. `inclusion` is: count of peaks (u8), the
    /// peaks, the peak's index (u8), count of steps (u8), sides (u64), the steps. Answers no, and
    /// never reverts, for anything that is malformed or leads elsewhere.
    /// @return ok whether it stands there
    /// @return place peak index << 64 | bytes before the leaf in that peak
    function find(
        uint256 name,
        uint256 mask,
        DatasetLeaf memory leaf,
        bytes calldata inclusion
    ) internal pure returns (bool ok, uint256 place) {
        if (inclusion.length < 1) return (false, 0);
        uint256 mid = 1 + uint256(uint8(inclusion[0])) * ENTRY_LEN;
        if (inclusion.length < mid + 10) return (false, 0);
        bytes memory peaks = inclusion[1:mid];
        if ((uint256(commitment(peaks)) ^ name) & mask != 0) return (false, 0);
        uint256 index = uint8(inclusion[mid]);
        uint256 steps = uint8(inclusion[mid + 1]);
        if (index >= peaks.length / ENTRY_LEN || steps > STEPS_MAX) return (false, 0);
        if (inclusion.length != mid + 10 + steps * ENTRY_LEN) return (false, 0);
        uint256 sides = uint64(bytes8(inclusion[mid + 2:mid + 10]));
        return _under(peaks, index, leaf, inclusion[mid + 10:], sides);
    }

    function _under(
        bytes memory peaks,
        uint256 index,
        DatasetLeaf memory leaf,
        bytes calldata path,
        uint256 sides
    ) private pure returns (bool, uint256) {
        if (leaf.len == 0 || leaf.len > SHARD_LEN_MAX) return (false, 0);
        (bytes32 top, uint256 topMeta, uint256 start) = _rise(leaf, path, sides);
        (bytes32 peak, uint256 peakMeta) = peakAt(peaks, index);
        if (start == type(uint256).max || top != peak || topMeta != peakMeta) return (false, 0);
        return (true, index << 64 | start);
    }

    /// `climb` from a leaf over all of `path`.
    function _rise(DatasetLeaf memory leaf, bytes calldata path, uint256 sides)
        private
        pure
        returns (bytes32, uint256, uint256)
    {
        Entry memory from = entryOf(leaf);
        uint256 at;
        assembly ("memory-safe") {
            at := path.offset
        }
        uint256 meta = uint256(from.sum) << 64 | from.end;
        return climb(from.node, meta, at, path.length / ENTRY_LEN, sides);
    }

    /// @notice The peak `index` of a list.
    function peakAt(bytes memory peaks, uint256 index)
        internal
        pure
        returns (bytes32 node, uint256 meta)
    {
        require(index < peaks.length / ENTRY_LEN, "Dataset: no such peak");
        assembly ("memory-safe") {
            let at := add(add(peaks, 32), mul(index, 48))
            node := mload(at)
            meta := shr(128, mload(add(at, 32)))
        }
    }

    /// The peaks not over by `period`, with room for one more.
    function _living(bytes memory peaks, uint64 period)
        private
        pure
        returns (Entry[] memory list, uint256 count)
    {
        require(peaks.length % ENTRY_LEN == 0, "Dataset: bad peaks");
        uint256 all = peaks.length / ENTRY_LEN;
        list = new Entry[](all + 1);
        for (uint256 i = 0; i < all; ++i) {
            (bytes32 node, uint256 meta) = peakAt(peaks, i);
            if (uint64(meta) <= period) continue;
            list[count++] = Entry(node, uint64(meta >> 64), uint64(meta));
        }
    }

    function _pack(Entry[] memory list, uint256 count) private pure returns (bytes memory packed) {
        packed = new bytes(count * ENTRY_LEN);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 node = list[i].node;
            uint256 meta = uint256(list[i].sum) << 64 | list[i].end;
            assembly ("memory-safe") {
                let at := add(add(packed, 32), mul(i, 48))
                mstore(at, node)
                // Writes the node's second half again and then 16 bytes of meta: 48 bytes in all.
                mstore(add(at, 16), or(shl(128, node), meta))
            }
        }
    }
}
