// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Vault} from "../src/Vault.sol";
import {Fixture} from "./Fixture.sol";

/// Money that stays: locks of beneficiaries, and the notice a withdrawal needs.
contract LocksTest is Fixture {
    function lock(address beneficiary, uint256 amount, uint64 until) internal {
        vm.prank(renter);
        vault.lockDeposit(beneficiary, amount, until);
    }

    function refused(bytes memory reason, bytes memory call_) internal {
        vm.prank(renter);
        vm.expectRevert(reason);
        (bool done,) = address(vault).call(call_);
        require(done, "expectRevert turns the failure into a success");
    }

    function test_withdrawal_without_request_is_refused() public {
        refused("Vault: not requested", abi.encodeCall(vault.withdraw, (1)));
    }

    function test_withdrawal_waits_for_the_delay() public {
        vm.prank(renter);
        vm.expectEmit();
        emit Vault.WithdrawRequested(
            address(token), 400 ether, nowBlock() + DELAY, nowBlock() + 2 * DELAY
        );
        vault.requestWithdraw(400 ether);
        later(DELAY - 1);
        refused("Vault: withdrawal not ready", abi.encodeCall(vault.withdraw, (400 ether)));
        later(1);
        refused("Vault: not requested", abi.encodeCall(vault.withdraw, (400 ether + 1)));
        vm.prank(renter);
        vm.expectEmit();
        emit Vault.VaultWithdraw(renter, 300 ether);
        vault.withdraw(300 ether);
        same(token.balanceOf(renter), 300 ether);
        refused("Vault: not requested", abi.encodeCall(vault.withdraw, (101 ether)));
        vm.prank(renter);
        vault.withdraw(100 ether);
        same(token.balanceOf(renter), 400 ether);
    }

    function test_old_request_lapses_so_it_is_no_standing_right() public {
        vm.prank(renter);
        vault.requestWithdraw(FUNDS);
        later(2 * DELAY);
        (uint256 amount,,) = vault.withdrawRequestOf(address(token));
        same(amount, FUNDS);
        later(1);
        (amount,,) = vault.withdrawRequestOf(address(token));
        same(amount, 0);
        refused("Vault: not requested", abi.encodeCall(vault.withdraw, (1)));
    }

    function test_new_request_starts_the_delay_again() public {
        vm.prank(renter);
        vault.requestWithdraw(1 ether);
        later(DELAY);
        vm.prank(renter);
        vault.requestWithdraw(FUNDS);
        refused("Vault: withdrawal not ready", abi.encodeCall(vault.withdraw, (1 ether)));
    }

    function test_zero_request_cancels() public {
        vm.startPrank(renter);
        vault.requestWithdraw(FUNDS);
        vault.requestWithdraw(0);
        vm.stopPrank();
        later(DELAY);
        refused("Vault: not requested", abi.encodeCall(vault.withdraw, (1)));
    }

    function test_cheques_cash_while_a_withdrawal_waits() public {
        vm.prank(renter);
        vault.requestWithdraw(FUNDS);
        later(DELAY - 1);
        cashAs(host, host, 600 ether);
        later(1);
        refused("Vault: free balance too low", abi.encodeCall(vault.withdraw, (FUNDS)));
        vm.prank(renter);
        vault.withdraw(400 ether);
        same(token.balanceOf(host), 600 ether);
    }

    function test_locked_deposit_is_not_withdrawable() public {
        lock(host, 700 ether, nowBlock() + 1_000);
        vm.prank(renter);
        vault.requestWithdraw(FUNDS);
        later(DELAY);
        refused("Vault: free balance too low", abi.encodeCall(vault.withdraw, (300 ether + 1)));
        vm.prank(renter);
        vault.withdraw(300 ether);
        cashAs(host, host, 700 ether);
        same(token.balanceOf(host), 700 ether);
    }

    function test_lock_is_spent_on_its_beneficiary_only() public {
        address rival = address(0xBEEF);
        lock(host, 700 ether, nowBlock() + 1_000);
        cashAs(rival, rival, FUNDS);
        same(token.balanceOf(rival), 300 ether);
        require(vault.bounced(), "the rival's cheque was short");
        cashAs(host, host, 650 ether);
        same(token.balanceOf(host), 650 ether);
        (uint256 left,,) = vault.lockOf(address(token), host);
        same(left, 50 ether);
        same(vault.totalLockedOf(address(token)), 50 ether);
    }

    function test_own_lock_goes_first_then_free_balance() public {
        lock(host, 100 ether, nowBlock() + 10);
        cashAs(host, host, 150 ether);
        same(vault.totalLockedOf(address(token)), 0);
        same(vault.freeBalanceOf(address(token)), FUNDS - 150 ether);
    }

    function test_unlock_ends_at_the_agreements_end_when_that_is_later() public {
        uint64 until = nowBlock() + 500;
        lock(host, 100 ether, until);
        vm.prank(renter);
        vault.requestUnlock(address(token), host);
        same(uint256(vault.lockEnd(address(token), host)), until + 1);
        vm.roll(until);
        bytes memory unlock = abi.encodeCall(vault.unlockDeposit, (address(token), host));
        refused("Vault: still locked", unlock);
        later(1);
        vm.prank(renter);
        vault.unlockDeposit(address(token), host);
        same(vault.totalLockedOf(address(token)), 0);
    }

    function test_unlock_ends_at_request_and_delay_when_that_is_later() public {
        lock(host, 100 ether, nowBlock() + 5);
        later(50);
        bytes memory unlock = abi.encodeCall(vault.unlockDeposit, (address(token), host));
        refused("Vault: unlock not requested", unlock);
        vm.prank(renter);
        vault.requestUnlock(address(token), host);
        later(DELAY - 1);
        refused("Vault: still locked", unlock);
        later(1);
        vm.prank(renter);
        vault.unlockDeposit(address(token), host);
    }

    function test_cashing_between_request_and_unlock_does_not_stop_the_unlock() public {
        lock(host, 100 ether, nowBlock());
        vm.prank(renter);
        vault.requestUnlock(address(token), host);
        cashAs(host, host, 30 ether);
        later(DELAY);
        vm.prank(renter);
        vault.unlockDeposit(address(token), host);
        same(vault.freeBalanceOf(address(token)), FUNDS - 30 ether);
    }

    function test_locking_more_voids_the_unlock_request_and_keeps_the_later_end() public {
        uint64 until = nowBlock() + 500;
        lock(host, 100 ether, until);
        vm.prank(renter);
        vault.requestUnlock(address(token), host);
        lock(host, 1 ether, nowBlock());
        (uint256 amount, uint64 end, uint64 unlockAt) = vault.lockOf(address(token), host);
        same(amount, 101 ether);
        same(end, until);
        same(unlockAt, 0);
    }

    function test_locks_are_bounded_by_free_balance_and_by_length() public {
        lock(host, 600 ether, nowBlock());
        uint64 far = nowBlock() + vault.LOCK_BLOCKS_MAX() + 1;
        refused(
            "Vault: free balance too low",
            abi.encodeCall(vault.lockDeposit, (address(1), 400 ether + 1, nowBlock()))
        );
        refused("Vault: lock too long", abi.encodeCall(vault.lockDeposit, (host, 1, far)));
        refused("Vault: nothing locked", abi.encodeCall(vault.lockDeposit, (address(1), 0, 0)));
    }

    function test_cover_counts_own_lock_and_free_balance_without_the_request() public {
        same(vault.coverOf(address(token), host), FUNDS);
        lock(host, 100 ether, nowBlock());
        lock(address(1), 200 ether, nowBlock());
        same(vault.coverOf(address(token), host), 800 ether);
        vm.prank(renter);
        vault.requestWithdraw(600 ether);
        same(vault.coverOf(address(token), host), 200 ether);
        later(2 * DELAY + 1);
        same(vault.coverOf(address(token), host), 800 ether);
    }

    function test_only_the_issuer_locks_unlocks_and_withdraws() public {
        bytes[6] memory calls = [
            abi.encodeCall(vault.lockDeposit, (host, 1, 0)),
            abi.encodeCall(vault.requestUnlock, (address(token), host)),
            abi.encodeCall(vault.unlockDeposit, (address(token), host)),
            abi.encodeCall(vault.requestWithdraw, (1)),
            abi.encodeCall(vault.withdraw, (1)),
            abi.encodeCall(vault.upgradeTo, (address(1)))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(host);
            vm.expectRevert("Vault: not issuer");
            (bool done,) = address(vault).call(calls[i]);
            require(done, "expectRevert turns the failure into a success");
        }
    }

    function test_logic_never_changes() public {
        Vault master = Vault(factory.master());
        same(vault.implementation(), address(master));
        vm.prank(renter);
        vault.upgradeTo(address(master));
        refused("Vault: logic is immutable", abi.encodeCall(vault.upgradeTo, (address(this))));
        vm.prank(address(factory));
        vm.expectRevert("Vault: already initialized");
        master.init(renter, address(token));
        vm.expectRevert("Vault: not factory");
        vault.init(address(this), address(token));
    }

    function testFuzz_withdrawal_never_comes_before_the_delay(uint64 wait, uint128 ask) public {
        uint256 amount = uint256(ask) % FUNDS + 1;
        wait %= 3 * DELAY;
        vm.prank(renter);
        vault.requestWithdraw(amount);
        later(wait);
        vm.prank(renter);
        (bool done,) = address(vault).call(abi.encodeCall(vault.withdraw, (amount)));
        require(done == (wait >= DELAY && wait <= 2 * DELAY), "only inside the window");
    }

    function testFuzz_lock_holds_for_its_whole_promise(uint32 length, uint32 asked, uint32 now_)
        public
    {
        uint64 start = nowBlock();
        uint64 until = start + length % 10_000;
        uint64 askedAt = start + asked % 10_000;
        uint64 triedAt = askedAt + now_ % 10_000;
        lock(host, 10 ether, until);
        vm.roll(askedAt);
        vm.prank(renter);
        vault.requestUnlock(address(token), host);
        vm.roll(triedAt);
        vm.prank(renter);
        (bool done,) =
            address(vault).call(abi.encodeCall(vault.unlockDeposit, (address(token), host)));
        require(
            done == (triedAt > until && triedAt >= askedAt + DELAY), "max(end, request + delay)"
        );
    }
}
