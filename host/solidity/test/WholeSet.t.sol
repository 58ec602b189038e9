// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Airdrop} from "../src/Airdrop.sol";
import {Escrow} from "../src/Escrow.sol";
import {PriceOracle} from "../src/PriceOracle.sol";
import {Vault} from "../src/Vault.sol";
import {VaultFactory} from "../src/VaultFactory.sol";
import {Book} from "./Prover.sol";
import {ProofFixture} from "./ProofFixture.sol";

/// The contracts together, none of them a double: staked host, committed dataset, proof against a
/// real draw, and the money that hangs on it. Shard 0 is under an agreement of the escrow, shard 1
/// under one of cheques, the rest is other people's.
contract WholeSetTest is ProofFixture {
    uint64 internal constant LEN = 100_000;
    uint128 internal constant PRICE = 1e18;
    uint64 internal constant END = 6;

    VaultFactory internal factory;
    Vault internal vault;
    Escrow internal escrow;
    Airdrop internal airdrop;
    PriceOracle internal oracle;
    Agreement internal escrowed;
    Agreement internal chequed;

    function setUp() public {
        setUpProof();
        factory = new VaultFactory(address(token), 100);
        escrow = new Escrow(address(token), address(proof), address(factory), NETWORK, 3);
        airdrop = new Airdrop(
            OWNER,
            DELAY,
            [address(token), address(proof), address(escrow), address(factory)],
            NETWORK,
            Airdrop.Rules(10e12, 9e12, 4, 2, 2, 5, 20),
            new address[](0)
        );
        oracle = new PriceOracle(
            OWNER,
            DELAY,
            address(token),
            1_000_000,
            1e12,
            PriceOracle.Limits(1_000, 1_000_000_000, 1e12, 1e12, 1_000, 10)
        );
        vm.prank(renter);
        vault = Vault(factory.deployVault(renter, address(0), bytes32("v"), "", ""));
        endow(renter, address(escrow), 1_000 ether);
        vm.startPrank(renter);
        token.approve(address(airdrop), type(uint256).max);
        token.transfer(address(vault), 10 ether);
        vm.stopPrank();
        lease();
    }

    /// Signs and pays for two agreements and commits the dataset that holds them.
    function lease() internal {
        escrowed = terms(seedOf(0), LEN, 0, END);
        (escrowed.payMode, escrowed.price) = (1, PRICE);
        chequed = terms(seedOf(1), LEN, 0, END);
        chequed.price = PRICE;
        bytes32 digest = Agreements.digest(escrowed);
        uint256 all = type(uint256).max;
        vm.startPrank(renter);
        escrow.open(escrowed, sigRenter(digest), signed(HOST_KEY, digest), all);
        airdrop.sponsor(escrowed, sigRenter(digest), signed(HOST_KEY, digest), all);
        digest = Agreements.digest(chequed);
        airdrop.sponsor(chequed, sigRenter(digest), signed(HOST_KEY, digest), all);
        vm.stopPrank();
        Book.Entry[] memory list = new Book.Entry[](20);
        list[0] = book.enter(leafOf(escrowed), seedOf(0));
        list[1] = book.enter(leafOf(chequed), seedOf(1));
        for (uint256 i = 2; i < 20; ++i) {
            list[i] = book.enter(leafOf(terms(seedOf(i), LEN, 0, END)), seedOf(i));
        }
        commit(book.batch(list), 20);
    }

    function one(uint64 epoch) internal pure returns (uint64[] memory epochs) {
        epochs = new uint64[](1);
        epochs[0] = epoch;
    }

    function test_a_proven_epoch_is_paid_and_counts_on_both_roads() public {
        seal(0);
        bytes memory path = book.inclusionAt(0, 0);
        vm.expectRevert("Escrow: not proven");
        escrow.release(escrowed, 0, path);
        proveAll(0);
        uint256 before = token.balanceOf(host);
        escrow.release(escrowed, 0, path);
        uint256 price = escrow.costOf(escrowed, 1);
        same(token.balanceOf(host) - before, price);
        airdrop.countEscrow(escrowed, one(0));
        // The cheque road: paid by the vault, proven with inclusion.
        bytes memory sig = signed(RENTER_KEY, vault.chequeDigest(address(token), host, price));
        vm.prank(host);
        vault.cashChequeBeneficiary(host, price, sig);
        bytes[] memory paths = new bytes[](1);
        paths[0] = book.inclusionAt(LEN, 0);
        airdrop.countVault(chequed, one(0), paths, address(vault));
        (uint256 weight,) = airdrop.shareOf(0, host);
        same(weight, 2 * LEN);
        require(airdrop.countedOf(host) <= proof.byteEpochsOf(host), "bounded by the proofs");
    }

    function test_inclusion_of_one_agreement_pays_no_other() public {
        seal(0);
        proveAll(0);
        bytes memory other = book.inclusionAt(LEN, 0);
        vm.expectRevert("Escrow: not proven");
        escrow.release(escrowed, 0, other);
    }

    function test_a_missed_epoch_goes_back_when_its_window_is_over() public {
        seal(0);
        vm.expectRevert("Escrow: not missed");
        escrow.refund(escrowed, one(0));
        toPeriod(2);
        uint256 before = token.balanceOf(renter);
        escrow.refund(escrowed, one(0));
        same(
            token.balanceOf(renter) - before,
            escrow.costOf(escrowed, END) - escrow.costOf(escrowed, END - 1)
        );
        // An epoch nobody sealed in time asks for no proof and is not paid either.
        toPeriod(3);
        require(proof.isVoid(1), "nobody sealed it");
        escrow.refund(escrowed, one(1));
    }

    function test_a_whole_term_ends_with_every_unit_in_its_place() public {
        uint256 renterHad = token.balanceOf(renter) + escrow.totalLocked();
        uint256 hostHad = token.balanceOf(host);
        for (uint64 epoch = 0; epoch < END; ++epoch) {
            seal(epoch);
            if (epoch == 2) continue;
            proveAll(epoch);
            escrow.release(escrowed, epoch, book.inclusionAt(0, epoch));
        }
        toPeriod(END + 4);
        escrow.settle(escrowed);
        uint256 paid = escrow.costOf(escrowed, END - 1);
        same(token.balanceOf(host) - hostHad, paid);
        same(renterHad - token.balanceOf(renter), paid);
        same(token.balanceOf(address(escrow)), 0);
    }

    function test_price_follows_committed_bytes_of_staked_hosts() public {
        vm.startPrank(OWNER);
        oracle.proposeRule(PriceOracle.Rule(staking, proof, 1 ether, 5_000, 500, 0));
        oracle.applyRule();
        vm.stopPrank();
        vm.prank(host);
        oracle.announce(20 * LEN);
        (uint256 capacity, uint256 used) = oracle.totals();
        same(capacity, 20 * LEN);
        same(used, 20 * LEN);
        oracle.step(address(token));
        same(oracle.getPrice(address(token)), 1_100_000);
    }
}
