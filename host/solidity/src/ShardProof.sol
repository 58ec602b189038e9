// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title One leaf of a shard against the shard's name
/// @notice Computes exactly what docs/formats/proof.md says: SHA-256, leaves of 256 bytes, a path as
/// long as the shard's length asks for, and a name that binds length and root. Calldata is read in
/// place. Deliberately absent: choosing the leaf.
library ShardProof {
    uint256 internal constant LEAF_LEN = 256;
    uint256 internal constant LEN_MAX = 64 << 20;

    /// @notice Levels above the leaves of a shard of `len` bytes: ceil(log2(ceil(len / 256))).
    function depth(uint256 len) internal pure returns (uint256 levels) {
        uint256 last = (len + LEAF_LEN - 1) / LEAF_LEN - 1;
        for (; last != 0; last >>= 1) {
            ++levels;
        }
    }

    /// @notice Bytes of a leaf proof of a shard of `len` bytes.
    function proofLen(uint256 len) internal pure returns (uint256) {
        return LEAF_LEN + 32 * depth(len);
    }

    /// @notice Whether the leaf and path at `at` in the calldata show leaf `index` of the shard
    /// called `shard`, `len` bytes long. The caller has checked that proofLen(len) bytes are there.
    function shows(bytes32 shard, uint256 len, uint256 index, uint256 at)
        internal
        view
        returns (bool)
    {
        if (len == 0 || len > LEN_MAX || index >= (len + LEAF_LEN - 1) / LEAF_LEN) return false;
        bytes32 name;
        bool ok;
        uint256 levels = depth(len);
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, at, 256)
            // Each hash is written where the next one is read: left or right by the place's bit.
            let side := shl(5, and(index, 1))
            ok := staticcall(gas(), 2, buffer, 256, add(buffer, side), 32)
            at := add(at, 256)
            for {} levels { levels := sub(levels, 1) } {
                mstore(add(buffer, xor(side, 32)), calldataload(at))
                index := shr(1, index)
                side := shl(5, and(index, 1))
                ok := and(ok, staticcall(gas(), 2, buffer, 64, add(buffer, side), 32))
                at := add(at, 32)
            }
            // After the last level the place is 0, so the root stands on the left.
            let root := mload(buffer)
            mstore(buffer, "holdfast.shard.1")
            mstore(add(buffer, 16), shl(192, len))
            mstore(add(buffer, 24), shl(224, 256))
            mstore(add(buffer, 28), root)
            ok := and(ok, staticcall(gas(), 2, buffer, 60, buffer, 32))
            name := mload(buffer)
        }
        return ok && name == shard;
    }
}
