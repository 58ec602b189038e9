// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement} from "../src/Agreements.sol";
import {Airdrop} from "../src/Airdrop.sol";
import {AgreementFixture} from "./AgreementFixture.sol";

/// What most tests of rewards start from: rounds of five epochs, a fee of ten and a reward of at
/// most eight smallest units for each byte and epoch's share of a GiB.
abstract contract AirdropFixture is AgreementFixture {
    address internal constant OWNER = address(0x0E);
    address internal constant VETOER = address(0x7E70);
    uint128 internal constant FEE = 10e12;
    uint128 internal constant REWARD = 8e12;
    uint64 internal constant ROUND = 5;
    uint64 internal constant COUNT = 3;
    uint64 internal constant BANDS = 4;
    uint64 internal constant CLAIMS = 10;
    uint64 internal constant VETO = 20;

    Airdrop internal airdrop;
    uint64 internal first;

    function rules() internal pure returns (Airdrop.Rules memory) {
        return Airdrop.Rules(FEE, REWARD, ROUND, COUNT, BANDS, CLAIMS, VETO);
    }

    function sources() internal view returns (address[4] memory) {
        return [address(token), address(proofs), address(escrow), address(factory)];
    }

    function setUp() public virtual override {
        super.setUp();
        address[] memory vetoers = new address[](1);
        vetoers[0] = VETOER;
        airdrop = new Airdrop(OWNER, DELAY, sources(), NETWORK, rules(), vetoers);
        first = airdrop.firstEpoch();
        vm.startPrank(renter);
        token.approve(address(airdrop), type(uint256).max);
        airdrop.fund(10 ether);
        vm.stopPrank();
    }

    function sponsor(Agreement memory a) internal {
        bytes32 digest = digestOf(a);
        vm.prank(renter);
        airdrop.sponsor(a, signed(RENTER_KEY, digest), signed(HOST_KEY, digest), type(uint256).max);
    }

    /// Opens, sponsors, proves and releases the first `count` epochs.
    function earned(Agreement memory a, uint64 count) internal {
        open(a);
        sponsor(a);
        for (uint64 i = 0; i < count; ++i) {
            prove(a, a.startEpoch + i);
            escrow.release(a, a.startEpoch + i, "in");
        }
    }

    function endOfRound(uint64 round) internal view returns (uint64) {
        return first + (round + 1) * ROUND - 1;
    }

    function covered() internal view {
        uint256 owed = airdrop.pot() + airdrop.promised() + airdrop.unspentFees();
        same(token.balanceOf(address(airdrop)), owed);
    }

    function leafOf(uint64 round, address who, uint256 bps) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(round, who, bps))));
    }
}

/// Only bytes that were proven, paid and charged with the fee count, and never for more than it.
contract AirdropTest is AirdropFixture {
    function test_released_and_sponsored_epochs_count_once() public {
        Agreement memory a = terms(1, 4);
        earned(a, 2);
        airdrop.countEscrow(a, list(a.startEpoch));
        (uint256 weight,) = airdrop.shareOf(0, host);
        same(weight, a.shardLen);
        require(airdrop.isCounted(digestOf(a), a.startEpoch, a.startEpoch), "counted");
        vm.expectRevert("Airdrop: counted before");
        airdrop.countEscrow(a, list(a.startEpoch));
        vm.expectRevert("Airdrop: not released");
        airdrop.countEscrow(a, list(a.startEpoch + 2));
        covered();
    }

    function test_agreement_without_the_fee_counts_nothing() public {
        Agreement memory a = terms(1, 4);
        open(a);
        prove(a, a.startEpoch);
        escrow.release(a, a.startEpoch, "in");
        vm.expectRevert("Airdrop: not sponsored");
        airdrop.countEscrow(a, list(a.startEpoch));
    }

    function test_cheque_agreement_counts_as_far_as_the_vault_has_paid() public {
        Agreement memory a = terms(1, 4);
        a.payMode = 0;
        sponsor(a);
        prove(a, a.startEpoch);
        prove(a, a.startEpoch + 1);
        bytes[] memory paths = new bytes[](1);
        paths[0] = "in";
        vm.expectRevert("Airdrop: the vault has not paid it");
        airdrop.countVault(a, list(a.startEpoch), paths, address(vault));
        cashAs(host, COLD, escrow.costOf(a, 1));
        airdrop.countVault(a, list(a.startEpoch), paths, address(vault));
        vm.expectRevert("Airdrop: the vault has not paid it");
        airdrop.countVault(a, list(a.startEpoch + 1), paths, address(vault));
        vm.expectRevert("Airdrop: other pay mode");
        airdrop.countEscrow(a, list(a.startEpoch));
        covered();
    }

    function test_one_payment_is_evidence_for_one_agreement() public {
        Agreement memory a = terms(1, 4);
        Agreement memory b = terms(2, 4);
        (a.payMode, b.payMode) = (0, 0);
        sponsor(a);
        sponsor(b);
        prove(a, a.startEpoch);
        proofs.hold(host, digestOf(b), true);
        cashAs(host, COLD, escrow.costOf(a, 1));
        bytes[] memory paths = new bytes[](1);
        paths[0] = "in";
        airdrop.countVault(a, list(a.startEpoch), paths, address(vault));
        vm.expectRevert("Airdrop: the vault has not paid it");
        airdrop.countVault(b, list(b.startEpoch), paths, address(vault));
    }

    function test_foreign_vaults_and_unproven_epochs_are_no_evidence() public {
        Agreement memory a = terms(1, 4);
        a.payMode = 0;
        sponsor(a);
        bytes[] memory paths = new bytes[](1);
        paths[0] = "in";
        vm.expectRevert("Airdrop: not proven");
        airdrop.countVault(a, list(a.startEpoch), paths, address(vault));
        prove(a, a.startEpoch);
        vm.expectRevert("Airdrop: unknown vault");
        airdrop.countVault(a, list(a.startEpoch), paths, address(escrow));
        vm.prank(host);
        address others = factory.deployVault(host, address(0), bytes32("others"), "", "");
        vm.expectRevert("Airdrop: not the renter's vault");
        airdrop.countVault(a, list(a.startEpoch), paths, others);
    }

    /// The judge's own sum bounds the weight, should evidence and sum ever disagree.
    function test_weight_never_exceeds_the_proven_bytes_and_epochs() public {
        Agreement memory a = terms(1, 4);
        open(a);
        sponsor(a);
        proofs.hold(host, digestOf(a), true);
        proofs.prove(host, a.startEpoch, a.shardLen - 1);
        escrow.release(a, a.startEpoch, "in");
        vm.expectRevert("Airdrop: more than was proven");
        airdrop.countEscrow(a, list(a.startEpoch));
    }

    function test_round_pays_half_without_a_list_and_only_after_it_could_come() public {
        Agreement memory a = terms(1, 4);
        earned(a, 1);
        airdrop.countEscrow(a, list(a.startEpoch));
        toEpoch(endOfRound(0) + COUNT);
        airdrop.closeRounds(5);
        same(airdrop.nextRound(), 0);
        toEpoch(endOfRound(0) + COUNT + 1);
        airdrop.closeRounds(5);
        same(airdrop.nextRound(), 1);
        bytes32[] memory none;
        vm.expectRevert("Airdrop: a list may still come");
        airdrop.claim(0, host, 5_000, none);
        toEpoch(endOfRound(0) + COUNT + BANDS + 1);
        vm.expectRevert("Airdrop: half without a list");
        airdrop.claim(0, host, 10_000, none);
        uint256 full = uint256(a.shardLen) * REWARD >> 30;
        airdrop.claim(0, host, 5_000, none);
        same(token.balanceOf(host), full / 2);
        vm.expectRevert("Airdrop: nothing to claim");
        airdrop.claim(0, host, 5_000, none);
        covered();
    }

    function test_list_gives_each_host_its_share_with_an_inclusion_proof() public {
        Agreement memory a = terms(1, 4);
        earned(a, 1);
        airdrop.countEscrow(a, list(a.startEpoch));
        toEpoch(endOfRound(0) + 1);
        bytes32 mine = leafOf(0, host, 9_000);
        bytes32 others = leafOf(0, COLD, 10_000);
        bytes32 root = mine < others
            ? keccak256(abi.encodePacked(mine, others))
            : keccak256(abi.encodePacked(others, mine));
        vm.prank(OWNER);
        airdrop.proposeBands(0, root, bytes32("input"));
        toEpoch(endOfRound(0) + COUNT + 1);
        airdrop.closeRounds(1);
        bytes32[] memory path = new bytes32[](1);
        path[0] = others;
        vm.expectRevert("Airdrop: not in the list");
        airdrop.claim(0, host, 10_000, path);
        vm.prank(host);
        factory.setPayout(address(0xC01D2));
        airdrop.claim(0, host, 9_000, path);
        uint256 full = uint256(a.shardLen) * REWARD >> 30;
        same(token.balanceOf(address(0xC01D2)), full * 9_000 / 10_000);
    }

    function test_vetoed_list_never_holds_and_another_may_come_in_time() public {
        toEpoch(endOfRound(0) + 1);
        vm.prank(OWNER);
        airdrop.proposeBands(0, bytes32("root"), bytes32("input"));
        vm.expectRevert("Airdrop: not a vetoer");
        airdrop.vetoBands(0);
        vm.prank(OWNER);
        vm.expectRevert("Airdrop: bands proposed");
        airdrop.proposeBands(0, bytes32("root 2"), bytes32("input"));
        vm.prank(VETOER);
        airdrop.vetoBands(0);
        vm.prank(OWNER);
        airdrop.proposeBands(0, bytes32("root 2"), bytes32("input"));
        later(VETO);
        vm.prank(VETOER);
        vm.expectRevert("Airdrop: nothing to veto");
        airdrop.vetoBands(0);
    }

    function test_list_of_a_running_round_or_too_late_is_refused() public {
        vm.startPrank(OWNER);
        vm.expectRevert("Airdrop: round not over");
        airdrop.proposeBands(0, bytes32("root"), bytes32("input"));
        toEpoch(endOfRound(0) + COUNT + BANDS + 1);
        vm.expectRevert("Airdrop: too late for a list");
        airdrop.proposeBands(0, bytes32("root"), bytes32("input"));
        vm.stopPrank();
        vm.expectRevert("Owner: caller is not the owner");
        airdrop.proposeBands(0, bytes32("root"), bytes32("input"));
    }

    function test_epoch_counts_only_while_its_round_is_open() public {
        Agreement memory a = terms(1, 4);
        earned(a, 1);
        toEpoch(endOfRound(0) + COUNT + 1);
        airdrop.closeRounds(1);
        vm.expectRevert("Airdrop: round is closed");
        airdrop.countEscrow(a, list(a.startEpoch));
    }

    function test_scarce_pot_is_shared_by_weight() public {
        // A new contract with nothing but two fees in it.
        address[] memory none;
        airdrop = new Airdrop(OWNER, DELAY, sources(), NETWORK, rules(), none);
        first = airdrop.firstEpoch();
        vm.prank(renter);
        token.approve(address(airdrop), type(uint256).max);
        Agreement memory a = terms(1, 4);
        earned(a, 1);
        airdrop.countEscrow(a, list(a.startEpoch));
        same(airdrop.pot(), airdrop.feeOf(a.shardLen));
        toEpoch(endOfRound(0) + COUNT + 1);
        airdrop.closeRounds(1);
        Airdrop.Round memory round = airdrop.roundOf(0);
        require(round.budget < airdrop.feeOf(a.shardLen), "below the fee");
        covered();
    }

    function test_fee_of_epochs_that_never_counted_comes_back() public {
        Agreement memory a = terms(1, 4);
        earned(a, 2);
        airdrop.countEscrow(a, list(a.startEpoch));
        vm.expectRevert("Airdrop: too early");
        airdrop.closeSponsorship(a);
        uint256 before = token.balanceOf(renter);
        toEpoch(endOfRound(airdrop.roundAt(a.endEpoch - 1)) + COUNT + 1);
        airdrop.closeSponsorship(a);
        same(token.balanceOf(renter) - before, 3 * airdrop.feeOf(a.shardLen));
        vm.expectRevert("Airdrop: not sponsored");
        airdrop.countEscrow(a, list(a.startEpoch + 1));
        vm.expectRevert("Airdrop: not sponsored");
        airdrop.closeSponsorship(a);
        covered();
    }

    function test_unclaimed_rewards_return_to_the_pot() public {
        Agreement memory a = terms(1, 4);
        earned(a, 1);
        airdrop.countEscrow(a, list(a.startEpoch));
        toEpoch(endOfRound(0) + COUNT + 1);
        airdrop.closeRounds(1);
        uint256 pot = airdrop.pot();
        uint256 budget = airdrop.promised();
        vm.expectRevert("Airdrop: too early");
        airdrop.sweep(0);
        toEpoch(endOfRound(0) + COUNT + BANDS + CLAIMS + 1);
        airdrop.sweep(0);
        same(airdrop.pot(), pot + budget);
        same(airdrop.promised(), 0);
        bytes32[] memory none;
        vm.expectRevert("Airdrop: round is swept");
        airdrop.claim(0, host, 5_000, none);
    }

    function test_sponsor_is_refused_what_escrow_would_refuse() public {
        Agreement memory a = terms(1, 4);
        bytes32 digest = digestOf(a);
        bytes memory good = signed(RENTER_KEY, digest);
        bytes memory bad = signed(0xBAD, digest);
        vm.startPrank(renter);
        vm.expectRevert("Airdrop: renter did not sign");
        airdrop.sponsor(a, bad, good, type(uint256).max);
        vm.expectRevert("Airdrop: host did not sign");
        airdrop.sponsor(a, good, bad, type(uint256).max);
        bytes memory hostSig = signed(HOST_KEY, digest);
        vm.expectRevert("Airdrop: above the maximum");
        airdrop.sponsor(a, good, hostSig, 1);
        airdrop.sponsor(a, good, hostSig, type(uint256).max);
        vm.expectRevert("Airdrop: already sponsored");
        airdrop.sponsor(a, good, hostSig, type(uint256).max);
        a.networkId = bytes32("other");
        vm.expectRevert("Airdrop: other network");
        airdrop.sponsor(a, good, hostSig, type(uint256).max);
        vm.stopPrank();
    }

    function test_reward_at_or_above_the_fee_is_refused() public {
        Airdrop.Rules memory bad = rules();
        bad.rewardPerGiB = bad.feePerGiB;
        address[] memory none;
        vm.expectRevert("Airdrop: reward must be below the fee");
        new Airdrop(OWNER, DELAY, sources(), NETWORK, bad, none);
    }

    function test_empty_rounds_close_in_one_call() public {
        toEpoch(endOfRound(20) + COUNT + 1);
        airdrop.closeRounds(32);
        same(airdrop.nextRound(), 21);
        vm.expectRevert("Airdrop: too many rounds");
        airdrop.closeRounds(33);
    }

    /// Somebody who is renter and host at once, with any shard lengths, pays more in fees than
    /// comes back as rewards at the full share, as long as anything counted.
    function testFuzz_paying_oneself_always_loses(uint64[4] memory lens, uint8 epochs) public {
        uint256 fees;
        uint64 count = uint64(epochs) % 4 + 1;
        for (uint64 i = 0; i < 4; ++i) {
            Agreement memory a = terms(i, count);
            (a.shardLen, a.price) = (lens[i] % (64 << 20) + 1, 1);
            open(a);
            sponsor(a);
            proofs.hold(host, digestOf(a), true);
            for (uint64 e = a.startEpoch; e < a.endEpoch; ++e) {
                if (i == 0) proofs.prove(host, e, 256 << 20);
                escrow.release(a, e, "in");
                airdrop.countEscrow(a, list(e));
                fees += airdrop.feeOf(a.shardLen);
            }
        }
        bytes32 root = leafOf(0, host, 10_000);
        toEpoch(endOfRound(0) + 1);
        vm.prank(OWNER);
        airdrop.proposeBands(0, root, bytes32("input"));
        toEpoch(endOfRound(0) + COUNT + BANDS + 1);
        airdrop.closeRounds(2);
        bytes32[] memory path;
        airdrop.claim(0, host, 10_000, path);
        require(token.balanceOf(host) < fees, "self-dealing paid");
        covered();
    }

    /// Anybody recomputes a reward from the events alone: weights from Counted, the budget from
    /// RoundClosed, the share from the list.
    function testFuzz_reward_is_the_formula_of_the_docs(uint64 len, uint16 bps) public {
        Agreement memory a = terms(1, 4);
        (a.shardLen, a.price) = (len % (64 << 20) + 1, 1);
        bps = bps % 10_001;
        earned(a, 1);
        airdrop.countEscrow(a, list(a.startEpoch));
        toEpoch(endOfRound(0) + 1);
        vm.prank(OWNER);
        airdrop.proposeBands(0, leafOf(0, host, bps), bytes32("input"));
        toEpoch(endOfRound(0) + COUNT + 1);
        airdrop.closeRounds(1);
        bytes32[] memory path;
        airdrop.claim(0, host, bps, path);
        uint256 budget = uint256(a.shardLen) * REWARD / (1 << 30);
        same(token.balanceOf(host), budget * bps / 10_000);
    }
}
