// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement} from "../src/Agreements.sol";
import {Airdrop} from "../src/Airdrop.sol";
import {AirdropFixture} from "./Airdrop.t.sol";

/// Four agreements of one renter and host, two of each pay mode, and everything that may happen to
/// their fees and rewards, in any order.
contract AirdropCrowd is AirdropFixture {
    Agreement[] private all;
    uint256 public claimed;
    uint256 public fundedIn;
    uint256 public feesIn;
    uint256 public feesBack;
    uint256 public feesCounted;
    uint256 public cumulative;
    uint256 public countedBytes;
    string public wrong;
    mapping(string => uint256) public done;
    mapping(uint64 => bool) private claimedRound;

    constructor() {
        setUp();
        fundedIn = 10 ether;
        for (uint64 i = 0; i < 4; ++i) {
            Agreement memory a = terms(i, 12 + 5 * i);
            (a.payMode, a.shardLen) = (uint8(i % 2), uint64(777_777) * (i + 1));
            all.push(a);
            proofs.hold(host, digestOf(a), true);
            if (i % 2 == 1) open(a);
        }
    }

    function pay(uint256 pick) external {
        Agreement memory a = all[pick % 4];
        bytes32 digest = digestOf(a);
        uint256 before = token.balanceOf(renter);
        bytes memory renterSig = signed(RENTER_KEY, digest);
        bytes memory hostSig = signed(HOST_KEY, digest);
        vm.prank(renter);
        try airdrop.sponsor(a, renterSig, hostSig, type(uint256).max) {
            feesIn += before - token.balanceOf(renter);
            ++done["sponsor"];
        } catch {}
    }

    function proveNow(uint256) external {
        uint64 period = proofs.currentPeriod() - 1;
        if (!proofs.proven(host, period)) proofs.prove(host, period, 777_777 * 10);
    }

    function cheques(uint256 pick) external {
        cumulative += pick % 1e9;
        if (cumulative > 0) {
            bytes memory sig = cheque(host, cumulative);
            vm.prank(host);
            try vault.cashChequeBeneficiary(COLD, cumulative, sig) {} catch {}
        }
    }

    function count(uint256 pick) external {
        Agreement memory a = all[pick % 4];
        uint64 epoch = proofs.currentPeriod() - 1 - uint64((pick >> 8) % 6);
        bool before = epoch >= a.startEpoch && airdrop.isCounted(digestOf(a), a.startEpoch, epoch);
        bool worked;
        if (a.payMode == 1) {
            try escrow.release(a, epoch, "in") {} catch {}
            try airdrop.countEscrow(a, list(epoch)) {
                worked = true;
            } catch {}
        } else {
            bytes[] memory paths = new bytes[](1);
            paths[0] = "in";
            try airdrop.countVault(a, list(epoch), paths, address(vault)) {
                worked = true;
            } catch {}
        }
        if (!worked) return;
        if (before) wrong = "counted twice";
        if (!proofs.proven(host, epoch)) wrong = "counted without a proof";
        countedBytes += a.shardLen;
        feesCounted += airdrop.feeOf(a.shardLen);
        ++done["count"];
    }

    function close(uint256 pick) external {
        uint64 before = airdrop.nextRound();
        airdrop.closeRounds(pick % 3);
        done["close"] += airdrop.nextRound() - before;
    }

    function claim(uint256 pick) external {
        uint64 next = airdrop.nextRound();
        if (next == 0) return;
        uint64 round = uint64(pick % next);
        uint256 before = token.balanceOf(host);
        bytes32[] memory none;
        try airdrop.claim(round, host, 5_000, none) {
            if (claimedRound[round]) wrong = "claimed twice";
            claimedRound[round] = true;
            claimed += token.balanceOf(host) - before;
            ++done["claim"];
        } catch {}
    }

    function sweep(uint256 pick) external {
        try airdrop.sweep(uint64(pick % 12)) {
            ++done["sweep"];
        } catch {}
    }

    function giveBack(uint256 pick) external {
        uint256 before = token.balanceOf(renter);
        try airdrop.closeSponsorship(all[pick % 4]) {
            feesBack += token.balanceOf(renter) - before;
            ++done["back"];
        } catch {}
    }

    function wait(uint8 blocks) external {
        later(blocks % 24);
    }

    function check() external view {
        require(bytes(wrong).length == 0, wrong);
        covered();
        same(token.balanceOf(address(airdrop)), fundedIn + feesIn - feesBack - claimed);
        same(airdrop.unspentFees(), feesIn - feesBack - feesCounted);
        same(airdrop.countedOf(host), countedBytes);
        require(countedBytes <= proofs.byteEpochsOf(host), "more than was proven");
        require(claimed == 0 || claimed < feesCounted, "rewards reached the fees");
    }
}

/// Fees and rewards are conserved, and rewards stay below fees.
contract AirdropInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    AirdropCrowd internal crowd;

    function setUp() public {
        crowd = new AirdropCrowd();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(crowd);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        bytes4[] memory acts = new bytes4[](9);
        acts[0] = AirdropCrowd.pay.selector;
        acts[1] = AirdropCrowd.proveNow.selector;
        acts[2] = AirdropCrowd.cheques.selector;
        acts[3] = AirdropCrowd.count.selector;
        acts[4] = AirdropCrowd.close.selector;
        acts[5] = AirdropCrowd.claim.selector;
        acts[6] = AirdropCrowd.sweep.selector;
        acts[7] = AirdropCrowd.giveBack.selector;
        acts[8] = AirdropCrowd.wait.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(crowd), acts);
    }

    function invariant_fees_and_rewards_are_conserved() public view {
        crowd.check();
    }

    function test_long_walk_reaches_every_act_and_the_books_balance() public {
        uint256 dice = uint256(keccak256("walk 4"));
        for (uint256 i = 0; i < 3_000; ++i) {
            dice = uint256(keccak256(abi.encode(dice)));
            uint256 act = dice % 10;
            uint256 pick = dice >> 8;
            if (act == 0) crowd.pay(pick);
            else if (act == 1) crowd.proveNow(pick);
            else if (act == 2) crowd.cheques(pick);
            else if (act < 5) crowd.count(pick);
            else if (act == 5) crowd.close(pick);
            else if (act == 6) crowd.claim(pick);
            else if (act == 7) crowd.sweep(pick);
            else if (act == 8) crowd.giveBack(pick);
            else if (i % 3 == 0) crowd.wait(uint8(pick));
        }
        crowd.check();
        require(crowd.done("sponsor") == 4, "sponsor");
        require(crowd.done("count") >= 20, "count");
        require(crowd.done("claim") >= 2, "claim");
        require(crowd.done("sweep") >= 2, "sweep");
        require(crowd.done("back") == 4, "back");
    }
}
