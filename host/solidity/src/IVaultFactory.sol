// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title What a vault asks of the factory that made it
interface IVaultFactory {
    /// @notice The only address that may receive this beneficiary's money; zero when none is set.
    function payoutOf(address beneficiary) external view returns (address);
}
