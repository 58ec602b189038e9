// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Disputes} from "../src/Disputes.sol";
import {ProofBase} from "../src/ProofBase.sol";
import {ProofOfStorage} from "../src/ProofOfStorage.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {Book, Pattern} from "./Prover.sol";
import {StakeFixture} from "./StakeFixture.sol";

/// A proof contract with windows of 30 blocks in periods of 100, ten draws, a staked host with a
/// book of its own, and a renter. Keys here are test keys and public.
abstract contract ProofFixture is StakeFixture {
    uint256 internal constant RENTER_KEY =
        uint256(bytes32(hex"0101010101010101010101010101010101010101010101010101010101010101"));
    uint256 internal constant HOST_KEY =
        uint256(bytes32(hex"0202020202020202020202020202020202020202020202020202020202020202"));
    bytes32 internal constant NETWORK = bytes32("network");
    uint64 internal constant SEED_DELAY = 5;
    uint64 internal constant WINDOW = 30;
    uint64 internal constant ANSWER = 40;
    uint64 internal constant PAUSE_MAX = 150;
    uint16 internal constant K = 10;
    uint128 internal constant BOND = 1 ether;
    address internal constant GUARD = address(0x6A);

    ProofOfStorage internal proof;
    Disputes internal disputes;
    Book internal book;
    address internal host;
    address internal renter;

    function setUpProof() internal {
        setUpStake();
        proof = new ProofOfStorage(
            ProofBase.Config(
                OWNER, DELAY, address(staking), NETWORK, SEED_DELAY, WINDOW, PAUSE_MAX, K
            ),
            ProofBase.Params(BOND, 500, 1_000, 1_000, 3, 5)
        );
        disputes = new Disputes(address(proof), ANSWER);
        vm.startPrank(OWNER);
        staking.bindProof(address(proof));
        proof.bindDisputes(address(disputes));
        vm.stopPrank();
        host = vm.addr(HOST_KEY);
        renter = vm.addr(RENTER_KEY);
        book = new Book();
        stakeAs(host, 100 ether);
        endow(GUARD, address(disputes), 100 ether);
    }

    /// An agreement of the renter and the host over the pattern shard of `seed`.
    function terms(bytes32 seed, uint64 len, uint64 start, uint64 end)
        internal
        view
        returns (Agreement memory)
    {
        bytes32 shard = Pattern.shardId(seed, len);
        return Agreement(
            NETWORK, seed, renter, host, host, shard, len, 1, 1, start, end, 0, 0, 7
        );
    }

    function leafOf(Agreement memory deal) internal view returns (DatasetLeaf memory) {
        return DatasetLeaf(Agreements.digest(deal), deal.shardId, deal.shardLen, deal.endEpoch);
    }

    function seedOf(uint256 i) internal pure returns (bytes32) {
        return keccak256(abi.encode("shard", i));
    }

    /// The root of a batch of shards `from..from+count` of `len` bytes, ending at `end`.
    function batchOf(uint256 from, uint256 count, uint64 len, uint64 end)
        internal
        returns (Book.Entry memory)
    {
        Book.Entry[] memory list = new Book.Entry[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 seed = seedOf(from + i);
            list[i] = book.enter(leafOf(terms(seed, len, 0, end)), seed);
        }
        return book.batch(list);
    }

    /// Sends a batch as the host and keeps the book in step.
    function commit(Book.Entry memory root, uint64 count) internal {
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(host);
        proof.commit(peaks, root.node, root.sum, root.end, count);
        book.append(root, proof.currentPeriod());
    }

    function commitShards(uint256 from, uint256 count, uint64 len, uint64 end) internal {
        commit(batchOf(from, count, len, end), uint64(count));
    }

    /// Goes to the first block at which `period` can be sealed, and seals it.
    function seal(uint64 period) internal returns (bytes32 seed) {
        vm.roll(proof.firstBlockOf(period + 1) + SEED_DELAY + 1);
        proof.seal(period);
        return seedAt(period);
    }

    function seedAt(uint64 period) internal view returns (bytes32) {
        return bytes32(proof.seals(period) >> 48 << 48);
    }

    /// An honest proof of `period`, which must be sealed.
    function proveAll(uint64 period) internal {
        bytes memory list = book.answers(seedAt(period), host, period, K);
        proof.prove(host, period, book.bytesOfPeaks(), list);
    }

    function toPeriod(uint64 period) internal {
        vm.roll(proof.firstBlockOf(period));
    }

    function sigRenter(bytes32 digest) internal pure returns (bytes memory) {
        return signed(RENTER_KEY, digest);
    }

    function receiptOf(Agreement memory deal) internal view returns (bytes memory) {
        bytes32 digest = Agreements.receiptDigest(
            NETWORK, Agreements.digest(deal), deal.shardId, deal.shardLen, deal.endEpoch
        );
        return signed(HOST_KEY, digest);
    }
}
