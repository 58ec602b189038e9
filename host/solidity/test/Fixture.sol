// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Token} from "../src/Token.sol";
import {Vault} from "../src/Vault.sol";
import {VaultFactory} from "../src/VaultFactory.sol";
import {Vm} from "./Vm.sol";

/// What most tests start from: a token, a factory with a delay of 100 blocks, and the vault of a
/// renter that holds 1,000 tokens. Keys here are test keys and public.
abstract contract Fixture {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant DELAY = 100;
    uint256 internal constant FUNDS = 1_000 ether;
    uint256 internal constant RENTER_KEY =
        uint256(bytes32(hex"0101010101010101010101010101010101010101010101010101010101010101"));
    uint256 internal constant HOST_KEY =
        uint256(bytes32(hex"0202020202020202020202020202020202020202020202020202020202020202"));
    string internal constant RENTER_ID = "16Uiu2HAmEWQnHq2jLKJypwVnVoQeFCULuyop6atvq2eWjYSUjzNi";
    string internal constant HOST_ID = "16Uiu2HAkzdQ5Y9SYT91K1ue5SxXwgmajXntfScGnLYeip5hHyWmT";

    Token internal token;
    VaultFactory internal factory;
    Vault internal vault;
    address internal renter;
    address internal host;

    function setUp() public virtual {
        vm.roll(1_000);
        vm.chainId(1029);
        renter = vm.addr(RENTER_KEY);
        host = vm.addr(HOST_KEY);
        token = new Token();
        factory = new VaultFactory(address(token), DELAY);
        vm.prank(renter);
        vault = Vault(factory.deployVault(renter, address(0), bytes32("first"), RENTER_ID, ""));
        fund(address(token), address(vault), renter, FUNDS);
    }

    /// Puts `amount` of a Token into a vault through its deposit function.
    function fund(address which, address into, address from, uint256 amount) internal {
        vm.deal(from, amount);
        vm.startPrank(from);
        Token(payable(which)).deposit{value: amount}();
        Token(payable(which)).approve(into, amount);
        Vault(into).multiTokenDeposit(which, amount);
        vm.stopPrank();
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// The renter's cheque of the default token.
    function cheque(address beneficiary, uint256 cumulative) internal view returns (bytes memory) {
        return signed(RENTER_KEY, vault.chequeDigest(address(token), beneficiary, cumulative));
    }

    function cashAs(address beneficiary, address recipient, uint256 cumulative) internal {
        bytes memory sig = cheque(beneficiary, cumulative);
        vm.prank(beneficiary);
        vault.cashChequeBeneficiary(recipient, cumulative, sig);
    }

    function later(uint256 blocks) internal {
        vm.roll(vm.getBlockNumber() + blocks);
    }

    function nowBlock() internal view returns (uint64) {
        return uint64(vm.getBlockNumber());
    }

    function same(uint256 have, uint256 want) internal pure {
        if (have != want) revert(string.concat("have ", text(have), ", want ", text(want)));
    }

    function same(address have, address want) internal pure {
        require(have == want, "addresses differ");
    }

    function same(bytes32 have, bytes32 want) internal pure {
        require(have == want, "hashes differ");
    }

    function text(uint256 value) internal pure returns (string memory) {
        if (value == 0) return "0";
        bytes memory reversed;
        for (; value != 0; value /= 10) {
            reversed = abi.encodePacked(uint8(48 + value % 10), reversed);
        }
        return string(reversed);
    }
}
