// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title What others read of a host's stake, and what ProofOfStorage alone may do to it
/// @notice Amounts are smallest units of the staking token.
interface IStaking {
    /// @notice Everything a slash can reach: live stake plus stake that is unbonding.
    function stakeOf(address host) external view returns (uint256);

    /// @notice Live stake, without what is unbonding. Selection reads this one.
    function liveStakeOf(address host) external view returns (uint256);

    /// @notice Live stake above what the host's committed bytes require.
    function freeStakeOf(address host) external view returns (uint256);

    /// @notice Live stake that the host's committed bytes require.
    function requiredStakeOf(address host) external view returns (uint256);

    /// @notice Live stake that `bytes_` bytes require, rounded up.
    function requiredFor(uint256 bytes_) external view returns (uint256);

    /// @notice Smallest live stake for each GiB (2^30 bytes) committed.
    function minStakePerGiB() external view returns (uint256);

    /// @notice What is unbonding, and the first block in which it can be withdrawn.
    function unbondingOf(address host) external view returns (uint256 amount, uint64 readyAt);

    /// @notice ProofOfStorage only: takes at most `amount`, less where a cap bites, from live stake
    /// first and then from what is unbonding; pays `rewardBps`/10,000 of what was taken, within
    /// the cap, to `reporter`. Answers with what was really taken and paid.
    function slash(address host, uint256 amount, address reporter, uint256 rewardBps)
        external
        returns (uint256 taken, uint256 reward);

    /// @notice ProofOfStorage only: while a host has holds, nothing of its stake is paid out.
    function hold(address host) external;

    /// @notice ProofOfStorage only: takes one hold back.
    function unhold(address host) external;
}

/// @title What Staking asks ProofOfStorage
interface IAtRisk {
    /// @notice Bytes a host has committed to and still answers for.
    function bytesAtRisk(address host) external view returns (uint256);
}
