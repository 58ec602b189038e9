// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Registry} from "../src/Registry.sol";
import {Token} from "../src/Token.sol";
import {Fixture} from "./Fixture.sol";

/// New names at once, changed ones after notice, and code that must not move underneath.
contract RegistryTest is Fixture {
    address internal constant OWNER = address(0x0E);
    Registry internal registry;

    function setUp() public override {
        super.setUp();
        registry = new Registry(OWNER, DELAY);
        vm.prank(OWNER);
        registry.register("Token", address(token));
    }

    function test_new_name_counts_at_once() public {
        vm.expectEmit();
        emit Registry.Registered("VaultFactory", address(factory), 1, address(factory).codehash);
        vm.prank(OWNER);
        registry.register("VaultFactory", address(factory));
        (address addr, uint64 version, bytes32 codehash) = registry.get("VaultFactory");
        same(addr, address(factory));
        same(version, 1);
        same(codehash, keccak256(address(factory).code));
        require(registry.verify("VaultFactory"), "code is as recorded");
        same(registry.count(), 2);
        same(keccak256(bytes(registry.nameAt(1))), keccak256("VaultFactory"));
    }

    function test_one_call_tells_everything_a_guard_compares() public {
        vm.startPrank(OWNER);
        registry.register("VaultFactory", address(factory));
        registry.propose("Token", address(new Token()));
        vm.stopPrank();
        Registry.Row[] memory rows = registry.all();
        same(rows.length, 2);
        same(keccak256(bytes(rows[0].name)), keccak256("Token"));
        same(rows[0].addr, address(token));
        same(rows[0].version, 1);
        same(rows[0].codehash, address(token).codehash);
        same(rows[0].present, rows[0].codehash);
        same(rows[0].changeAt, nowBlock() + DELAY);
        same(rows[1].changeAt, 0);
        vm.etch(address(factory), hex"00");
        rows = registry.all();
        require(rows[1].present != rows[1].codehash, "changed code shows");
    }

    /// The list is bounded, so that the one call stays possible: 64 names.
    function test_full_registry_is_read_in_one_call() public {
        vm.startPrank(OWNER);
        for (uint256 i = 1; i < 64; ++i) {
            registry.register(string.concat("Name", text(i)), address(factory));
        }
        vm.expectRevert("Registry: full");
        registry.register("One more", address(factory));
        vm.stopPrank();
        uint256 before = gasleft();
        same(registry.all().length, 64);
        require(before - gasleft() < 2_000_000, "a node answers this");
    }

    function test_changed_name_waits_for_the_notice() public {
        Token next = new Token();
        vm.prank(OWNER);
        registry.propose("Token", address(next));
        (address addr, uint64 version,) = registry.get("Token");
        same(addr, address(token));
        (addr, version,) = registry.proposed("Token");
        same(addr, address(next));
        later(DELAY - 1);
        vm.prank(OWNER);
        vm.expectRevert("Registry: too early");
        registry.accept("Token");
        later(1);
        vm.prank(OWNER);
        registry.accept("Token");
        (addr, version,) = registry.get("Token");
        same(addr, address(next));
        same(version, 2);
        same(registry.count(), 1);
    }

    function test_code_changed_since_the_proposal_is_refused() public {
        Token next = new Token();
        vm.prank(OWNER);
        registry.propose("Token", address(next));
        later(DELAY);
        vm.etch(address(next), hex"00");
        vm.prank(OWNER);
        vm.expectRevert("Registry: code changed");
        registry.accept("Token");
    }

    function test_verify_sees_other_code_and_unknown_names() public {
        require(registry.verify("Token"), "code is as recorded");
        vm.etch(address(token), hex"00");
        require(!registry.verify("Token"), "code is another");
        require(!registry.verify("Nothing"), "no such name");
    }

    function test_cancelled_proposal_is_gone() public {
        vm.startPrank(OWNER);
        registry.propose("Token", address(factory));
        registry.cancel("Token");
        later(DELAY);
        vm.expectRevert("Registry: nothing proposed");
        registry.accept("Token");
        vm.expectRevert("Registry: nothing proposed");
        registry.cancel("Token");
        vm.stopPrank();
    }

    function test_bad_entries_are_refused() public {
        vm.startPrank(OWNER);
        vm.expectRevert("Registry: name is taken");
        registry.register("Token", address(factory));
        vm.expectRevert("Registry: bad name");
        registry.register("", address(factory));
        vm.expectRevert("Registry: bad name");
        registry.register("a name of more than thirty two bytes", address(factory));
        vm.expectRevert("Registry: address has no code");
        registry.register("Ghost", address(0x1234));
        vm.expectRevert("Registry: unknown name");
        registry.propose("Ghost", address(factory));
        vm.stopPrank();
        vm.expectRevert("Registry: unknown name");
        registry.get("Ghost");
    }

    function test_names_are_bounded() public {
        vm.startPrank(OWNER);
        for (uint256 i = 1; i < 64; ++i) {
            registry.register(text(i), address(token));
        }
        vm.expectRevert("Registry: full");
        registry.register("one more", address(token));
        vm.stopPrank();
    }

    function test_stranger_enters_nothing() public {
        bytes[4] memory calls = [
            abi.encodeCall(registry.register, ("New", address(token))),
            abi.encodeCall(registry.propose, ("Token", address(factory))),
            abi.encodeCall(registry.accept, ("Token")),
            abi.encodeCall(registry.cancel, ("Token"))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.expectRevert("Owner: caller is not the owner");
            (bool done,) = address(registry).call(calls[i]);
            require(done, "expectRevert turns the failure into a success");
        }
    }
}
