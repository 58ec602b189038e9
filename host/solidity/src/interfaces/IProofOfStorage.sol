// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IAtRisk} from "./IStaking.sol";

/// One leaf of a host's dataset: one agreement over one shard.
struct DatasetLeaf {
    bytes32 agreement; // agreement_digest
    bytes32 shard; // ShardId
    uint64 len; // bytes of the shard
    uint64 endEpoch; // first epoch after the term
}

/// @title What others read of proofs
/// @notice A period is an epoch: floor((block - genesis) / epochBlocks). The proof of period p is
/// given during period p + 1. Inclusion proofs are the bytes of docs/formats/dataset.md.
interface IProofOfStorage is IAtRisk {
    function currentPeriod() external view returns (uint64);

    function periodOf(uint256 blockNumber) external view returns (uint64);

    /// @notice Whether the host's proof of `period` was accepted. Kept for ever.
    function provenAt(address host, uint64 period) external view returns (bool);

    /// @notice Whether nothing can change any more about `period`: its window is over, or nobody
    /// sealed it and nobody can. What was not proven by then was missed or void.
    function isClosed(uint64 period) external view returns (bool);

    /// @notice Whether `period` asked for no proof (closed without a seed, or stopped by a pause).
    function isVoid(uint64 period) external view returns (bool);

    /// @notice Sum over all proven periods of the live bytes proven in them (bytes x epochs).
    function byteEpochsOf(address host) external view returns (uint256);

    /// @notice Whether the host is jailed after misses in a row.
    function isJailed(address host) external view returns (bool);

    /// @notice Whether `leaf` stands in the dataset that the host's accepted proof of `period` was
    /// about, and was live in that period. Only for the last HISTORY (32) proven periods of a
    /// host; false for older ones. Never reverts for a malformed proof, it answers false.
    function included(
        address host,
        uint64 period,
        DatasetLeaf calldata leaf,
        bytes calldata inclusion
    ) external view returns (bool);

    /// @notice Whether `leaf` stands in the host's newest commitment.
    function includedNow(address host, DatasetLeaf calldata leaf, bytes calldata inclusion)
        external
        view
        returns (bool);
}
