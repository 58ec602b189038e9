// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Disputes} from "../src/Disputes.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {Book, Pattern} from "./Prover.sol";
import {ProofFixture} from "./ProofFixture.sol";

/// Challenges: who may ask what, what answers it, who pays when nobody does.
contract DisputesTest is ProofFixture {
    uint64 internal constant LEN = 100_000;

    function setUp() public {
        setUpProof();
        commitShards(0, 20, LEN, 50);
    }

    function deal(uint256 i) internal view returns (Agreement memory) {
        return terms(seedOf(i), LEN, 0, 50);
    }

    function openShard(uint256 i, uint64 index) internal returns (uint256) {
        DatasetLeaf memory leaf = leafOf(deal(i));
        bytes memory path = book.inclusionAt(i * LEN, proof.currentPeriod());
        vm.prank(GUARD);
        return disputes.challengeShard(host, leaf, path, index);
    }

    function openTerms(uint64 offset) internal returns (uint256) {
        bytes memory peaks = book.bytesOfPeaks();
        vm.prank(GUARD);
        return disputes.challengeTerms(host, peaks, offset);
    }

    /// An agreement that no commitment has, with everything a renter would hold.
    function openOmission(Agreement memory missing) internal returns (uint256) {
        bytes32 digest = Agreements.digest(missing);
        bytes memory receipt = receiptOf(missing);
        vm.prank(GUARD);
        bytes memory byHost = signed(HOST_KEY, digest);
        return disputes.reportOmission(missing, sigRenter(digest), byHost, receipt);
    }

    function test_a_shown_leaf_earns_the_host_the_bond() public {
        uint256 id = openShard(7, 390);
        same(token.balanceOf(GUARD), 99 ether);
        (uint32 holds,,) = staking.slashStateOf(host);
        same(holds, 1);
        disputes.answerShard(id, leafOf(deal(7)), 390, Pattern.proof(seedOf(7), LEN, 390));
        same(token.balanceOf(host), 1 ether);
        same(staking.stakeOf(host), 100 ether);
        (holds,,) = staking.slashStateOf(host);
        same(holds, 0);
        vm.expectRevert("Disputes: no such challenge");
        disputes.claim(id);
    }

    function test_only_the_asked_leaf_answers() public {
        uint256 id = openShard(7, 390);
        DatasetLeaf memory leaf = leafOf(deal(7));
        bytes memory shown = Pattern.proof(seedOf(7), LEN, 391 - 1);
        vm.expectRevert("Disputes: not what was asked");
        disputes.answerShard(id, leaf, 389, shown);
        DatasetLeaf memory other = leafOf(deal(8));
        vm.expectRevert("Disputes: not what was asked");
        disputes.answerShard(id, other, 390, shown);
        shown[5] ^= 0x01;
        vm.expectRevert("Disputes: not the shard's leaf");
        disputes.answerShard(id, leaf, 390, shown);
        vm.expectRevert("Disputes: bad length");
        disputes.answerShard(id, leaf, 390, bytes.concat(shown, hex"00"));
    }

    function test_an_unanswered_challenge_is_slashed_and_pays_the_challenger() public {
        uint256 id = openShard(3, 0);
        later(ANSWER);
        vm.expectRevert("Disputes: still answerable");
        disputes.claim(id);
        later(1);
        DatasetLeaf memory leaf = leafOf(deal(3));
        bytes memory shown = Pattern.proof(seedOf(3), LEN, 0);
        vm.expectRevert("Disputes: too late");
        disputes.answerShard(id, leaf, 0, shown);
        disputes.claim(id);
        same(staking.stakeOf(host), 90 ether);
        same(token.balanceOf(GUARD), 101 ether);
        same(token.balanceOf(address(disputes)), 0);
        vm.expectRevert("Disputes: no such challenge");
        disputes.claim(id);
    }

    function test_stake_does_not_leave_under_an_open_challenge() public {
        vm.prank(host);
        staking.requestUnstake(90 ether);
        later(UNBONDING);
        uint256 id = openShard(3, 0);
        vm.prank(host);
        vm.expectRevert("Staking: a challenge is open");
        staking.withdraw();
        later(ANSWER + 1);
        disputes.claim(id);
        vm.prank(host);
        staking.withdraw();
        same(token.balanceOf(host), 90 ether);
        same(staking.stakeOf(host), 0);
    }

    function test_only_what_is_committed_can_be_challenged() public {
        DatasetLeaf memory leaf = leafOf(deal(3));
        bytes memory path = book.inclusionAt(3 * LEN, 0);
        vm.startPrank(GUARD);
        vm.expectRevert("Disputes: no such leaf");
        disputes.challengeShard(host, leaf, path, 391);
        vm.expectRevert("Disputes: not in the dataset");
        disputes.challengeShard(renter, leaf, path, 0);
        leaf.endEpoch = 51;
        vm.expectRevert("Disputes: not in the dataset");
        disputes.challengeShard(host, leaf, path, 0);
        leaf.endEpoch = 50;
        toPeriod(50);
        vm.expectRevert("Disputes: agreement is over");
        disputes.challengeShard(host, leaf, path, 0);
        vm.stopPrank();
    }

    function test_a_release_answers_a_challenge_on_a_shard() public {
        uint256 id = openShard(3, 9);
        Agreement memory mine = deal(3);
        DatasetLeaf memory leaf = leafOf(mine);
        bytes32 digest = Agreements.releaseDigest(NETWORK, leaf.agreement);
        bytes memory forged = signed(HOST_KEY, digest);
        vm.expectRevert("Disputes: not released");
        disputes.answerReleased(id, leaf, 9, mine, forged);
        disputes.answerReleased(id, leaf, 9, mine, sigRenter(digest));
        same(token.balanceOf(host), 1 ether);
    }

    function test_a_signed_agreement_answers_for_its_byte() public {
        uint64 offset = 5 * LEN + 77;
        uint256 id = openTerms(offset);
        bytes memory path = book.inclusionAt(offset, 0);
        Agreement memory mine = deal(5);
        bytes memory signature = sigRenter(Agreements.digest(mine));
        disputes.answerTerms(id, 0, offset, mine, path, signature);
        same(token.balanceOf(host), 1 ether);
    }

    function test_another_leaf_does_not_answer_for_a_byte() public {
        uint64 offset = 5 * LEN + 77;
        uint256 id = openTerms(offset);
        bytes memory path = book.inclusionAt(6 * LEN, 0);
        Agreement memory mine = deal(6);
        bytes memory signature = sigRenter(Agreements.digest(mine));
        vm.expectRevert("Disputes: not the asked byte");
        disputes.answerTerms(id, 0, offset, mine, path, signature);
        vm.expectRevert("Disputes: not what was asked");
        disputes.answerTerms(id, 0, offset + 1, mine, path, signature);
    }

    function test_a_byte_beyond_the_range_is_no_question() public {
        bytes memory peaks = book.bytesOfPeaks();
        vm.expectRevert("Disputes: no such byte");
        disputes.challengeTerms(host, peaks, 20 * LEN);
        vm.expectRevert("Disputes: not the present peaks");
        disputes.challengeTerms(renter, peaks, 0);
        vm.expectRevert("Disputes: not the present peaks");
        disputes.challengeTerms(renter, "", 0);
    }

    function test_omission_needs_the_receipt_beside_both_signatures() public {
        Agreement memory missing = terms(seedOf(99), LEN, 0, 50);
        bytes32 digest = Agreements.digest(missing);
        bytes memory byRenter = sigRenter(digest);
        bytes memory byHost = signed(HOST_KEY, digest);
        bytes memory receipt = receiptOf(missing);
        vm.startPrank(GUARD);
        // The host's own signature under the agreement promises nothing yet.
        vm.expectRevert("Disputes: no receipt");
        disputes.reportOmission(missing, byRenter, byHost, byHost);
        vm.expectRevert("Disputes: no receipt");
        disputes.reportOmission(missing, byRenter, byHost, "");
        vm.expectRevert("Disputes: host did not sign");
        disputes.reportOmission(missing, byRenter, byRenter, receipt);
        vm.expectRevert("Disputes: renter did not sign");
        disputes.reportOmission(missing, byHost, byHost, receipt);
        disputes.reportOmission(missing, byRenter, byHost, receipt);
        vm.expectRevert("Disputes: reported before");
        disputes.reportOmission(missing, byRenter, byHost, receipt);
        vm.stopPrank();
    }

    function test_omission_outside_the_term_or_network_is_refused() public {
        Agreement memory missing = terms(seedOf(99), LEN, 1, 50);
        bytes memory none;
        vm.expectRevert("Disputes: not in its term");
        disputes.reportOmission(missing, none, none, none);
        toPeriod(50);
        vm.expectRevert("Disputes: not in its term");
        disputes.reportOmission(missing, none, none, none);
        toPeriod(1);
        missing.networkId = bytes32("other");
        vm.expectRevert("Disputes: another network");
        disputes.reportOmission(missing, none, none, none);
    }

    function test_a_reported_host_still_has_time_to_commit_and_show_it() public {
        uint256 id = openOmission(terms(seedOf(99), LEN, 0, 50));
        DatasetLeaf memory leaf = leafOf(terms(seedOf(99), LEN, 0, 50));
        // It has committed in period 0 already, and may again in period 1.
        toPeriod(1);
        commitShards(99, 1, LEN, 50);
        bytes memory path = book.inclusionAt(20 * LEN, 1);
        vm.roll(proof.firstBlockOf(2) - 1);
        disputes.answerOmission(id, leaf, path);
        same(token.balanceOf(host), 1 ether);
    }

    function test_an_omission_without_answer_is_slashed() public {
        uint256 id = openOmission(terms(seedOf(99), LEN, 0, 50));
        vm.roll(proof.firstBlockOf(2));
        disputes.claim(id);
        same(staking.stakeOf(host), 90 ether);
    }

    function test_an_omission_of_a_released_agreement_is_answered_by_the_release() public {
        Agreement memory missing = terms(seedOf(99), LEN, 0, 50);
        uint256 id = openOmission(missing);
        DatasetLeaf memory leaf = leafOf(missing);
        bytes memory signature = sigRenter(Agreements.releaseDigest(NETWORK, leaf.agreement));
        disputes.answerReleased(id, leaf, 0, missing, signature);
        same(token.balanceOf(host), 1 ether);
    }

    function test_pauses_move_the_deadline_and_never_block_an_answer() public {
        uint256 id = openShard(7, 390);
        uint256 until = disputes.answerableUntil(id);
        later(10);
        vm.prank(OWNER);
        proof.pause();
        later(100);
        vm.expectRevert("Disputes: paused");
        disputes.claim(id);
        vm.prank(OWNER);
        proof.unpause();
        same(disputes.answerableUntil(id), until + 100);
        later(29);
        disputes.answerShard(id, leafOf(deal(7)), 390, Pattern.proof(seedOf(7), LEN, 390));
    }

    function test_nobody_else_may_punish_or_hold() public {
        vm.startPrank(OWNER);
        vm.expectRevert("Proof: caller is not the disputes contract");
        proof.punish(host, OWNER);
        vm.expectRevert("Proof: caller is not the disputes contract");
        proof.hold(host);
        vm.expectRevert("Proof: caller is not the disputes contract");
        proof.unhold(host);
        vm.expectRevert("Proof: disputes are bound");
        proof.bindDisputes(address(disputes));
        vm.stopPrank();
    }
}
