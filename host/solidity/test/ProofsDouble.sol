// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {DatasetLeaf, IProofOfStorage} from "../src/interfaces/IProofOfStorage.sol";

/// A judge of proofs that says what the test told it: which periods a host proved, and which
/// agreements its dataset held then. An inclusion proof is the word "in".
contract ProofsDouble is IProofOfStorage {
    uint64 public constant PERIOD_BLOCKS = 20;

    mapping(address => mapping(uint64 => bool)) public proven;
    mapping(address => mapping(bytes32 => bool)) public holds;
    mapping(uint64 => bool) public voided;
    mapping(address => uint256) public byteEpochsOf;
    mapping(address => uint256) public bytesAtRisk;

    function prove(address host, uint64 period, uint256 bytes_) external {
        require(!proven[host][period], "proven before");
        proven[host][period] = true;
        byteEpochsOf[host] += bytes_;
    }

    function hold(address host, bytes32 agreement, bool is_) external {
        holds[host][agreement] = is_;
    }

    function setVoid(uint64 period) external {
        voided[period] = true;
    }

    function setBytes(address host, uint256 bytes_) external {
        bytesAtRisk[host] = bytes_;
    }

    function currentPeriod() public view returns (uint64) {
        return periodOf(block.number);
    }

    function periodOf(uint256 blockNumber) public pure returns (uint64) {
        return uint64(blockNumber / PERIOD_BLOCKS);
    }

    function provenAt(address host, uint64 period) external view returns (bool) {
        return proven[host][period];
    }

    function isClosed(uint64 period) external view returns (bool) {
        return currentPeriod() > period + 1;
    }

    function isVoid(uint64 period) external view returns (bool) {
        return voided[period];
    }

    function isJailed(address) external pure returns (bool) {
        return false;
    }

    function included(
        address host,
        uint64 period,
        DatasetLeaf calldata leaf,
        bytes calldata inclusion
    ) external view returns (bool) {
        return proven[host][period] && period < leaf.endEpoch && includedNow(host, leaf, inclusion);
    }

    function includedNow(address host, DatasetLeaf calldata leaf, bytes calldata inclusion)
        public
        view
        returns (bool)
    {
        return holds[host][leaf.agreement] && keccak256(inclusion) == keccak256("in");
    }
}
