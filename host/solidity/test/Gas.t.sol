// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Vault} from "../src/Vault.sol";
import {VaultFactory} from "../src/VaultFactory.sol";
import {Fixture} from "./Fixture.sol";

/// The everyday transactions, one situation a test, for the table in README.md:
///   node build.mjs --test --match-test 'test_gas_NAME\(' --gas-report
/// In a gas report every call is a transaction of its own (21,000 and calldata included). The
/// calls of setUp stand in the same report: one deployVault, one first cash, one deposit.
contract GasTest is Fixture {
    address internal constant COLD = address(0xC01D);

    function setUp() public override {
        super.setUp();
        // A vault that has paid somebody before, as vaults mostly have.
        cashAs(address(0xFEED), address(0xFEED), 1 ether);
    }

    function test_gas_deploy_vault_without_id() public {
        vm.prank(host);
        factory.deployVault(host, address(0), bytes32("gas"), "", "");
    }

    function test_gas_deploy_vault_with_id() public {
        vm.prank(host);
        factory.deployVault(host, address(0), bytes32("gas"), HOST_ID, "");
    }

    function test_gas_deploy_vault_bound() public {
        bytes memory sig = signed(HOST_KEY, factory.bindDigest(renter, HOST_ID));
        vm.prank(renter);
        factory.deployVaultBound(renter, bytes32("gas"), HOST_ID, sig);
    }

    function test_gas_deposit() public {
        fund(address(token), address(vault), renter, 1 ether);
    }

    function test_gas_lock() public {
        vm.prank(renter);
        vault.lockDeposit(host, 1 ether, nowBlock() + 10);
    }

    function test_gas_cash_first() public {
        cashAs(host, COLD, 1 ether);
    }

    function test_gas_cash_short() public {
        cashAs(host, COLD, FUNDS + 1 ether);
    }
}

/// The same, for a beneficiary that was paid before.
contract GasLaterTest is Fixture {
    address internal constant COLD = address(0xC01D);

    function setUp() public override {
        super.setUp();
        cashAs(host, COLD, 1 ether);
    }

    function test_gas_cash_later() public {
        cashAs(host, COLD, 2 ether);
    }

    function test_gas_cash_later_with_payout_address() public {
        vm.prank(host);
        factory.setPayout(COLD);
        cashAs(host, COLD, 2 ether);
    }
}

/// Twenty vaults, each of which has paid the host before.
contract GasBatchTest is Fixture {
    address internal constant COLD = address(0xC01D);

    Vault[20] internal vaults;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 20; ++i) {
            vm.prank(renter);
            vaults[i] = Vault(factory.deployVault(renter, address(0), bytes32(i), "", ""));
            fund(address(token), address(vaults[i]), renter, 10 ether);
            VaultFactory.CashOrder memory one = order(vaults[i], 1 ether);
            vm.prank(host);
            vaults[i].cashChequeBeneficiary(COLD, 1 ether, one.issuerSig);
        }
    }

    function order(Vault from, uint256 amount)
        internal
        view
        returns (VaultFactory.CashOrder memory)
    {
        bytes memory sig = signed(RENTER_KEY, from.chequeDigest(address(token), host, amount));
        return VaultFactory.CashOrder(address(from), address(token), COLD, amount, sig);
    }

    function cashMany(uint256 count) internal {
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](count);
        for (uint256 i = 0; i < count; ++i) {
            orders[i] = order(vaults[i], 2 ether);
        }
        vm.prank(host);
        factory.cashMany(orders);
        same(token.balanceOf(COLD), (20 + count) * 1 ether);
    }

    function test_gas_cash_many_10_vaults() public {
        cashMany(10);
    }

    function test_gas_cash_many_20_vaults() public {
        cashMany(20);
    }
}
