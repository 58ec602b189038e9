// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {AgreementFixture} from "./AgreementFixture.sol";

/// Six agreements of two hosts, opened, proven, released, refunded and settled in any order, with
/// books of their own.
contract EscrowCrowd is AgreementFixture {
    uint256 private constant OTHER_HOST_KEY = 0x77;
    uint64 private constant COUNT = 6;

    Agreement[] private all;
    uint256 public lockedIn; // everything ever locked
    uint256 public releasedOut;
    uint256 public refundedOut;
    mapping(bytes32 => uint256) public paidEpochs;
    /// First thing that must not happen; empty while all is well.
    string public wrong;
    mapping(string => uint256) public done;

    constructor() {
        setUp();
        for (uint64 i = 0; i < COUNT; ++i) {
            Agreement memory a = terms(i, 20 + i * 7);
            if (i % 2 == 1) a.host = vm.addr(OTHER_HOST_KEY);
            a.payout = address(uint160(0xC000 + i));
            a.shardLen = uint64(1_000_003) * (i + 1);
            all.push(a);
        }
    }

    function lock(uint256 pick) external {
        Agreement memory a = all[pick % COUNT];
        bytes32 digest = digestOf(a);
        uint256 key = a.host == host ? HOST_KEY : OTHER_HOST_KEY;
        bytes memory renterSig = signed(RENTER_KEY, digest);
        bytes memory hostSig = signed(key, digest);
        (,,, uint8 state) = escrow.leaseOf(digest);
        vm.prank(renter);
        try escrow.open(a, renterSig, hostSig, type(uint256).max) {
            if (state != 0) wrong = "opened twice";
            lockedIn += escrow.costOf(a, a.endEpoch - a.startEpoch);
            proofs.hold(a.host, digest, true);
            ++done["open"];
        } catch {}
    }

    function proveNow(bool other) external {
        address who = other ? vm.addr(OTHER_HOST_KEY) : host;
        uint64 period = proofs.currentPeriod() - 1;
        if (!proofs.proven(who, period)) proofs.prove(who, period, 1 << 30);
    }

    function drop(uint256 pick) external {
        Agreement memory a = all[pick % COUNT];
        proofs.hold(a.host, digestOf(a), pick >> 32 & 1 == 0);
    }

    function release(uint256 pick) external {
        Agreement memory a = all[pick % COUNT];
        bytes32 digest = digestOf(a);
        uint64 epoch = _epoch(a, pick);
        uint256 before = token.balanceOf(a.payout);
        try escrow.release(a, epoch, "in") {
            if (!proofs.proven(a.host, epoch)) wrong = "paid without a proof";
            if (!proofs.holds(a.host, digest)) wrong = "paid without inclusion";
            releasedOut += token.balanceOf(a.payout) - before;
            ++paidEpochs[digest];
            ++done["release"];
        } catch {}
    }

    function refund(uint256 pick) external {
        Agreement memory a = all[pick % COUNT];
        uint64 epoch = _epoch(a, pick);
        uint256 before = token.balanceOf(renter);
        try escrow.refund(a, list(epoch)) {
            uint64 now_ = proofs.currentPeriod();
            if (now_ <= epoch + 1) wrong = "refunded while a proof could come";
            if (proofs.proven(a.host, epoch) && now_ <= epoch + CLAIM_EPOCHS) {
                wrong = "refunded while the host could claim";
            }
            refundedOut += token.balanceOf(renter) - before;
            ++done["refund"];
        } catch {}
    }

    function settle(uint256 pick) external {
        Agreement memory a = all[pick % COUNT];
        uint256 before = token.balanceOf(renter);
        try escrow.settle(a) {
            if (proofs.currentPeriod() <= a.endEpoch) wrong = "settled before the end";
            refundedOut += token.balanceOf(renter) - before;
            ++done["settle"];
        } catch {}
    }

    function wait(uint8 blocks) external {
        later(blocks % 24);
    }

    function check() external view {
        require(bytes(wrong).length == 0, wrong);
        uint256 left;
        for (uint256 i = 0; i < COUNT; ++i) {
            bytes32 digest = digestOf(all[i]);
            (uint256 own, uint32 released,,) = escrow.leaseOf(digest);
            left += own;
            require(released == paidEpochs[digest], "epochs paid");
            same(token.balanceOf(all[i].payout), escrow.costOf(all[i], released));
        }
        same(left, escrow.totalLocked());
        same(token.balanceOf(address(escrow)), left);
        same(lockedIn, releasedOut + refundedOut + left);
    }

    function _epoch(Agreement memory a, uint256 pick) private view returns (uint64) {
        if (pick >> 64 & 3 == 0) return uint64(a.startEpoch + (pick >> 8) % 70);
        return proofs.currentPeriod() - 1 - uint64((pick >> 8) % 10);
    }
}

/// locked = released + refunded + left, whatever anybody does in any order.
contract EscrowInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    EscrowCrowd internal crowd;

    function setUp() public {
        crowd = new EscrowCrowd();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(crowd);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        bytes4[] memory acts = new bytes4[](7);
        acts[0] = EscrowCrowd.lock.selector;
        acts[1] = EscrowCrowd.proveNow.selector;
        acts[2] = EscrowCrowd.drop.selector;
        acts[3] = EscrowCrowd.release.selector;
        acts[4] = EscrowCrowd.refund.selector;
        acts[5] = EscrowCrowd.settle.selector;
        acts[6] = EscrowCrowd.wait.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(crowd), acts);
    }

    function invariant_locked_is_released_plus_refunded_plus_left() public view {
        crowd.check();
    }

    /// Random runs could be idle; this fixed walk must reach every act.
    function test_long_walk_reaches_every_act_and_the_books_balance() public {
        uint256 dice = uint256(keccak256("walk 3"));
        for (uint256 i = 0; i < 3_000; ++i) {
            dice = uint256(keccak256(abi.encode(dice)));
            uint256 act = dice % 8;
            uint256 pick = dice >> 8;
            if (act == 0) crowd.lock(pick);
            else if (act == 1) crowd.proveNow(pick & 1 == 0);
            else if (act == 2) crowd.drop(pick | (pick % 4 == 0 ? 1 << 32 : 0));
            else if (act < 5) crowd.release(pick);
            else if (act == 5) crowd.refund(pick);
            else if (act == 6) crowd.settle(pick);
            else if (i % 3 == 0) crowd.wait(uint8(pick));
        }
        crowd.check();
        string[3] memory often = ["release", "refund", "open"];
        for (uint256 i = 0; i < often.length; ++i) {
            require(crowd.done(often[i]) >= 4, string.concat("walk never reached ", often[i]));
        }
        require(crowd.done("settle") >= 1, "walk never settled");
    }
}
