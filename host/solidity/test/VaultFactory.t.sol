// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Vault} from "../src/Vault.sol";
import {VaultFactory} from "../src/VaultFactory.sol";
import {HostileWallet, LongWindedToken, Wallet} from "./Doubles.sol";
import {Fixture} from "./Fixture.sol";

/// Who may have a vault under which id, and batches of cheques.
contract VaultFactoryTest is Fixture {
    address internal constant STRANGER = address(0x5713);

    function test_vault_is_found_by_id_and_runs_the_one_logic() public view {
        same(factory.peerVaultAddress(RENTER_ID), address(vault));
        same(factory.vaultAddress(renter, bytes32("first")), address(vault));
        same(vault.issuer(), renter);
        same(vault.token(), factory.TokenAddress());
        same(vault.implementation(), factory.master());
        same(vault.factory(), address(factory));
        same(vault.withdrawDelay(), factory.withdrawDelay());
        require(factory.deployedContracts(address(vault)), "must be listed");
        require(!factory.deployedContracts(factory.master()), "the logic is no vault");
    }

    function test_clone_has_the_45_bytes_of_erc1167_and_its_issuer() public view {
        bytes memory expected = abi.encodePacked(
            hex"363d3d373d3d3d363d73", factory.master(), hex"5af43d82803e903d91602b57fd5bf3", renter
        );
        same(keccak256(address(vault).code), keccak256(expected));
    }

    function test_deploying_emits_the_event_of_btfs() public {
        address expected = factory.vaultAddress(host, bytes32(0));
        address master = factory.master();
        vm.expectEmit();
        emit VaultFactory.VaultDeployed(host, expected, HOST_ID);
        vm.prank(host);
        factory.deployVault(host, master, bytes32(0), HOST_ID, hex"01");
    }

    function test_stranger_cannot_occupy_an_id() public {
        vm.prank(STRANGER);
        vm.expectRevert("VaultFactory: id is not the issuer's key");
        factory.deployVault(STRANGER, address(0), bytes32(0), HOST_ID, "");
        vm.prank(STRANGER);
        vm.expectRevert("VaultFactory: caller is not the issuer");
        factory.deployVault(host, address(0), bytes32(0), HOST_ID, "");
        same(factory.peerVaultAddress(HOST_ID), address(0));
    }

    function test_stranger_cannot_occupy_an_id_with_another_keys_signature() public {
        bytes memory sig = signed(RENTER_KEY, factory.bindDigest(STRANGER, HOST_ID));
        vm.prank(STRANGER);
        vm.expectRevert("VaultFactory: id's key did not sign");
        factory.deployVaultBound(STRANGER, bytes32(0), HOST_ID, sig);
    }

    function test_binding_signature_serves_its_issuer_only() public {
        bytes memory sig = signed(HOST_KEY, factory.bindDigest(renter, HOST_ID));
        vm.prank(STRANGER);
        vm.expectRevert("VaultFactory: id's key did not sign");
        factory.deployVaultBound(STRANGER, bytes32(0), HOST_ID, sig);
        vm.prank(STRANGER);
        vm.expectRevert("VaultFactory: caller is not the issuer");
        factory.deployVaultBound(renter, bytes32(0), HOST_ID, sig);
    }

    function test_binding_signature_is_refused_on_another_chain() public {
        bytes memory sig = signed(HOST_KEY, factory.bindDigest(renter, HOST_ID));
        vm.chainId(199);
        vm.prank(renter);
        vm.expectRevert("VaultFactory: id's key did not sign");
        factory.deployVaultBound(renter, bytes32(0), HOST_ID, sig);
    }

    function test_issuer_apart_from_the_identity_needs_its_signature() public {
        Wallet wallet = new Wallet(renter);
        bytes memory sig = signed(HOST_KEY, factory.bindDigest(address(wallet), HOST_ID));
        wallet.run(
            address(factory),
            abi.encodeCall(factory.deployVaultBound, (address(wallet), bytes32(0), HOST_ID, sig))
        );
        same(Vault(factory.peerVaultAddress(HOST_ID)).issuer(), address(wallet));
    }

    function test_id_has_one_vault_for_ever() public {
        vm.prank(renter);
        vm.expectRevert("VaultFactory: id has a vault");
        factory.deployVault(renter, address(0), bytes32("second"), RENTER_ID, "");
        same(factory.peerVaultAddress(RENTER_ID), address(vault));
    }

    function test_vault_without_id_is_listed_under_none() public {
        vm.prank(renter);
        address plain = factory.deployVault(renter, address(0), bytes32("plain"), "", "");
        require(factory.deployedContracts(plain), "must be listed");
        same(factory.peerVaultAddress(""), address(0));
    }

    function test_foreign_logic_is_refused() public {
        vm.prank(host);
        vm.expectRevert("VaultFactory: unknown logic");
        factory.deployVault(host, address(this), bytes32(0), HOST_ID, "");
    }

    function test_wrong_constructor_arguments_are_refused() public {
        vm.expectRevert("VaultFactory: token has no code");
        new VaultFactory(STRANGER, DELAY);
        vm.expectRevert("VaultFactory: delay out of bounds");
        new VaultFactory(address(token), 0);
        vm.expectRevert("VaultFactory: delay out of bounds");
        new VaultFactory(address(token), 5_000_001);
    }

    function test_zero_payout_address_is_refused() public {
        vm.expectRevert("VaultFactory: zero address");
        factory.setPayout(address(0));
    }

    // ---- batches ----------------------------------------------------------------------------

    function order(Vault from, address recipient, uint256 cumulative)
        internal
        view
        returns (VaultFactory.CashOrder memory)
    {
        bytes memory sig = signed(RENTER_KEY, from.chequeDigest(address(token), host, cumulative));
        return VaultFactory.CashOrder(address(from), address(token), recipient, cumulative, sig);
    }

    function test_batch_pays_the_caller_and_skips_what_is_refused() public {
        vm.prank(renter);
        Vault second = Vault(factory.deployVault(renter, address(0), bytes32("second"), "", ""));
        fund(address(token), address(second), renter, 3 ether);
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](4);
        orders[0] = order(vault, host, 5 ether);
        orders[1] = order(vault, host, 5 ether);
        orders[2] = order(second, host, 4 ether);
        orders[3] = order(second, address(0), 9 ether);
        vm.prank(host);
        (uint256[] memory payouts, bool[] memory accepted) = factory.cashMany(orders);
        same(payouts[0], 5 ether);
        same(payouts[1], 0);
        same(payouts[2], 3 ether);
        same(payouts[3], 0);
        require(accepted[0] && !accepted[1] && accepted[2] && !accepted[3], "accepted");
        same(token.balanceOf(host), 8 ether);
        require(second.bounced(), "a short cheque of a batch is recorded too");
    }

    function test_batch_of_somebody_elses_cheques_pays_nothing() public {
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](1);
        orders[0] = order(vault, STRANGER, 5 ether);
        vm.prank(STRANGER);
        (uint256[] memory payouts, bool[] memory accepted) = factory.cashMany(orders);
        require(payouts[0] == 0 && !accepted[0], "not the beneficiary");
        same(token.balanceOf(STRANGER), 0);
    }

    function test_batch_keeps_to_the_payout_address() public {
        vm.prank(host);
        factory.setPayout(STRANGER);
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](2);
        orders[0] = order(vault, host, 5 ether);
        orders[1] = order(vault, STRANGER, 5 ether);
        vm.prank(host);
        factory.cashMany(orders);
        same(token.balanceOf(host), 0);
        same(token.balanceOf(STRANGER), 5 ether);
    }

    function test_batch_skips_an_unknown_vault_and_pays_the_rest() public {
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](2);
        orders[0].vault = STRANGER;
        orders[1] = order(vault, host, 5 ether);
        vm.expectEmit();
        emit VaultFactory.CashSkipped(
            STRANGER, host, abi.encodeWithSignature("Error(string)", "VaultFactory: unknown vault")
        );
        vm.prank(host);
        (uint256[] memory payouts, bool[] memory accepted) = factory.cashMany(orders);
        require(!accepted[0] && accepted[1] && payouts[1] == 5 ether, "the good one is paid");
    }

    function test_batch_refuses_too_many_orders() public {
        vm.expectRevert("VaultFactory: too many orders");
        factory.cashMany(new VaultFactory.CashOrder[](101));
    }

    function hostile(uint256 mode) internal returns (Vault its) {
        HostileWallet wallet = new HostileWallet(mode);
        its = Vault(
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
    }

    /// A payer whose wallet burns all gas, answers with a megabyte or reverts with one costs its
    /// own cheque and a bounded amount of gas, never the batch.
    function test_hostile_wallets_cannot_fail_a_batch() public {
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](4);
        for (uint256 mode = 0; mode < 3; ++mode) {
            orders[mode] = order(hostile(mode), host, 5 ether);
        }
        orders[3] = order(vault, host, 5 ether);
        uint256 before = gasleft();
        vm.prank(host);
        (uint256[] memory payouts, bool[] memory accepted) = factory.cashMany(orders);
        uint256 used = before - gasleft();
        require(!accepted[0] && !accepted[1] && !accepted[2], "hostile wallets do not pay");
        require(accepted[3] && payouts[3] == 5 ether, "the good one is paid");
        require(used < 4 * factory.CASH_GAS(), "gas is bounded");
    }

    function test_token_that_reverts_at_length_cannot_fail_a_batch() public {
        LongWindedToken loud = new LongWindedToken();
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](2);
        orders[0] = order(vault, host, 5 ether);
        orders[0].token = address(loud);
        orders[0].issuerSig = signed(RENTER_KEY, vault.chequeDigest(address(loud), host, 5 ether));
        orders[1] = order(vault, host, 5 ether);
        vm.prank(host);
        (, bool[] memory accepted) = factory.cashMany(orders);
        require(!accepted[0] && accepted[1], "the good one is paid");
    }

    function test_batch_with_too_little_gas_reverts_instead_of_skipping() public {
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](1);
        orders[0] = order(vault, host, 5 ether);
        vm.prank(host);
        vm.expectRevert("VaultFactory: too little gas");
        factory.cashMany{gas: 300_000}(orders);
    }
}
