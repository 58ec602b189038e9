// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title One leaf of a shard against the shard's name
/// @notice Computes exactly what docs/formats/proof.md says: SHA-256, leaves of 256 bytes, a path
/// as long as the shard's length asks for, and a name that binds length and root. Calldata is read in
/// place. Deliberately absent: choosing the leaf.
library ShardProof {
    uint256 internal constant LEAF_LEN = 256;
    uint256 internal constant LEN_MAX = 64 << 20;

    /// @notice Levels above the leaves of a shard of `len` bytes: ceil(log2(ceil(len / 256))), for
    /// `len` from 1 to LEN_MAX.
    function depth(uint256 len) internal pure returns (uint256 levels) {
        unchecked {
            // Bits of the last leaf's index, which has at most 18.
            uint256 last = (len - 1) / LEAF_LEN;
            if (last >= 1 << 16) (levels, last) = (16, last >> 16);
            if (last >= 1 << 8) (levels, last) = (levels + 8, last >> 8);
            if (last >= 1 << 4) (levels, last) = (levels + 4, last >> 4);
            if (last >= 1 << 2) (levels, last) = (levels + 2, last >> 2);
            levels += last == 0 ? 0 : (last == 1 ? 1 : 2);
        }
    }

    /// @notice Bytes of a leaf proof of a shard of `len` bytes.
    function proofLen(uint256 len) internal pure returns (uint256) {
        unchecked {
            return LEAF_LEN + 32 * depth(len);
        }
    }

    /// @notice Whether the leaf and path from `at` to `end` in the calldata show leaf `index` of
    /// the shard called `shard`, `len` bytes long. The caller has made sure that the shard has such a
    /// leaf, and that `end` is at + proofLen(len).
    function shows(bytes32 shard, uint256 len, uint256 index, uint256 at, uint256 end)
        internal
        view
        returns (bool ok)
    {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, at, 256)
            // Nodes are hashed in the scratch space: each hash is written where the next one is
            // read, left (0) or right (32) by the place's bit.
            index := shl(5, index)
            let side := and(index, 32)
            ok := staticcall(gas(), 2, buffer, 256, side, 32)
            for { at := add(at, 256) } lt(at, end) { at := add(at, 32) } {
                mstore(xor(side, 32), calldataload(at))
                index := shr(1, index)
                side := and(index, 32)
                ok := and(ok, staticcall(gas(), 2, 0, 64, side, 32))
            }
            // After the last level the place is 0, so the root stands on the left.
            mstore(buffer, "holdfast.shard.1")
            mstore(add(buffer, 16), shl(192, len))
            mstore(add(buffer, 24), shl(224, 256))
            mstore(add(buffer, 28), mload(0))
            ok := and(ok, staticcall(gas(), 2, buffer, 60, 0, 32))
            ok := and(ok, eq(mload(0), shard))
        }
    }
}
