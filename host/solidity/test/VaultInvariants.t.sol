// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Vault} from "../src/Vault.sol";
import {Token} from "../src/Token.sol";
import {Crowd} from "./Crowd.sol";

/// The books of a crowd that does anything in any order, against those of the vaults.
contract VaultInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Crowd internal crowd;

    function setUp() public {
        crowd = new Crowd();
    }

    /// Read by the runner: only the crowd acts.
    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(crowd);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        bytes4[] memory acts = new bytes4[](13);
        acts[0] = Crowd.deposit.selector;
        acts[1] = Crowd.give.selector;
        acts[2] = Crowd.cash.selector;
        acts[3] = Crowd.cashAgain.selector;
        acts[4] = Crowd.cashElsewhere.selector;
        acts[5] = Crowd.lock.selector;
        acts[6] = Crowd.lockShare.selector;
        acts[7] = Crowd.requestUnlock.selector;
        acts[8] = Crowd.unlock.selector;
        acts[9] = Crowd.requestWithdraw.selector;
        acts[10] = Crowd.withdraw.selector;
        acts[11] = Crowd.wait.selector;
        acts[12] = Crowd.cashBoth.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(crowd), acts);
    }

    function invariant_nothing_impossible_happened() public view {
        require(bytes(crowd.wrong()).length == 0, crowd.wrong());
    }

    function invariant_balance_is_in_minus_paid_minus_withdrawn() public view {
        for (uint256 i = 0; i < 4; ++i) {
            (Vault vault, Token token) = pair(i);
            uint256 funds = crowd.fundsIn(address(vault), address(token));
            uint256 paid = vault.multiTokensTotalPaidOut(address(token));
            uint256 back = crowd.withdrawn(address(vault), address(token));
            require(token.balanceOf(address(vault)) == funds - paid - back, "balance is off");
            require(paid <= funds, "paid more than came in");
        }
    }

    function invariant_each_host_got_what_is_booked_and_no_more_than_was_signed() public view {
        for (uint256 i = 0; i < 4; ++i) {
            (Vault vault, Token token) = pair(i);
            uint256 sum;
            for (uint256 h = 0; h < 3; ++h) {
                address host = crowd.hosts(h);
                uint256 paid = vault.multiTokensPaidOut(address(token), host);
                require(paid == crowd.received(address(vault), address(token), host), "booked");
                require(paid <= crowd.signedUpTo(address(vault), address(token), host), "signed");
                sum += paid;
            }
            require(sum == vault.multiTokensTotalPaidOut(address(token)), "sum of payments");
        }
    }

    function invariant_locks_add_up_and_are_covered() public view {
        for (uint256 i = 0; i < 4; ++i) {
            (Vault vault, Token token) = pair(i);
            uint256 sum;
            for (uint256 h = 0; h < 3; ++h) {
                (uint256 amount,,) = vault.lockOf(address(token), crowd.hosts(h));
                sum += amount;
            }
            require(sum == vault.totalLockedOf(address(token)), "sum of locks");
            require(sum <= token.balanceOf(address(vault)), "locks without cover");
        }
    }

    /// Random runs could be idle without anybody noticing; this long fixed walk must reach every
    /// kind of act, and the books must balance at its end.
    function test_long_walk_reaches_every_act_and_the_books_balance() public {
        uint256 dice = uint256(keccak256("walk 1"));
        for (uint256 i = 0; i < 3_000; ++i) {
            dice = uint256(keccak256(abi.encode(dice)));
            step(dice % 13, dice >> 8, uint96(dice >> 128) % 100 ether);
        }
        string[7] memory kinds =
            ["deposit", "cash", "bounce", "lock", "unlock", "withdraw", "batch"];
        for (uint256 i = 0; i < kinds.length; ++i) {
            require(crowd.done(kinds[i]) >= 10, string.concat("walk never reached ", kinds[i]));
        }
        invariant_nothing_impossible_happened();
        invariant_balance_is_in_minus_paid_minus_withdrawn();
        invariant_each_host_got_what_is_booked_and_no_more_than_was_signed();
        invariant_locks_add_up_and_are_covered();
    }

    function step(uint256 act, uint256 pick, uint96 amount) internal {
        if (act == 0) crowd.deposit(pick, amount);
        else if (act == 1) crowd.give(pick, amount / 10);
        else if (act == 2) crowd.cash(pick, amount / 2);
        else if (act == 3) crowd.cashAgain(pick, amount);
        else if (act == 4) crowd.cashElsewhere(pick);
        else if (act == 5) crowd.lock(pick, amount / 4, uint16(amount));
        else if (act == 6) crowd.lockShare(pick, amount);
        else if (act == 7) crowd.requestUnlock(pick);
        else if (act == 8) crowd.unlock(pick);
        else if (act == 9) crowd.requestWithdraw(pick, amount);
        else if (act == 10) crowd.withdraw(pick, amount);
        else if (act == 11) crowd.cashBoth(pick, amount / 4);
        else crowd.wait(uint8(amount));
    }

    function pair(uint256 i) internal view returns (Vault, Token) {
        return (crowd.vaults(i % 2), crowd.tokens(i / 2));
    }
}
