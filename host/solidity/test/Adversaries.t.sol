// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Dataset} from "../src/Dataset.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {Book, Pattern} from "./Prover.sol";
import {ProofFixture} from "./ProofFixture.sol";

/// The six who lie, each with what catches it.
contract AdversariesTest is ProofFixture {
    uint64 internal constant LEN = 100_000;

    function setUp() public {
        setUpProof();
    }

    function tryProve(address who, uint64 period, bytes memory list) internal returns (bool done) {
        bytes memory peaks = book.bytesOfPeaks();
        (done,) = address(proof).call(abi.encodeCall(proof.prove, (who, period, peaks, list)));
    }

    /// Answers with everything but bytes of the pattern shards `from` and later; those are zeros.
    function answersWithout(uint64 period, uint256 from)
        internal
        view
        returns (bytes memory list, bool hit)
    {
        bytes32 seed = seedAt(period);
        for (uint256 i = 0; i < K; ++i) {
            uint256 drawn = book.draw(seed, host, period, i);
            (bytes memory head, Book.Item memory item, uint256 within) =
                book.headAt(0, drawn, period);
            bytes memory shown = Pattern.proof(item.seed, item.leaf.len, within / 256);
            if (drawn >= from * LEN) {
                hit = true;
                for (uint256 j = 0; j < 256; ++j) {
                    shown[j] = 0;
                }
            }
            list = bytes.concat(list, head, shown);
        }
    }

    // 1. Drops a lost shard at update.

    function test_a_lost_shard_cannot_be_dropped_by_an_update() public {
        commitShards(0, 10, LEN, 50);
        bytes32 before = proof.currentOf(host);
        toPeriod(1);
        // Peaks over nine shards instead of ten are refused, with a batch and without one.
        Book.Entry memory nine = batchOf(0, 9, LEN, 50);
        bytes memory forged = abi.encodePacked(nine.node, nine.sum, nine.end);
        vm.startPrank(host);
        vm.expectRevert("Proof: not the present peaks");
        proof.commit(forged, 0, 0, 0, 0);
        vm.expectRevert("Proof: not the present peaks");
        proof.commit("", nine.node, nine.sum, nine.end, 9);
        vm.stopPrank();
        // What is accepted keeps the lost shard in the range.
        commitShards(50, 1, LEN, 50);
        (uint256 live,) = Dataset.liveBytes(book.bytesOfPeaks(), 1);
        same(live, 11 * LEN);
        require(proof.currentOf(host) != before, "nothing happened");
    }

    function test_a_lost_shard_is_found_by_the_table_and_the_rest_is_a_challenge() public {
        // 10 % lost: ten draws miss it with 0.9^10 = 35 %. 40 periods: 14 expected, and within
        // four standard deviations (3.0) of that.
        commitShards(0, 10, LEN, 200);
        uint256 passed;
        for (uint64 period = 0; period < 40; ++period) {
            seal(period);
            (bytes memory list, bool hit) = answersWithout(period, 9);
            bool done = tryProve(host, period, list);
            require(done != hit, "passed without the bytes");
            if (done) ++passed;
        }
        require(passed >= 2 && passed <= 26, string.concat("passed ", text(passed), " of 40"));
    }

    function test_an_omitted_shard_is_reported_with_the_receipt() public {
        // The batch simply leaves shard 3 out, though a receipt was given for it.
        commitShards(0, 3, LEN, 50);
        Agreement memory missing = terms(seedOf(3), LEN, 0, 50);
        bytes32 digest = Agreements.digest(missing);
        bytes memory receipt = receiptOf(missing);
        vm.prank(GUARD);
        uint256 id = disputes.reportOmission(
            missing, sigRenter(digest), signed(HOST_KEY, digest), receipt
        );
        DatasetLeaf memory leaf = leafOf(missing);
        bytes memory path = book.inclusionAt(2 * LEN, 0);
        vm.expectRevert("Disputes: not in the dataset");
        disputes.answerOmission(id, leaf, path);
        vm.roll(proof.firstBlockOf(2));
        disputes.claim(id);
        same(staking.stakeOf(host), 90 ether);
    }

    // 2. Lists one twice.

    function test_an_agreement_listed_twice_is_slashed_on_the_spot_and_once() public {
        Book.Entry[] memory list = new Book.Entry[](3);
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 seed = seedOf(i % 2);
            list[i] = book.enter(leafOf(terms(seed, LEN, 0, 50)), seed);
        }
        commit(book.batch(list), 3);
        DatasetLeaf memory leaf = leafOf(terms(seedOf(0), LEN, 0, 50));
        bytes memory one = book.inclusionAt(0, 0);
        bytes memory two = book.inclusionAt(2 * LEN, 0);
        vm.startPrank(GUARD);
        vm.expectRevert("Disputes: one place");
        disputes.reportDuplicate(host, leaf, one, leaf, one);
        disputes.reportDuplicate(host, leaf, one, leaf, two);
        same(staking.stakeOf(host), 90 ether);
        same(token.balanceOf(GUARD), 101 ether);
        vm.expectRevert("Disputes: reported before");
        disputes.reportDuplicate(host, leaf, two, leaf, one);
        vm.stopPrank();
    }

    function test_one_agreement_under_two_lengths_is_a_duplicate_too() public {
        DatasetLeaf memory leaf = leafOf(terms(seedOf(0), LEN, 0, 50));
        DatasetLeaf memory longer = leafOf(terms(seedOf(0), LEN, 0, 50));
        longer.len = 2 * LEN;
        Book.Entry[] memory list = new Book.Entry[](2);
        list[0] = book.enter(leaf, seedOf(0));
        list[1] = book.enter(longer, seedOf(0));
        commit(book.batch(list), 2);
        bytes memory one = book.inclusionAt(0, 0);
        bytes memory two = book.inclusionAt(LEN, 0);
        disputes.reportDuplicate(host, leaf, one, longer, two);
        same(staking.stakeOf(host), 90 ether);
    }

    function test_two_honest_leaves_are_no_duplicate() public {
        commitShards(0, 3, LEN, 50);
        DatasetLeaf memory leaf = leafOf(terms(seedOf(0), LEN, 0, 50));
        DatasetLeaf memory other = leafOf(terms(seedOf(1), LEN, 0, 50));
        bytes memory one = book.inclusionAt(0, 0);
        bytes memory two = book.inclusionAt(LEN, 0);
        vm.expectRevert("Disputes: two agreements");
        disputes.reportDuplicate(host, leaf, one, other, two);
        vm.expectRevert("Disputes: not in the dataset");
        disputes.reportDuplicate(host, leaf, one, leaf, two);
    }

    // 3. Inflates a sum.

    function test_a_batch_that_claims_more_bytes_than_it_has_proves_nothing() public {
        Book.Entry memory root = batchOf(0, 10, LEN, 50);
        bytes memory peaks = book.bytesOfPeaks();
        root.sum *= 2;
        vm.prank(host);
        proof.commit(peaks, root.node, root.sum, root.end, 10);
        book.append(root, 0);
        bytes32 seed = seal(0);
        // Whatever leaf is shown, no climb reaches a peak of that sum.
        for (uint256 i = 0; i < 10; ++i) {
            (bytes memory head,,) = book.headAt(0, i * LEN, 0);
            head = bytes.concat(head, Pattern.proof(seedOf(i), LEN, 0));
            require(!tryProve(host, 0, head), "an inflated peak was reached");
        }
        later(WINDOW + 1);
        proof.reportMiss(host, 0);
        require(staking.stakeOf(host) < 100 ether && seed != 0, "not slashed");
    }

    function test_a_batch_that_claims_one_byte_more_is_refused_though_every_leaf_is_there() public {
        Book.Entry memory root = batchOf(0, 10, LEN, 50);
        root.sum += 1;
        commit(root, 10);
        seal(0);
        // No draw hits the byte too many, so each leaf and each path is a true one.
        bytes memory list = book.answers(seedAt(0), host, 0, K);
        require(!tryProve(host, 0, list), "a sum that is off by one was proven");
    }

    function test_bytes_made_up_inside_a_batch_cannot_be_shown() public {
        // The right half says that it holds nine times its bytes. What lies left of it can be
        // proven; a draw into the invention cannot, and 80 % of the draws go there.
        Book.Entry memory left = batchOf(0, 5, LEN, 50);
        Book.Entry memory right = batchOf(5, 5, LEN, 50);
        right.sum *= 9;
        commit(book.join(left, right), 10);
        seal(0);
        bytes32 seed = seedAt(0);
        bytes memory list;
        uint256 made;
        for (uint256 i = 0; i < K; ++i) {
            uint256 drawn = book.draw(seed, host, 0, i);
            if (drawn >= 10 * LEN) ++made;
            list = bytes.concat(list, book.answer(drawn % (5 * LEN), 0));
        }
        require(made > 0, "no draw hit the invention");
        require(!tryProve(host, 0, list), "made-up bytes were proven");
        // And anybody may ask what stands behind such a byte.
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(GUARD);
        uint256 id = disputes.challengeTerms(host, peaks, 30 * LEN);
        Agreement memory deal = terms(seedOf(9), LEN, 0, 50);
        bytes memory path = book.inclusionAt(9 * LEN, 1);
        bytes memory signature = sigRenter(Agreements.digest(deal));
        vm.expectRevert("Disputes: not in the dataset");
        disputes.answerTerms(id, 1, 30 * LEN, deal, path, signature);
        later(ANSWER + 1);
        disputes.claim(id);
        same(staking.stakeOf(host), 90 ether);
    }

    function test_a_leaf_longer_than_a_shard_is_no_answer() public {
        // A leaf that is over, of 2^40 bytes, would swallow the draws of everything else.
        DatasetLeaf memory huge = leafOf(terms(seedOf(0), LEN, 0, 0));
        huge.len = 40 << 30;
        Book.Entry[] memory list = new Book.Entry[](2);
        list[0] = book.enter(huge, seedOf(0));
        list[1] = book.enter(leafOf(terms(seedOf(1), LEN, 0, 50)), seedOf(1));
        commit(book.batch(list), 2);
        seal(0);
        require(!tryProve(host, 0, book.answers(seedAt(0), host, 0, K)), "a huge leaf answered");
    }

    // 4. Commits self-signed shards.

    function test_a_leaf_without_a_renters_signature_is_slashed() public {
        commitShards(0, 4, LEN, 50);
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(GUARD);
        uint256 id = disputes.challengeTerms(host, peaks, 2 * LEN);
        Agreement memory deal = terms(seedOf(2), LEN, 0, 50);
        bytes memory path = book.inclusionAt(2 * LEN, 0);
        bytes memory own = signed(HOST_KEY, Agreements.digest(deal));
        vm.expectRevert("Disputes: renter did not sign");
        disputes.answerTerms(id, 0, 2 * LEN, deal, path, own);
        // Terms that name the host as renter carry a signature, but are not this leaf.
        deal.renter = host;
        own = signed(HOST_KEY, Agreements.digest(deal));
        vm.expectRevert("Disputes: not in the dataset");
        disputes.answerTerms(id, 0, 2 * LEN, deal, path, own);
        later(ANSWER + 1);
        disputes.claim(id);
        same(staking.stakeOf(host), 90 ether);
    }

    // 5. Proves with another's copy.

    function test_another_hosts_proof_is_no_proof() public {
        commitShards(0, 10, LEN, 50);
        address thief = address(0x7412F);
        stakeAs(thief, 100 ether);
        Book.Entry memory root = batchOf(0, 10, LEN, 50);
        vm.prank(thief);
        proof.commit("", root.node, root.sum, root.end, 10);
        bytes32 seed = seal(0);
        bytes memory list = book.answers(seed, host, 0, K);
        require(!tryProve(thief, 0, list), "a copied proof was accepted");
        require(tryProve(host, 0, list), "the owner's was not");
    }

    function test_another_hosts_agreements_do_not_answer_for_a_commitment() public {
        // The thief lists the victim's agreements and even has the bytes at hand.
        address thief = address(0x7412F);
        stakeAs(thief, 100 ether);
        Book.Entry memory root = batchOf(0, 10, LEN, 50);
        vm.prank(thief);
        proof.commit("", root.node, root.sum, root.end, 10);
        book.append(root, 0);
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(GUARD);
        uint256 id = disputes.challengeTerms(thief, peaks, 4 * LEN);
        Agreement memory deal = terms(seedOf(4), LEN, 0, 50);
        bytes memory path = book.inclusionAt(4 * LEN, 0);
        bytes memory signature = sigRenter(Agreements.digest(deal));
        vm.expectRevert("Disputes: another host's agreement");
        disputes.answerTerms(id, 0, 4 * LEN, deal, path, signature);
        later(ANSWER + 1);
        disputes.claim(id);
        same(staking.stakeOf(thief), 90 ether);
    }

    // 6. Answers late.

    function test_a_late_proof_is_a_miss() public {
        commitShards(0, 10, LEN, 50);
        bytes32 seed = seal(0);
        bytes memory list = book.answers(seed, host, 0, K);
        bytes memory peaks = book.bytesOfPeaks();
        later(WINDOW + 1);
        vm.expectRevert("Proof: too late");
        proof.prove(host, 0, peaks, list);
        toPeriod(2);
        vm.expectRevert("Proof: not the period before");
        proof.prove(host, 0, peaks, list);
        vm.prank(GUARD);
        proof.reportMiss(host, 0);
        same(staking.stakeOf(host), 95 ether);
    }

    function test_the_last_block_of_the_window_is_in_time() public {
        commitShards(0, 10, LEN, 50);
        seal(0);
        later(WINDOW);
        proveAll(0);
        vm.expectRevert("Proof: nothing missed yet");
        proof.reportMiss(host, 0);
    }
}
