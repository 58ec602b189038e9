// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title What others read of the escrow
interface IEscrow {
    /// @notice Whether `epoch` of the agreement was paid out against a proof. The digest binds the
    /// start; the caller passes it because only the digest is kept.
    function isReleased(bytes32 agreement, uint64 startEpoch, uint64 epoch)
        external
        view
        returns (bool);
}
