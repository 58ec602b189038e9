// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title The network's clock: periods (epochs) counted in blocks
/// @notice period = floor((block - genesis) / blocks), both from the network file, and 0 before
/// genesis. The wall clock plays no part.
abstract contract Periods {
    uint64 public immutable genesisBlock;
    uint64 public immutable periodBlocks;

    constructor(uint64 genesis, uint64 blocks) {
        require(blocks >= 4 && blocks <= 10_000_000, "Periods: bad length");
        genesisBlock = genesis;
        periodBlocks = blocks;
    }

    /// @notice The period of a block.
    function periodOf(uint256 blockNumber) public view virtual returns (uint64) {
        if (blockNumber < genesisBlock) return 0;
        return uint64((blockNumber - genesisBlock) / periodBlocks);
    }

    /// @notice The period of the present block.
    function currentPeriod() public view virtual returns (uint64) {
        return periodOf(block.number);
    }

    /// @notice The first block of a period.
    function firstBlockOf(uint64 period) public view returns (uint256) {
        return uint256(genesisBlock) + uint256(period) * periodBlocks;
    }
}
