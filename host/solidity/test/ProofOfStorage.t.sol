// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Dataset} from "../src/Dataset.sol";
import {ProofBase} from "../src/ProofBase.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {Book} from "./Prover.sol";
import {ProofFixture} from "./ProofFixture.sol";

/// The life of a period: commitment, seal, proof, miss, jail, pause.
contract ProofOfStorageTest is ProofFixture {
    function setUp() public {
        setUpProof();
        commitShards(0, 20, 100_000, 50);
    }

    function test_an_honest_host_proves_each_period() public {
        for (uint64 period = 0; period < 5; ++period) {
            seal(period);
            proveAll(period);
            require(proof.provenAt(host, period), "not proven");
            if (period < 4) commitShards(100 + period * 7, 7, 33_333 + 1_000 * period, 50);
        }
        uint256 added = 7 * (4 * 33_333 + 3 * 34_333 + 2 * 35_333 + 36_333);
        same(proof.byteEpochsOf(host), 5 * 2_000_000 + added);
        same(staking.stakeOf(host), 100 ether);
    }

    function test_the_contract_merges_as_the_book_does() public {
        uint64[6] memory lens = [uint64(900), 100_000, 5, 70_000, 1, 256];
        for (uint64 i = 0; i < 6; ++i) {
            toPeriod(i + 1);
            commitShards(1_000 * (i + 1), 3 + i, lens[i], 10 + i);
            same(proof.currentOf(host), keccak256(book.bytesOfPeaks()));
        }
    }

    function test_one_commitment_a_period() public {
        Book.Entry memory root = batchOf(50, 1, 256, 50);
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(host);
        vm.expectRevert("Proof: committed in this period");
        proof.commit(peaks, root.node, root.sum, root.end, 1);
    }

    function test_other_peaks_than_the_stored_ones_are_refused() public {
        toPeriod(1);
        bytes memory peaks = book.bytesOfPeaks();
        peaks[3] ^= 0x01;
        vm.prank(host);
        vm.expectRevert("Proof: not the present peaks");
        proof.commit(peaks, bytes32("x"), 5, 50, 1);
        vm.prank(host);
        vm.expectRevert("Proof: not the present peaks");
        proof.commit("", bytes32("x"), 5, 50, 1);
        peaks = book.bytesOfPeaks();
        vm.prank(host);
        vm.expectRevert("Proof: bad batch");
        proof.commit(peaks, bytes32("x"), 0, 50, 1);
        vm.prank(host);
        vm.expectRevert("Proof: bad batch");
        proof.commit(peaks, 0, 5, 50, 1);
    }

    function test_bytes_need_stake() public {
        toPeriod(1);
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(host);
        vm.expectRevert("Proof: stake too low");
        proof.commit(peaks, bytes32("x"), uint64(100 * GIB), 50, 1);
        require(proof.bytesAtRisk(host) == 2_000_000, "bytes are off");
        require(staking.freeStakeOf(host) < 100 ether, "nothing is at risk");
    }

    function test_seal_uses_a_fixed_block_and_comes_once() public {
        vm.expectRevert("Proof: not the period before");
        proof.seal(0);
        toPeriod(1);
        vm.roll(proof.firstBlockOf(1) + SEED_DELAY);
        vm.expectRevert("Proof: too early");
        proof.seal(0);
        later(1);
        bytes32 want = keccak256(
            abi.encode(blockhash(proof.firstBlockOf(1) + SEED_DELAY), uint64(0), address(proof))
        );
        proof.seal(0);
        same(seedAt(0), want >> 48 << 48);
        vm.expectRevert("Proof: sealed");
        proof.seal(0);
    }

    function test_seal_leaves_room_for_a_whole_window() public {
        vm.roll(proof.firstBlockOf(2) - WINDOW);
        vm.expectRevert("Proof: too late to seal");
        proof.seal(0);
        require(proof.isClosed(0) && proof.isVoid(0), "an unsealed period stays open");
        vm.roll(proof.firstBlockOf(2) - WINDOW - 1);
        require(!proof.isClosed(0), "closed too early");
        proof.seal(0);
        require(!proof.isVoid(0), "a sealed period is void");
    }

    function test_a_period_nobody_sealed_asks_for_nothing() public {
        toPeriod(3);
        vm.expectRevert("Proof: nothing missed yet");
        proof.reportMiss(host, 0);
    }

    function test_a_commitment_after_the_end_does_not_change_the_range() public {
        bytes memory peaks = book.bytesOfPeaks();
        toPeriod(1);
        Book old = book;
        commitShards(500, 5, 1_000_000, 50);
        bytes32 seed = seal(0);
        bytes memory newest = old.bytesOfPeaks();
        vm.expectRevert("Proof: not the frozen peaks");
        proof.prove(host, 0, newest, "");
        // The book has moved on, so the old range is answered by a book of its own.
        book = new Book();
        Book.Entry memory root = batchOf(0, 20, 100_000, 50);
        book.append(root, 0);
        same(keccak256(book.bytesOfPeaks()), keccak256(peaks));
        proof.prove(host, 0, peaks, book.answers(seed, host, 0, K));
        require(proof.provenAt(host, 0), "not proven");
    }

    function test_a_proof_is_taken_once() public {
        seal(0);
        proveAll(0);
        bytes memory list = book.answers(seedAt(0), host, 0, K);
        bytes memory peaks = book.bytesOfPeaks();
        vm.expectRevert("Proof: judged before");
        proof.prove(host, 0, peaks, list);
    }

    function test_more_or_fewer_bytes_than_the_answers_are_refused() public {
        bytes32 seed = seal(0);
        bytes memory peaks = book.bytesOfPeaks();
        bytes memory list = book.answers(seed, host, 0, K);
        vm.expectRevert("Proof: answers have another length");
        proof.prove(host, 0, peaks, bytes.concat(list, hex"00"));
        bytes memory fewer = book.answers(seed, host, 0, K - 1);
        vm.expectRevert("Proof: not in the dataset");
        proof.prove(host, 0, peaks, fewer);
    }

    function testFuzz_no_changed_byte_is_accepted(uint256 where, uint8 mask) public {
        bytes32 seed = seal(0);
        bytes memory peaks = book.bytesOfPeaks();
        bytes memory list = book.answers(seed, host, 0, K);
        list[where % list.length] ^= bytes1(mask == 0 ? 1 : mask);
        (bool done,) =
            address(proof).call(abi.encodeCall(proof.prove, (host, 0, peaks, list)));
        require(!done, "a changed proof was accepted");
    }

    function test_expired_leaves_are_answered_by_showing_that() public {
        // A long leaf keeps the peak alive while the others run out.
        toPeriod(1);
        book = new Book();
        host = address(0xBEEF);
        stakeAs(host, 10 ether);
        Book.Entry[] memory list = new Book.Entry[](8);
        for (uint256 i = 0; i < 8; ++i) {
            bytes32 seed = seedOf(i);
            Agreement memory deal = terms(seed, 10_000, 0, i == 0 ? 20 : 2);
            list[i] = book.enter(leafOf(deal), seed);
        }
        commit(book.batch(list), 8);
        seal(2);
        proveAll(2);
        require(proof.provenAt(host, 2), "not proven");
    }

    function test_expired_is_no_answer_for_a_living_leaf() public {
        bytes32 seed = seal(0);
        bytes memory peaks = book.bytesOfPeaks();
        (bytes memory head,,) = book.headAt(1, book.draw(seed, host, 0, 0), 0);
        vm.expectRevert("Proof: not expired");
        proof.prove(host, 0, peaks, head);
    }

    function test_a_released_leaf_is_answered_by_the_renters_release() public {
        bytes32 seed = seal(0);
        bytes memory list;
        bytes memory forged;
        for (uint256 i = 0; i < K; ++i) {
            (bytes memory head, Book.Item memory item,) =
                book.headAt(2, book.draw(seed, host, 0, i), 0);
            Agreement memory deal = terms(item.seed, 100_000, 0, 50);
            bytes32 digest = Agreements.releaseDigest(NETWORK, item.leaf.agreement);
            head = bytes.concat(head, abi.encode(deal), hex"0041");
            list = bytes.concat(list, head, sigRenter(digest));
            forged = bytes.concat(forged, head, signed(HOST_KEY, digest));
        }
        bytes memory peaks = book.bytesOfPeaks();
        vm.expectRevert("Proof: not released");
        proof.prove(host, 0, peaks, forged);
        proof.prove(host, 0, peaks, list);
        require(proof.provenAt(host, 0), "not proven");
    }

    function test_peaks_that_are_over_leave_the_range_and_free_the_stake() public {
        toPeriod(49);
        same(proof.bytesAtRisk(host), 2_000_000);
        toPeriod(50);
        same(proof.bytesAtRisk(host), 0);
        same(staking.freeStakeOf(host), 100 ether);
        seal(50);
        later(WINDOW + 1);
        vm.expectRevert("Proof: no duty");
        proof.reportMiss(host, 50);
        commit(Book.Entry(0, 0, 0), 0);
        same(book.peakCount(), 0);
    }

    function test_a_miss_is_slashed_and_its_reporter_paid_once() public {
        seal(0);
        vm.expectRevert("Proof: nothing missed yet");
        proof.reportMiss(host, 0);
        later(WINDOW + 1);
        vm.prank(GUARD);
        proof.reportMiss(host, 0);
        same(staking.stakeOf(host), 95 ether);
        same(token.balanceOf(GUARD), 100.5 ether);
        vm.expectRevert("Proof: judged before");
        proof.reportMiss(host, 0);
        require(proof.missedAt(host, 0) && !proof.provenAt(host, 0), "record is off");
    }

    function test_a_proven_period_is_no_miss() public {
        seal(0);
        proveAll(0);
        later(WINDOW + 1);
        vm.expectRevert("Proof: judged before");
        proof.reportMiss(host, 0);
    }

    function test_misses_in_a_row_jail_and_a_proof_between_them_does_not() public {
        for (uint64 period = 0; period < 2; ++period) {
            seal(period);
            later(WINDOW + 1);
            proof.reportMiss(host, period);
        }
        seal(2);
        proveAll(2);
        for (uint64 period = 3; period < 6; ++period) {
            require(!proof.isJailed(host), "jailed too early");
            seal(period);
            later(WINDOW + 1);
            proof.reportMiss(host, period);
        }
        require(proof.isJailed(host), "not jailed");
        // In jail nothing is due, nothing new may be committed, nothing proven.
        seal(6);
        later(WINDOW + 1);
        vm.expectRevert("Proof: no duty");
        proof.reportMiss(host, 6);
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(host);
        vm.expectRevert("Proof: jailed");
        proof.commit(peaks, bytes32("x"), 5, 50, 1);
        vm.prank(host);
        vm.expectRevert("Proof: still jailed");
        proof.unjail();
        toPeriod(11);
        vm.prank(host);
        proof.unjail();
        seal(11);
        proveAll(11);
        require(proof.provenAt(host, 11), "not proven");
        seal(12);
        later(WINDOW + 1);
        proof.reportMiss(host, 12);
    }

    function test_stake_stays_locked_in_jail() public {
        for (uint64 period = 0; period < 3; ++period) {
            seal(period);
            later(WINDOW + 1);
            proof.reportMiss(host, period);
        }
        require(proof.isJailed(host), "not jailed");
        require(staking.requiredStakeOf(host) > 0, "jail frees the stake");
    }

    function test_a_gap_in_duties_does_not_forgive_the_period_before_it() public {
        toPeriod(49);
        seal(49);
        toPeriod(52);
        uint256 before = staking.stakeOf(host);
        commitShards(900, 3, 1_000, 90);
        require(proof.missedAt(host, 49), "forgiven");
        require(staking.stakeOf(host) < before, "not slashed");
        seal(51);
        later(WINDOW + 1);
        vm.expectRevert("Proof: no duty");
        proof.reportMiss(host, 51);
    }

    function test_inclusion_is_known_for_proven_periods_and_now() public {
        seal(0);
        (, Book.Item memory item,,,) = book.at(123_456, 0);
        bytes memory path = book.inclusionAt(123_456, 0);
        require(proof.includedNow(host, item.leaf, path), "not included");
        require(!proof.included(host, 0, item.leaf, path), "included before the proof");
        proveAll(0);
        require(proof.included(host, 0, item.leaf, path), "not included after the proof");
        require(!proof.included(host, 1, item.leaf, path), "another period");
        require(!proof.included(renter, 0, item.leaf, path), "another host");
        require(!proof.included(host, 0, item.leaf, ""), "an empty proof");
        DatasetLeaf memory other = item.leaf;
        other.len += 1;
        require(!proof.included(host, 0, other, path), "another leaf");
        other.len -= 1;
        for (uint256 i = 0; i < path.length; ++i) {
            path[i] ^= 0x01;
            require(!proof.includedNow(host, item.leaf, path), "a changed proof");
            require(!proof.included(host, 0, item.leaf, path), "a changed proof of a period");
            path[i] ^= 0x01;
        }
        // After later commitments the leaf has another path, and the old period keeps its own.
        commitShards(700, 9, 5_000_000, 50);
        require(proof.included(host, 0, item.leaf, path), "history is gone");
        require(!proof.includedNow(host, item.leaf, path), "the present is the past");
    }

    function test_a_pause_voids_the_open_window_and_stops_the_clock() public {
        seal(0);
        vm.prank(OWNER);
        proof.pause();
        require(proof.isVoid(0), "not void");
        later(WINDOW + 1);
        vm.expectRevert("Proof: paused");
        proof.reportMiss(host, 0);
        toPeriod(2);
        vm.roll(proof.firstBlockOf(2) + SEED_DELAY + 1);
        vm.expectRevert("Proof: paused");
        proof.seal(1);
        vm.prank(OWNER);
        proof.unpause();
        vm.expectRevert("Proof: nothing missed yet");
        proof.reportMiss(host, 0);
        proof.seal(1);
        proveAll(1);
        vm.prank(OWNER);
        vm.expectRevert("Proof: paused lately");
        proof.pause();
    }

    function test_a_pause_blocks_neither_withdrawal_nor_commitment() public {
        vm.prank(host);
        staking.requestUnstake(10 ether);
        toPeriod(3);
        vm.prank(OWNER);
        proof.pause();
        later(UNBONDING);
        vm.prank(host);
        staking.withdraw();
        same(token.balanceOf(host), 10 ether);
        commitShards(300, 1, 500, 50);
    }

    function test_a_pause_ends_by_itself_after_its_longest_time() public {
        vm.prank(OWNER);
        proof.pause();
        later(PAUSE_MAX - 1);
        vm.expectRevert("Owner: caller is not the owner");
        proof.unpause();
        later(1);
        proof.unpause();
        require(!proof.paused(), "still paused");
    }

    function test_parameters_change_after_notice_and_within_hard_bounds() public {
        vm.startPrank(OWNER);
        vm.expectRevert("Proof: bad miss share");
        proof.proposeParams(ProofBase.Params(BOND, 1_001, 1_000, 1_000, 3, 5));
        vm.expectRevert("Proof: bad challenge share");
        proof.proposeParams(ProofBase.Params(BOND, 500, 2_001, 1_000, 3, 5));
        vm.expectRevert("Proof: bad reward share");
        proof.proposeParams(ProofBase.Params(BOND, 500, 1_000, 2_501, 3, 5));
        vm.expectRevert("Proof: bad jail");
        proof.proposeParams(ProofBase.Params(BOND, 500, 1_000, 1_000, 0, 5));
        proof.proposeParams(ProofBase.Params(BOND, 100, 1_000, 1_000, 3, 5));
        vm.expectRevert("Proof: too early");
        proof.applyParams();
        later(DELAY);
        proof.applyParams();
        vm.stopPrank();
        (, uint16 missBps,,,,) = proof.params();
        same(missBps, 100);
        vm.expectRevert("Owner: caller is not the owner");
        proof.pause();
    }
}
