// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Token} from "../src/Token.sol";
import {Fixture} from "./Fixture.sol";

/// One wrapped unit is one native unit, always.
contract TokenTest is Fixture {
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);

    function setUp() public override {
        super.setUp();
        vm.deal(ALICE, 10 ether);
        vm.prank(ALICE);
        token.deposit{value: 10 ether}();
    }

    function test_names_are_those_of_the_wrapped_coin() public view {
        same(keccak256(bytes(token.name())), keccak256("Wrapped BTT"));
        same(keccak256(bytes(token.symbol())), keccak256("WBTT"));
        same(token.decimals(), 18);
    }

    function test_plain_transfer_of_coins_wraps() public {
        vm.deal(BOB, 1 ether);
        vm.expectEmit();
        emit Token.Deposit(BOB, 1 ether);
        vm.prank(BOB);
        (bool sent,) = address(token).call{value: 1 ether}("");
        require(sent, "must be taken");
        same(token.balanceOf(BOB), 1 ether);
    }

    function test_withdraw_returns_coins() public {
        vm.prank(ALICE);
        token.withdraw(4 ether);
        same(ALICE.balance, 4 ether);
        same(token.balanceOf(ALICE), 6 ether);
        vm.prank(ALICE);
        vm.expectRevert("Token: balance too low");
        token.withdraw(7 ether);
    }

    function test_withdraw_to_a_contract_that_takes_no_coins_is_refused() public {
        vm.prank(ALICE);
        token.transfer(address(this), 1 ether);
        vm.expectRevert("Token: receiver refused");
        token.withdraw(1 ether);
    }

    function test_allowance_is_used_up_unless_endless() public {
        vm.prank(ALICE);
        token.approve(BOB, 3 ether);
        vm.prank(BOB);
        token.transferFrom(ALICE, BOB, 2 ether);
        same(token.allowance(ALICE, BOB), 1 ether);
        vm.prank(BOB);
        vm.expectRevert("Token: allowance too low");
        token.transferFrom(ALICE, BOB, 2 ether);
        vm.prank(ALICE);
        token.approve(BOB, type(uint256).max);
        vm.prank(BOB);
        token.transferFrom(ALICE, BOB, 8 ether);
        same(token.allowance(ALICE, BOB), type(uint256).max);
        vm.prank(BOB);
        vm.expectRevert("Token: balance too low");
        token.transferFrom(ALICE, BOB, 1);
    }

    function testFuzz_transfers_keep_the_sum(uint128 amount) public {
        uint256 supply = token.totalSupply();
        vm.prank(ALICE);
        (bool done,) = address(token).call(abi.encodeCall(token.transfer, (BOB, amount)));
        require(done == (amount <= 10 ether), "only what is there");
        same(token.balanceOf(ALICE) + token.balanceOf(BOB), 10 ether);
        same(token.totalSupply(), supply);
    }
}
