// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement} from "../src/Agreements.sol";
import {Escrow} from "../src/Escrow.sol";
import {Wallet} from "./Doubles.sol";
import {AgreementFixture} from "./AgreementFixture.sol";

/// Money for proofs: each epoch paid or refunded once, nothing lost on the way.
contract EscrowTest is AgreementFixture {
    function test_open_locks_the_whole_price() public {
        Agreement memory a = terms(1, 10);
        uint256 before = token.balanceOf(renter);
        open(a);
        uint256 price = escrow.costOf(a, 10);
        same(before - token.balanceOf(renter), price);
        same(escrow.totalLocked(), price);
        (uint256 left,,, uint8 state) = escrow.leaseOf(digestOf(a));
        same(left, price);
        same(state, 1);
    }

    function test_cost_is_that_of_the_cheque_road() public view {
        Agreement memory a = terms(1, 10);
        (a.shardLen, a.price) = (381_216, 125_000_000);
        // ceil(381,216 x 125,000,000 x 30 / 2^30)
        same(escrow.costOf(a, 30), 1_331_382);
        same(escrow.costOf(a, 0), 0);
        (a.shardLen, a.price) = (1, 1);
        same(escrow.costOf(a, 1), 1);
    }

    function test_proven_epoch_is_paid_to_the_payout_address_once() public {
        Agreement memory a = terms(1, 10);
        open(a);
        uint64 epoch = a.startEpoch;
        prove(a, epoch);
        escrow.release(a, epoch, "in");
        same(token.balanceOf(COLD), escrow.costOf(a, 1));
        require(escrow.isReleased(digestOf(a), a.startEpoch, epoch), "marked");
        vm.expectRevert("Escrow: epoch is done");
        escrow.release(a, epoch, "in");
    }

    function test_epoch_without_proof_or_inclusion_is_not_paid() public {
        Agreement memory a = terms(1, 10);
        open(a);
        vm.expectRevert("Escrow: not proven");
        escrow.release(a, a.startEpoch, "in");
        prove(a, a.startEpoch);
        vm.expectRevert("Escrow: not proven");
        escrow.release(a, a.startEpoch, "out");
        proofs.hold(host, digestOf(a), false);
        vm.expectRevert("Escrow: not proven");
        escrow.release(a, a.startEpoch, "in");
    }

    function test_proof_of_one_epoch_pays_no_other() public {
        Agreement memory a = terms(1, 10);
        open(a);
        prove(a, a.startEpoch);
        vm.expectRevert("Escrow: not proven");
        escrow.release(a, a.startEpoch + 1, "in");
    }

    function test_epochs_outside_the_term_are_refused() public {
        Agreement memory a = terms(1, 10);
        open(a);
        vm.expectRevert("Escrow: not in the term");
        escrow.release(a, a.startEpoch - 1, "in");
        vm.expectRevert("Escrow: not in the term");
        escrow.release(a, a.endEpoch, "in");
    }

    function test_several_epochs_are_paid_at_once_or_not_at_all() public {
        Agreement memory a = terms(1, 10);
        open(a);
        uint64[] memory epochs = new uint64[](3);
        bytes[] memory paths = new bytes[](3);
        for (uint64 i = 0; i < 3; ++i) {
            epochs[i] = a.startEpoch + 2 * i;
            paths[i] = "in";
            if (i < 2) prove(a, epochs[i]);
        }
        vm.expectRevert("Escrow: not proven");
        escrow.releaseMany(a, epochs, paths);
        prove(a, epochs[2]);
        escrow.releaseMany(a, epochs, paths);
        same(token.balanceOf(COLD), escrow.costOf(a, 3));
        (epochs[0], epochs[1]) = (a.startEpoch + 1, a.startEpoch + 1);
        proofs.prove(host, a.startEpoch + 1, 1);
        vm.expectRevert("Escrow: epoch is done");
        escrow.releaseMany(a, epochs, paths);
    }

    function test_missed_epoch_goes_back_once_its_window_is_closed() public {
        Agreement memory a = terms(1, 10);
        open(a);
        uint256 before = token.balanceOf(renter);
        toEpoch(a.startEpoch + 1);
        vm.expectRevert("Escrow: not missed");
        escrow.refund(a, list(a.startEpoch));
        toEpoch(a.startEpoch + 2);
        escrow.refund(a, list(a.startEpoch));
        same(token.balanceOf(renter) - before, escrow.costOf(a, 10) - escrow.costOf(a, 9));
        prove(a, a.startEpoch);
        vm.expectRevert("Escrow: epoch is done");
        escrow.release(a, a.startEpoch, "in");
    }

    function test_void_epoch_goes_back_like_a_missed_one() public {
        Agreement memory a = terms(1, 10);
        open(a);
        proofs.setVoid(a.startEpoch);
        toEpoch(a.startEpoch + 2);
        escrow.refund(a, list(a.startEpoch));
    }

    /// A host that proves its dataset but never shows the agreement in it.
    function test_proven_epoch_without_inclusion_goes_back_after_the_claim_window() public {
        Agreement memory a = terms(1, 10);
        open(a);
        proofs.prove(host, a.startEpoch, 1);
        toEpoch(a.startEpoch + CLAIM_EPOCHS);
        vm.expectRevert("Escrow: not missed");
        escrow.refund(a, list(a.startEpoch));
        toEpoch(a.startEpoch + CLAIM_EPOCHS + 1);
        escrow.refund(a, list(a.startEpoch));
    }

    function test_settling_returns_everything_left_to_the_renter() public {
        Agreement memory a = terms(1, 10);
        uint256 before = token.balanceOf(renter);
        open(a);
        prove(a, a.startEpoch);
        escrow.release(a, a.startEpoch, "in");
        toEpoch(a.endEpoch + CLAIM_EPOCHS);
        vm.expectRevert("Escrow: too early");
        escrow.settle(a);
        toEpoch(a.endEpoch + CLAIM_EPOCHS + 1);
        escrow.settle(a);
        same(before - token.balanceOf(renter), escrow.costOf(a, 1));
        same(escrow.totalLocked(), 0);
        vm.expectRevert("Escrow: not open");
        escrow.settle(a);
        vm.expectRevert("Escrow: not open");
        escrow.release(a, a.startEpoch + 1, "in");
    }

    function test_other_terms_are_another_agreement() public {
        Agreement memory a = terms(1, 10);
        open(a);
        prove(a, a.startEpoch);
        a.payout = address(0xBAD);
        vm.expectRevert("Escrow: not open");
        escrow.release(a, a.startEpoch, "in");
        a.payout = COLD;
        a.price += 1;
        vm.expectRevert("Escrow: not open");
        escrow.release(a, a.startEpoch, "in");
    }

    function test_agreement_needs_both_signatures() public {
        Agreement memory a = terms(1, 10);
        bytes32 digest = digestOf(a);
        bytes memory good = signed(RENTER_KEY, digest);
        bytes memory bad = signed(0xBAD, digest);
        vm.startPrank(renter);
        vm.expectRevert("Escrow: renter did not sign");
        escrow.open(a, bad, signed(HOST_KEY, digest), type(uint256).max);
        vm.expectRevert("Escrow: host did not sign");
        escrow.open(a, good, bad, type(uint256).max);
        vm.stopPrank();
    }

    function test_terms_this_escrow_is_not_for_are_refused() public {
        Agreement memory a = terms(1, 10);
        a.payMode = 0;
        refuse(a, "Escrow: other pay mode");
        a = terms(1, 10);
        a.networkId = bytes32("other");
        refuse(a, "Escrow: other network");
        a = terms(1, 10);
        a.endEpoch = a.startEpoch;
        refuse(a, "Escrow: no term");
        a.endEpoch = a.startEpoch + 100_001;
        refuse(a, "Escrow: term too long");
        a = terms(1, 10);
        a.payout = address(0);
        refuse(a, "Escrow: bad payout");
        a = terms(1, 10);
        a.price = 0;
        refuse(a, "Escrow: nothing to lock");
        a = terms(1, 10);
        toEpoch(a.endEpoch);
        refuse(a, "Escrow: term is over");
    }

    function test_payer_sets_a_maximum() public {
        Agreement memory a = terms(1, 10);
        bytes32 digest = digestOf(a);
        uint256 price = escrow.costOf(a, 10);
        vm.prank(renter);
        vm.expectRevert("Escrow: above the maximum");
        escrow.open(a, signed(RENTER_KEY, digest), signed(HOST_KEY, digest), price - 1);
    }

    function test_same_agreement_is_opened_once() public {
        Agreement memory a = terms(1, 10);
        open(a);
        refuse(a, "Escrow: already opened");
    }

    function test_registered_payout_address_binds_new_agreements() public {
        vm.prank(host);
        factory.setPayout(address(0xC01D2));
        refuse(terms(1, 10), "Escrow: not the registered payout address");
    }

    function test_contract_wallet_is_a_renter_and_gets_the_refund() public {
        Wallet wallet = new Wallet(renter);
        Agreement memory a = terms(1, 10);
        a.renter = address(wallet);
        open(a);
        toEpoch(a.startEpoch + 2);
        escrow.refund(a, list(a.startEpoch));
        require(token.balanceOf(address(wallet)) > 0, "the renter of the terms is refunded");
    }

    function test_bad_constructor_arguments_are_refused() public {
        (address t, address p, address f) = (address(token), address(proofs), address(factory));
        vm.expectRevert("Escrow: bad claim window");
        new Escrow(t, p, f, NETWORK, 25);
        vm.expectRevert("Escrow: bad claim window");
        new Escrow(t, p, f, NETWORK, 0);
        vm.expectRevert("Escrow: proofs have no code");
        new Escrow(t, COLD, f, NETWORK, 7);
    }

    /// Any mix of released and refunded epochs, in any order, ends with locked = released +
    /// refunded, and the host has exactly the price of as many epochs as it proved.
    function testFuzz_locked_is_released_plus_refunded(
        uint64 len,
        uint128 price,
        uint256 dice,
        uint8 epochs
    ) public {
        Agreement memory a = terms(1, uint64(epochs) % 60 + 1);
        (a.shardLen, a.price) = (len % (64 << 20) + 1, price % 1e24 + 1);
        uint256 cost = escrow.costOf(a, a.endEpoch - a.startEpoch);
        fundRenter(cost);
        uint256 before = token.balanceOf(renter);
        open(a);
        toEpoch(a.startEpoch + 65);
        uint256 released;
        for (uint64 epoch = a.startEpoch; epoch < a.endEpoch; ++epoch) {
            uint256 act = dice >> (epoch - a.startEpoch) * 2 & 3;
            if (act == 0) {
                prove(a, epoch);
                escrow.release(a, epoch, "in");
                ++released;
            } else if (act == 1) {
                escrow.refund(a, list(epoch));
            }
        }
        (uint256 left,,,) = escrow.leaseOf(digestOf(a));
        same(token.balanceOf(address(escrow)), left);
        same(token.balanceOf(COLD), escrow.costOf(a, released));
        toEpoch(a.endEpoch + CLAIM_EPOCHS + 1 + 65);
        escrow.settle(a);
        same(before - token.balanceOf(renter), escrow.costOf(a, released));
        same(token.balanceOf(address(escrow)), 0);
    }
}
