// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Token} from "../src/Token.sol";
import {Vault} from "../src/Vault.sol";
import {ReentrantToken, SilentToken, Wallet} from "./Doubles.sol";
import {Fixture} from "./Fixture.sol";

/// Cashing: what a valid cheque pays, what a short vault leaves on record, what is refused.
contract ChequesTest is Fixture {
    address internal constant COLD = address(0xC01D);

    function test_first_and_later_cheques_pay_the_difference() public {
        cashAs(host, COLD, 10 ether);
        same(token.balanceOf(COLD), 10 ether);
        cashAs(host, COLD, 25 ether);
        same(token.balanceOf(COLD), 25 ether);
        same(vault.paidOut(host), 25 ether);
        same(vault.multiTokensPaidOut(address(token), host), 25 ether);
        same(vault.totalPaidOut(), 25 ether);
        same(vault.totalbalance(), FUNDS - 25 ether);
        require(!vault.bounced(), "nothing was short");
    }

    function test_cashing_emits_the_event_of_btfs() public {
        bytes memory sig = cheque(host, 7 ether);
        vm.expectEmit();
        emit Vault.ChequeCashed(host, COLD, host, 7 ether, 7 ether, 0);
        vm.prank(host);
        vault.cashChequeBeneficiary(COLD, 7 ether, sig);
    }

    function test_same_cheque_is_not_paid_twice() public {
        cashAs(host, host, 10 ether);
        bytes memory sig = cheque(host, 10 ether);
        vm.prank(host);
        vm.expectRevert("Vault: cannot cash");
        vault.cashChequeBeneficiary(host, 10 ether, sig);
    }

    function test_older_cheque_is_refused_after_a_newer_one() public {
        cashAs(host, host, 10 ether);
        bytes memory sig = cheque(host, 9 ether);
        vm.prank(host);
        vm.expectRevert("Vault: cannot cash");
        vault.cashChequeBeneficiary(host, 9 ether, sig);
    }

    function test_cheque_of_another_beneficiary_is_refused() public {
        bytes memory sig = cheque(host, 10 ether);
        vm.prank(COLD);
        vm.expectRevert("Vault: invalid issuer signature");
        vault.cashChequeBeneficiary(COLD, 10 ether, sig);
    }

    function test_cheque_with_another_amount_is_refused() public {
        bytes memory sig = cheque(host, 10 ether);
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        vault.cashChequeBeneficiary(host, 10 ether + 1, sig);
    }

    function test_cheque_is_refused_on_another_chain() public {
        bytes memory sig = cheque(host, 10 ether);
        vm.chainId(199);
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        vault.cashChequeBeneficiary(host, 10 ether, sig);
    }

    function test_cheque_is_refused_by_another_vault_of_the_same_issuer() public {
        bytes memory sig = cheque(host, 10 ether);
        vm.prank(renter);
        Vault second = Vault(factory.deployVault(renter, address(0), bytes32("second"), "", ""));
        fund(address(token), address(second), renter, 50 ether);
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        second.cashChequeBeneficiary(host, 10 ether, sig);
    }

    function test_mirrored_signature_is_refused() public {
        bytes32 digest = vault.chequeDigest(address(token), host, 5 ether);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(RENTER_KEY, digest);
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory mirrored = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? 28 : 27);
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        vault.cashChequeBeneficiary(host, 5 ether, mirrored);
    }

    function test_short_vault_pays_what_is_there_and_keeps_the_record() public {
        bytes memory sig = cheque(host, FUNDS + 40 ether);
        vm.expectEmit();
        emit Vault.ChequeBounced();
        vm.expectEmit();
        emit Vault.ChequeShort(address(token), host, 40 ether);
        vm.prank(host);
        vault.cashChequeBeneficiary(host, FUNDS + 40 ether, sig);
        same(token.balanceOf(host), FUNDS);
        same(vault.shortfallOf(address(token), host), 40 ether);
        require(vault.bounced(), "the bounce must stay on record");

        fund(address(token), address(vault), renter, 100 ether);
        vm.prank(host);
        vault.cashChequeBeneficiary(host, FUNDS + 40 ether, sig);
        same(token.balanceOf(host), FUNDS + 40 ether);
        same(vault.shortfallOf(address(token), host), 0);
        same(vault.paidOut(host), FUNDS + 40 ether);
        require(vault.bounced(), "a bounce is for ever");
    }

    function test_drained_vault_records_the_bounce_and_pays_nothing() public {
        vm.startPrank(renter);
        vault.requestWithdraw(FUNDS);
        later(DELAY);
        vault.withdraw(FUNDS);
        vm.stopPrank();
        cashAs(host, host, 30 ether);
        require(vault.bounced(), "the bounce must stay on record");
        same(vault.paidOut(host), 0);
        same(vault.shortfallOf(address(token), host), 30 ether);
    }

    function test_older_cheque_does_not_hide_a_shortfall() public {
        cashAs(host, host, FUNDS + 10 ether);
        fund(address(token), address(vault), renter, 4 ether);
        cashAs(host, host, FUNDS + 4 ether);
        same(vault.shortfallOf(address(token), host), 6 ether);
    }

    function test_bad_recipients_are_refused() public {
        bytes memory sig = cheque(host, 1 ether);
        vm.prank(host);
        vm.expectRevert("Vault: bad recipient");
        vault.cashChequeBeneficiary(address(0), 1 ether, sig);
        vm.prank(host);
        vm.expectRevert("Vault: bad recipient");
        vault.cashChequeBeneficiary(address(vault), 1 ether, sig);
    }

    function test_stolen_key_cannot_send_money_past_the_payout_address() public {
        vm.prank(host);
        factory.setPayout(COLD);
        bytes memory sig = cheque(host, 10 ether);
        vm.prank(host);
        vm.expectRevert("Vault: not the registered payout address");
        vault.cashChequeBeneficiary(address(0xBAD), 10 ether, sig);
        vm.prank(host);
        vm.expectRevert("VaultFactory: payout already set");
        factory.setPayout(address(0xBAD));
        vm.prank(host);
        vm.expectRevert("VaultFactory: not the payout address");
        factory.movePayout(host, address(0xBAD));
        cashAs(host, COLD, 10 ether);
        same(token.balanceOf(COLD), 10 ether);
    }

    function test_payout_address_moves_itself() public {
        vm.prank(host);
        factory.setPayout(COLD);
        vm.prank(COLD);
        factory.movePayout(host, address(0xC01D2));
        cashAs(host, address(0xC01D2), 3 ether);
        same(token.balanceOf(address(0xC01D2)), 3 ether);
    }

    function test_other_tokens_have_their_own_cheques_and_counters() public {
        Token other = new Token();
        fund(address(other), address(vault), renter, 8 ether);
        bytes memory sig = signed(RENTER_KEY, vault.chequeDigest(address(other), host, 5 ether));
        vm.expectEmit();
        emit Vault.MultiTokenChequeCashed(address(other), host, COLD, host, 5 ether, 5 ether, 0);
        vm.prank(host);
        vault.multiTokenCashChequeBeneficiary(address(other), COLD, 5 ether, sig);
        same(other.balanceOf(COLD), 5 ether);
        same(vault.multiTokensPaidOut(address(other), host), 5 ether);
        same(vault.multiTokensTotalPaidOut(address(other)), 5 ether);
        same(vault.totalbalanceOf(address(other)), 3 ether);
        same(vault.paidOut(host), 0);

        sig = signed(RENTER_KEY, vault.chequeDigest(address(other), host, 9 ether));
        vm.prank(host);
        vault.multiTokenCashChequeBeneficiary(address(other), COLD, 9 ether, sig);
        require(vault.multiTokensBounced(address(other)), "the other token was short");
        require(!vault.bounced(), "the default token was not");
    }

    function test_cheque_of_one_token_is_refused_for_another() public {
        Token other = new Token();
        fund(address(other), address(vault), renter, 8 ether);
        bytes memory sig = cheque(host, 5 ether);
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        vault.multiTokenCashChequeBeneficiary(address(other), host, 5 ether, sig);
    }

    function test_default_token_has_one_form_and_one_counter_on_both_faces() public {
        bytes memory sig = cheque(host, 5 ether);
        vm.prank(host);
        vault.multiTokenCashChequeBeneficiary(address(token), host, 5 ether, sig);
        same(vault.paidOut(host), 5 ether);
        vm.prank(host);
        vm.expectRevert("Vault: cannot cash");
        vault.cashChequeBeneficiary(host, 5 ether, sig);
    }

    function test_contract_wallet_pays_as_long_as_its_key_signs() public {
        Wallet wallet = new Wallet(renter);
        Vault its = Vault(
            abi.decode(
                wallet.run(
                    address(factory),
                    abi.encodeCall(
                        factory.deployVault, (address(wallet), address(0), bytes32(0), "", "")
                    )
                ),
                (address)
            )
        );
        fund(address(token), address(its), renter, 20 ether);
        bytes memory sig = signed(RENTER_KEY, its.chequeDigest(address(token), host, 5 ether));
        vm.prank(host);
        its.cashChequeBeneficiary(host, 5 ether, sig);
        same(token.balanceOf(host), 5 ether);

        sig = signed(RENTER_KEY, its.chequeDigest(address(token), host, 6 ether));
        wallet.setSigner(host);
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        its.cashChequeBeneficiary(host, 6 ether, sig);
    }

    function test_token_that_answers_nothing_is_paid_out() public {
        SilentToken silent = new SilentToken();
        silent.mint(address(vault), 9 ether);
        bytes memory sig = signed(RENTER_KEY, vault.chequeDigest(address(silent), host, 4 ether));
        vm.prank(host);
        vault.multiTokenCashChequeBeneficiary(address(silent), host, 4 ether, sig);
        same(silent.balanceOf(host), 4 ether);
    }

    function test_token_that_calls_back_is_paid_once() public {
        ReentrantToken evil = new ReentrantToken();
        evil.mint(address(vault), 9 ether);
        address who = address(evil);
        bytes memory later_ = signed(RENTER_KEY, vault.chequeDigest(who, who, 8 ether));
        evil.arm(
            abi.encodeCall(vault.multiTokenCashChequeBeneficiary, (who, host, 8 ether, later_))
        );
        bytes memory sig = signed(RENTER_KEY, vault.chequeDigest(who, who, 4 ether));
        evil.cash(vault, host, 4 ether, sig);
        require(!evil.secondPaid(), "the second call must fail");
        same(evil.balanceOf(host), 4 ether);
    }

    function test_cashing_for_others_is_the_factorys_alone() public {
        bytes memory sig = cheque(host, 1 ether);
        vm.expectRevert("Vault: not factory");
        vault.cashFor(address(token), host, address(this), 1 ether, sig);
    }

    function testFuzz_any_rising_series_pays_its_last_value(uint96[8] memory steps) public {
        uint256 cumulative;
        uint256 paid;
        for (uint256 i = 0; i < steps.length; ++i) {
            uint256 step = uint256(steps[i]) % (200 ether) + 1;
            cumulative += step;
            cashAs(host, COLD, cumulative);
            paid = cumulative < FUNDS ? cumulative : FUNDS;
            same(token.balanceOf(COLD), paid);
            if (cumulative >= FUNDS) break;
        }
        same(vault.paidOut(host), paid);
        require(vault.bounced() == (cumulative > FUNDS), "bounced exactly when short");
    }

    function testFuzz_only_the_issuers_key_opens_the_vault(uint256 key, uint256 amount) public {
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        key = key % (order - 1) + 1;
        vm.assume(key != RENTER_KEY);
        amount = amount % FUNDS + 1;
        bytes memory sig = signed(key, vault.chequeDigest(address(token), host, amount));
        vm.prank(host);
        vm.expectRevert("Vault: invalid issuer signature");
        vault.cashChequeBeneficiary(host, amount, sig);
    }
}
