// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title An owner that changes in two steps with a delay between them
/// @notice The present owner names the next; the next accepts `ownerDelay` blocks later or not at
/// all. The owner may take the offer back until then. Everything is counted in blocks.
/// Deliberately absent: giving the role up, changing the delay.
abstract contract DelayedOwner {
    /// Longest accepted delay in blocks.
    uint64 public constant OWNER_DELAY_MAX = 5_000_000;

    event OwnershipOffered(address indexed owner, address indexed next, uint64 readyAt);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);

    /// Blocks between a proposal (new owner, parameter, entry) and its effect.
    uint64 public immutable ownerDelay;
    address public owner;
    address public pendingOwner;
    uint64 public ownerReadyAt;

    modifier onlyOwner() {
        require(msg.sender == owner, "Owner: caller is not the owner");
        _;
    }

    constructor(address owner_, uint64 delay) {
        require(owner_ != address(0), "Owner: zero address");
        require(delay > 0 && delay <= OWNER_DELAY_MAX, "Owner: delay out of bounds");
        owner = owner_;
        ownerDelay = delay;
        emit OwnershipTransferred(address(0), owner_);
    }

    /// @notice Names the next owner; zero takes an offer back.
    function transferOwnership(address next) external onlyOwner {
        pendingOwner = next;
        ownerReadyAt = next == address(0) ? 0 : _readyAt();
        emit OwnershipOffered(owner, next, ownerReadyAt);
    }

    /// @notice Makes the caller owner if it was named `ownerDelay` blocks ago.
    function acceptOwnership() external {
        require(msg.sender == pendingOwner, "Owner: not offered");
        require(block.number >= ownerReadyAt, "Owner: too early");
        emit OwnershipTransferred(owner, msg.sender);
        owner = msg.sender;
        pendingOwner = address(0);
        ownerReadyAt = 0;
    }

    function _readyAt() internal view returns (uint64) {
        return uint64(block.number) + ownerDelay;
    }
}
