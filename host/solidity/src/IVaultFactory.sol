// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title What vaults and others ask of the factory
interface IVaultFactory {
    /// @notice The only address that may receive this beneficiary's money; zero when none is set.
    function payoutOf(address beneficiary) external view returns (address);

    /// @notice Whether the factory made this vault.
    function deployedContracts(address vault) external view returns (bool);
}
