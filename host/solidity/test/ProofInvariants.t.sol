// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Disputes} from "../src/Disputes.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {Book, Pattern} from "./Prover.sol";
import {ProofFixture} from "./ProofFixture.sol";

/// An honest host and a lazy one, and a crowd that seals, reports, challenges, pauses and waits in
/// any order. The honest host wakes at least every 20 blocks: it proves what is sealed, answers
/// what is asked and commits what it forgot. The lazy one commits and does nothing else.
contract ProofCrowd is ProofFixture {
    uint64 internal constant LEN = 5_000;
    uint64 internal constant END = 1_000;

    struct Open {
        uint256 id;
        Disputes.Kind kind;
        uint256 item; // the shard's number
        uint64 index;
        uint64 period;
        uint64 offset;
    }

    address public lazy = address(0x1A2);
    Book internal lazyBook;
    uint256 public made; // shards the honest host has receipts for
    uint256[] internal pending; // of them, not committed yet
    mapping(uint256 item => uint256) internal placeOf; // first byte + 1 of a committed shard
    uint256 internal committed; // bytes
    Open[] internal open;
    string public wrong;
    uint256 public proofs;
    uint256 public answers;
    uint256 public misses;
    uint256 public lost;

    constructor() {
        setUpProof();
        lazyBook = new Book();
        stakeAs(lazy, 100 ether);
        endow(GUARD, address(disputes), 100_000 ether);
        for (uint256 i = 0; i < 5; ++i) {
            pending.push(made++);
        }
        wake();
        commitLazy(0);
    }

    // ---- the honest host ------------------------------------------------------------------

    function wake() internal {
        uint64 period = proof.currentPeriod();
        commitPending(period);
        if (period > 0) provePast(period - 1);
        while (open.length > 0) {
            Open memory asked = open[open.length - 1];
            if (asked.kind == Disputes.Kind.Omission && placeOf[asked.item] == 0) return;
            open.pop();
            answer(asked);
            ++answers;
        }
    }

    function commitPending(uint64 period) internal {
        (,,, uint64 next,) = proof.dutyOf(host);
        if (next > period || pending.length == 0 || period + 30 > END) return;
        // Its own proof of the last period goes first, or the book would have moved on.
        if (period > 0 && !proof.isClosed(period - 1) && !proof.provenAt(host, period - 1)) {
            if (proof.currentOf(host) != 0) return;
        }
        Book.Entry[] memory list = new Book.Entry[](pending.length);
        for (uint256 i = 0; i < list.length; ++i) {
            placeOf[pending[i]] = committed + i * LEN + 1;
            list[i] = book.enter(leafOf(dealOf(pending[i])), seedOf(pending[i]));
        }
        committed += list.length * LEN;
        delete pending;
        commit(book.batch(list), uint64(list.length));
    }

    function provePast(uint64 period) internal {
        uint256 deadline = proof.deadlineOf(period);
        if (deadline == 0 || vm.getBlockNumber() > deadline) return;
        if (proof.provenAt(host, period) || proof.rangeOf(host, period) == 0) return;
        if (proof.rangeOf(host, period) != keccak256(book.bytesOfPeaks())) return;
        this.proveNow(period);
        ++proofs;
    }

    /// A call of its own, so that its memory is given back.
    function proveNow(uint64 period) external {
        proveAll(period);
    }

    function answer(Open memory asked) internal {
        Agreement memory deal = dealOf(asked.item);
        DatasetLeaf memory leaf = leafOf(deal);
        if (asked.kind == Disputes.Kind.Shard) {
            bytes memory shown = Pattern.proof(seedOf(asked.item), LEN, asked.index);
            disputes.answerShard(asked.id, leaf, asked.index, shown);
        } else if (asked.kind == Disputes.Kind.Terms) {
            // The question was about an older list; only the book's newest can be rebuilt, so the
            // crowd asks this kind just before the host wakes.
            bytes memory path = book.inclusionAt(asked.offset, asked.period);
            bytes memory signature = sigRenter(Agreements.digest(deal));
            disputes.answerTerms(asked.id, asked.period, asked.offset, deal, path, signature);
        } else {
            uint64 period = proof.currentPeriod();
            bytes memory path = book.inclusionAt(placeOf[asked.item] - 1, period);
            disputes.answerOmission(asked.id, leaf, path);
        }
    }

    function dealOf(uint256 item) internal view returns (Agreement memory) {
        return terms(seedOf(item), LEN, 0, END);
    }

    // ---- the crowd ------------------------------------------------------------------------

    function wait(uint256 blocks) external {
        later(blocks % 20 + 1);
        wake();
    }

    function store() external {
        if (made < 60) pending.push(made++);
    }

    function seal() external {
        uint64 period = proof.currentPeriod();
        if (period == 0) return;
        try proof.seal(period - 1) {} catch {}
    }

    function commitLazy(uint256 seed) public {
        uint64 period = proof.currentPeriod();
        (,,, uint64 next,) = proof.dutyOf(lazy);
        if (next > period || proof.isJailed(lazy)) return;
        Book.Entry memory root = Book.Entry(keccak256(abi.encode(seed)), 5_000, END);
        bytes memory peaks = lazyBook.bytesOfPeaks();
        vm.prank(lazy);
        proof.commit(peaks, root.node, root.sum, root.end, 1);
        lazyBook.append(root, period);
    }

    function report(uint256 back, bool which) external {
        uint64 period = proof.currentPeriod();
        if (period == 0) return;
        address who = which ? host : lazy;
        vm.prank(GUARD);
        try proof.reportMiss(who, period - 1 - uint64(back % period)) {
            ++misses;
            if (which) wrong = "an honest host missed";
        } catch {}
    }

    function challengeShard(uint256 seed, uint64 index) external {
        uint256 item = seed % made;
        if (placeOf[item] == 0 || proof.paused()) return;
        bytes memory path = book.inclusionAt(placeOf[item] - 1, proof.currentPeriod());
        index = index % 20;
        DatasetLeaf memory leaf = leafOf(dealOf(item));
        vm.prank(GUARD);
        uint256 id = disputes.challengeShard(host, leaf, path, index);
        open.push(Open(id, Disputes.Kind.Shard, item, index, 0, 0));
    }

    function challengeTerms(uint64 seed) external {
        if (proof.paused()) return;
        uint64 offset = uint64(seed % committed);
        uint64 period = proof.currentPeriod();
        bytes memory peaks = book.bytesOfPeaks();
        uint256 item;
        while (!covers(item, offset)) {
            ++item;
        }
        vm.prank(GUARD);
        uint256 id = disputes.challengeTerms(host, peaks, offset);
        answer(Open(id, Disputes.Kind.Terms, item, 0, period, offset));
        ++answers;
    }

    function covers(uint256 item, uint256 offset) internal view returns (bool) {
        uint256 place = placeOf[item];
        return place != 0 && offset + 1 >= place && offset + 1 < place + LEN;
    }

    function reportOmission(uint256 seed) external {
        uint256 item = seed % made;
        Agreement memory deal = dealOf(item);
        bytes32 digest = Agreements.digest(deal);
        bytes memory byHost = signed(HOST_KEY, digest);
        bytes memory receipt = receiptOf(deal);
        bytes memory byRenter = sigRenter(digest);
        vm.prank(GUARD);
        try disputes.reportOmission(deal, byRenter, byHost, receipt) returns (uint256 id) {
            // Omissions are answered last, since they may have to wait for the next commitment.
            open.push(Open(id, Disputes.Kind.Omission, item, 0, 0, 0));
            for (uint256 i = open.length - 1; i > 0; --i) {
                Open memory above = open[i];
                open[i] = open[i - 1];
                open[i - 1] = above;
            }
        } catch {}
    }

    function challengeLazy(uint64 seed) external {
        if (proof.paused()) return;
        bytes memory peaks = lazyBook.bytesOfPeaks();
        uint64 offset = uint64(seed % lazyBook.live(proof.currentPeriod()));
        vm.prank(GUARD);
        disputes.challengeTerms(lazy, peaks, offset);
    }

    function claim(uint256 seed) external {
        uint256 id = seed % (disputes.challengesOpened() + 1);
        (address against,,,,,,) = disputes.challenges(id);
        try disputes.claim(id) {
            ++lost;
            if (against == host) wrong = "an honest host lost a challenge";
        } catch {}
    }

    function pause() external {
        vm.prank(OWNER);
        try proof.pause() {} catch {}
    }

    function unpause() external {
        vm.prank(OWNER);
        try proof.unpause() {} catch {}
    }

    // ---- books ----------------------------------------------------------------------------

    function honestStake() external view returns (uint256) {
        return staking.stakeOf(host);
    }

    function lazyStake() external view returns (uint256) {
        return staking.stakeOf(lazy);
    }

    function bondsHeld() external view returns (uint256 held, uint256 owed) {
        held = token.balanceOf(address(disputes));
        for (uint256 id = 1; id <= disputes.challengesOpened(); ++id) {
            (,,,,, uint128 bond,) = disputes.challenges(id);
            owed += bond;
        }
    }

    function holdsAndOpen() external view returns (uint256 holds, uint256 count) {
        (uint32 mine,,) = staking.slashStateOf(host);
        (uint32 its,,) = staking.slashStateOf(lazy);
        holds = uint256(mine) + its;
        for (uint256 id = 1; id <= disputes.challengesOpened(); ++id) {
            (address against,,,,,,) = disputes.challenges(id);
            if (against != address(0)) ++count;
        }
    }

    function bytesMatch() external view returns (bool) {
        return proof.bytesAtRisk(host) == committed
            && proof.currentOf(host) == keccak256(book.bytesOfPeaks());
    }
}

contract ProofInvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ProofCrowd internal crowd;

    function setUp() public {
        crowd = new ProofCrowd();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(crowd);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        // Waiting and sealing are drawn more often, so that periods pass.
        bytes4[] memory acts = new bytes4[](15);
        acts[0] = ProofCrowd.wait.selector;
        acts[1] = ProofCrowd.wait.selector;
        acts[2] = ProofCrowd.wait.selector;
        acts[3] = ProofCrowd.seal.selector;
        acts[4] = ProofCrowd.seal.selector;
        acts[5] = ProofCrowd.store.selector;
        acts[6] = ProofCrowd.commitLazy.selector;
        acts[7] = ProofCrowd.report.selector;
        acts[8] = ProofCrowd.challengeShard.selector;
        acts[9] = ProofCrowd.challengeTerms.selector;
        acts[10] = ProofCrowd.reportOmission.selector;
        acts[11] = ProofCrowd.challengeLazy.selector;
        acts[12] = ProofCrowd.claim.selector;
        acts[13] = ProofCrowd.pause.selector;
        acts[14] = ProofCrowd.unpause.selector;
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(crowd), acts);
    }

    function invariant_an_honest_host_never_loses_stake() public view {
        require(bytes(crowd.wrong()).length == 0, crowd.wrong());
        require(crowd.honestStake() == 100 ether, "an honest host lost stake");
        require(crowd.bytesMatch(), "the commitment is not the book's");
        (uint256 held, uint256 owed) = crowd.bondsHeld();
        require(held == owed, "bonds are off");
        (uint256 holds, uint256 count) = crowd.holdsAndOpen();
        require(holds == count, "holds are off");
    }

    /// A fixed walk, so that the random runs cannot be idle: every kind of act comes to an end.
    function test_the_crowd_reaches_every_kind_of_act() public {
        for (uint256 i = 0; i < 1_200; ++i) {
            uint256 dice = uint256(keccak256(abi.encode(i)));
            uint256 act = dice % 16;
            if (act < 4) crowd.wait(dice >> 8);
            else if (act < 8) crowd.seal();
            else if (act == 8) crowd.store();
            else if (act == 9) crowd.commitLazy(dice);
            else if (act == 10) crowd.report(dice >> 8, dice >> 250 & 1 == 1);
            else if (act == 11) crowd.challengeShard(dice >> 8, uint64(dice >> 100));
            else if (act == 12) crowd.challengeTerms(uint64(dice >> 8));
            else if (act == 13) crowd.reportOmission(dice >> 8);
            else if (act == 14) crowd.challengeLazy(uint64(dice >> 8));
            else crowd.claim(dice >> 8);
        }
        require(crowd.proofs() > 5, "no proofs");
        require(crowd.answers() > 20, "no answers");
        require(crowd.misses() > 2, "no misses");
        require(crowd.lost() > 5, "no challenge was lost");
        require(crowd.lazyStake() < 100 ether, "the lazy host kept its stake");
        invariant_an_honest_host_never_loses_stake();
    }
}
