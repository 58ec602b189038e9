// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Escrow} from "../src/Escrow.sol";
import {Vault} from "../src/Vault.sol";
import {VaultFactory} from "../src/VaultFactory.sol";
import {Book} from "./Prover.sol";
import {GasRow} from "./ProofGas.t.sol";

/// What the money's everyday transactions cost, for gas.json: a later cheque, twenty of them in one
/// call, and one epoch out of the escrow, from a host of 1,000 shards.
contract MoneyGas is GasRow {
    uint256 internal constant COUNT = 20;
    address internal constant COLD = address(0xC01D);

    VaultFactory internal factory;
    Vault[COUNT] internal vaults;
    Escrow internal escrow;
    Agreement internal deal;

    function setUp() public {
        setUpProof();
        stakeAs(host, 1_000 ether);
        factory = new VaultFactory(address(token), 100);
        escrow = new Escrow(address(token), address(proof), address(factory), NETWORK, 3);
        endow(renter, address(escrow), 1_000 ether);
        for (uint256 i = 0; i < COUNT; ++i) {
            vm.prank(renter);
            vaults[i] = Vault(factory.deployVault(renter, address(0), bytes32(i), "", ""));
            vm.prank(renter);
            token.transfer(address(vaults[i]), 10 ether);
            // Each has paid the host before, as vaults mostly have.
            bytes memory sig = cheque(vaults[i], 1 ether);
            vm.prank(host);
            vaults[i].cashChequeBeneficiary(COLD, 1 ether, sig);
        }
        openAndProve();
    }

    function cheque(Vault vault, uint256 cumulative) internal view returns (bytes memory) {
        return signed(RENTER_KEY, vault.chequeDigest(address(token), host, cumulative));
    }

    /// A dataset of 1,000 shards with the agreement in its middle, two epochs proven, one released.
    function openAndProve() internal {
        deal = terms(seedOf(500), 1 << 20, 0, 30);
        (deal.payMode, deal.price, deal.payout) = (1, 1e18, COLD);
        bytes32 digest = Agreements.digest(deal);
        vm.prank(renter);
        escrow.open(deal, sigRenter(digest), signed(HOST_KEY, digest), type(uint256).max);
        Book.Entry[] memory list = new Book.Entry[](1_000);
        for (uint256 i = 0; i < 1_000; ++i) {
            Agreement memory its = i == 500 ? deal : terms(seedOf(i), 1 << 20, 0, 30);
            list[i] = book.enter(leafOf(its), seedOf(i));
        }
        commit(book.batch(list), 1_000);
        for (uint64 epoch = 0; epoch < 2; ++epoch) {
            seal(epoch);
            proveAll(epoch);
        }
        escrow.release(deal, 0, book.inclusionAt(500 << 20, 0));
    }

    function test_gas_cash_cheque() public {
        bytes memory sig = cheque(vaults[0], 2 ether);
        bytes memory data = abi.encodeCall(Vault.cashChequeBeneficiary, (COLD, 2 ether, sig));
        row("cash_cheque", host, address(vaults[0]), data);
    }

    /// The row cash_batch_20 is the whole transaction; cash_batch_each is a twentieth of it.
    function test_gas_cash_batch() public {
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](COUNT);
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes memory sig = cheque(vaults[i], 2 ether);
            orders[i] =
                VaultFactory.CashOrder(address(vaults[i]), address(token), COLD, 2 ether, sig);
        }
        bytes memory data = abi.encodeCall(VaultFactory.cashMany, (orders));
        vm.prank(host);
        (bool done,) = address(factory).call(data);
        require(done, "the measured call reverted");
        uint256 used = gas.snapshotGasLastCall("gas", "cash_batch_20");
        uint256 floor = floorOf(data);
        gas.snapshotValue("gas", "cash_batch_each", used / COUNT);
        gas.snapshotValue("gas", "cash_batch_each.eip7623", (used > floor ? used : floor) / COUNT);
        gas.snapshotValue("gas", "cash_batch_each.calldata", data.length / COUNT);
        same(token.balanceOf(COLD), COUNT * 2 ether + escrow.costOf(deal, 1));
    }

    function test_gas_escrow_release() public {
        bytes memory path = book.inclusionAt(500 << 20, 1);
        bytes memory data = abi.encodeCall(Escrow.release, (deal, 1, path));
        row("escrow_release", host, address(escrow), data);
    }
}
