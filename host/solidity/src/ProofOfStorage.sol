// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreements} from "./Agreements.sol";
import {Dataset} from "./Dataset.sol";
import {ProofBase} from "./ProofBase.sol";
import {ShardProof} from "./ShardProof.sol";

/// @title Proof that hosts still have what they promised to keep
/// @notice What enters: one batch of new leaves a host and period, one seed a period, one proof a
/// host and period, reports of what is missing. What leaves: facts others pay by, and penalties
/// into Staking.
///
/// A period p, seen from its end: its range is what was committed up to its last block; a block
/// hash at a fixed place in period p + 1 seeds k draws over all bytes of the range; the host
/// answers within `windowBlocks` of the seal, in one transaction, in the same period p + 1. A
/// commitment in period p + 1 counts for p + 1, so nobody can choose the range after the draw.
/// A period nobody sealed asks for nothing and pays nothing.
///
/// Deliberately absent: upgrade; removal from a dataset; any use of time, gas price or prevrandao.
contract ProofOfStorage is ProofBase {
    event Sealed(uint64 indexed period, bytes32 seed, uint256 seedBlock, uint256 deadline);
    event Committed(
        address indexed host,
        uint64 indexed period,
        bytes32 batch,
        uint64 sum,
        uint64 end,
        uint64 count,
        bytes peaks
    );
    event Proven(address indexed host, uint64 indexed period, uint256 liveBytes);
    event Missed(
        address indexed host, uint64 indexed period, address indexed reporter, uint256 slashed
    );
    event Jailed(address indexed host, uint64 until);
    event Unjailed(address indexed host);

    constructor(Config memory config, Params memory first) ProofBase(config, first) {}

    // ---- the host's commitment --------------------------------------------------------------

    /// @notice Appends the caller's batch of new leaves, at most once a period. `peaks` is the
    /// present list, checked against what is stored; the contract merges the batch itself. A batch
    /// of zero bytes only lets peaks fall off whose agreements are all over.
    /// @param node root of the batch, @param sum its bytes, @param end its greatest end epoch
    /// @param count its leaves; stated for readers, nothing depends on it
    function commit(bytes calldata peaks, bytes32 node, uint64 sum, uint64 end, uint64 count)
        external
    {
        uint64 period = currentPeriod();
        Host storage host = hosts[msg.sender];
        require(host.committedNext <= period, "Proof: committed in this period");
        bytes memory list = peaks;
        require(Dataset.commitment(list) == host.current, "Proof: not the present peaks");
        require((sum == 0) == (node == 0), "Proof: bad batch");
        list = Dataset.append(list, Dataset.Entry(node, sum, end), period);
        _enter(host, list, period);
        if (sum != 0) {
            require(!host.jailed, "Proof: jailed");
            require(
                staking.liveStakeOf(msg.sender) >= staking.requiredFor(host.bytesNow),
                "Proof: stake too low"
            );
        }
        emit Committed(msg.sender, period, node, sum, end, count, list);
    }

    // ---- seed, proof, miss ------------------------------------------------------------------

    /// @notice Stores the seed of `period`, anybody, during the period after it and early enough
    /// for a whole window. The block is a fixed one; if its hash is out of reach, the one 256
    /// blocks later, and so on: never one that the caller chooses.
    function seal(uint64 period) external {
        require(!paused(), "Proof: paused");
        require(currentPeriod() == period + 1, "Proof: not the period before");
        require(seals[period] == 0, "Proof: sealed");
        uint256 first = firstBlockOf(period + 1) + seedDelay;
        require(block.number > first, "Proof: too early");
        require(block.number + windowBlocks < firstBlockOf(period + 2), "Proof: too late to seal");
        uint256 target = first + (block.number - 1 - first) / 256 * 256;
        bytes32 hash = blockhash(target);
        require(hash != 0, "Proof: no block hash");
        bytes32 seed = keccak256(abi.encode(hash, period, address(this)));
        uint256 entry = uint256(seed) & SEED_MASK | block.number;
        seals[period] = entry;
        emit Sealed(period, bytes32(entry & SEED_MASK), target, block.number + windowBlocks);
    }

    /// @notice Proves that `host` holds what was drawn for `period`. Anybody may send it; the
    /// draws belong to the host. `peaks` is the list the range is made of; `answers` are k answers
    /// of docs/formats/dataset.md, one after the other.
    function prove(address host, uint64 period, bytes calldata peaks, bytes calldata answers)
        external
    {
        require(currentPeriod() == period + 1, "Proof: not the period before");
        uint256 entry = seals[period];
        require(entry & SEED_MASK != 0 && entry & VOID == 0, "Proof: no seed");
        require(block.number <= (entry & BLOCK_MASK) + windowBlocks, "Proof: too late");
        Host storage state = hosts[host];
        require(!state.jailed, "Proof: jailed");
        bytes memory list = peaks;
        bytes32 name = Dataset.commitment(list);
        require(name != 0 && name == _rangeOf(state, period), "Proof: not the frozen peaks");
        uint256 live = _judgeAnswers(host, period, list, answers, bytes32(entry & SEED_MASK));
        _record(host, period, PROVEN);
        history[host][period % HISTORY] = uint256(name) & HISTORY_MASK | period;
        (state.missesInRow, state.byteEpochs) = (0, state.byteEpochs + uint112(live));
        emit Proven(host, period, live);
    }

    /// @notice Reports that `host` did not prove `period` in time. Slashes it, pays the caller the
    /// reporter's share, jails the host after `missesToJail` misses since its last proof.
    function reportMiss(address host, uint64 period) external {
        require(!paused(), "Proof: paused");
        Host storage state = hosts[host];
        require(_isMissable(period), "Proof: nothing missed yet");
        require(period >= state.activeFrom && period < state.activeUntil, "Proof: no duty");
        _miss(host, state, period, msg.sender);
    }

    /// @notice Ends the caller's jail once its periods are over. Duties start again at once.
    function unjail() external {
        Host storage state = hosts[msg.sender];
        require(state.jailed, "Proof: not jailed");
        uint64 period = currentPeriod();
        require(period >= state.jailedUntil, "Proof: still jailed");
        require(
            staking.liveStakeOf(msg.sender) >= staking.requiredStakeOf(msg.sender),
            "Proof: stake too low"
        );
        state.jailed = false;
        state.missesInRow = 0;
        state.activeFrom = uint40(period);
        state.activeUntil = state.endMax;
        emit Unjailed(msg.sender);
    }

    // ---- what Disputes is lent ---------------------------------------------------------------

    modifier onlyDisputes() {
        require(msg.sender == disputes, "Proof: caller is not the disputes contract");
        _;
    }

    /// @notice Names the contract that judges challenges, once and for ever.
    function bindDisputes(address disputes_) external onlyOwner {
        require(disputes == address(0), "Proof: disputes are bound");
        require(disputes_.code.length > 0, "Proof: address has no code");
        disputes = disputes_;
        emit DisputesBound(disputes_);
    }

    /// @notice Disputes only: the slash of a lost challenge. Answers with what was taken.
    function punish(address host, address challenger) external onlyDisputes returns (uint256) {
        return _penalize(host, params.challengeBps, challenger);
    }

    /// @notice Disputes only: a challenge is open.
    function hold(address host) external onlyDisputes {
        staking.hold(host);
    }

    /// @notice Disputes only: a challenge is over.
    function unhold(address host) external onlyDisputes {
        staking.unhold(host);
    }

    // ---- inside -----------------------------------------------------------------------------

    /// Stores a list of peaks as the newest commitment of `host` and sets its duties.
    function _enter(Host storage host, bytes memory list, uint64 period) private {
        (uint256 live, uint64 end) = Dataset.liveBytes(list, period);
        if (end > type(uint40).max) end = type(uint40).max;
        host.previous = host.current;
        host.current = Dataset.commitment(list);
        host.committedNext = uint40(period + 1);
        host.bytesNow = uint64(live);
        if (live != 0) host.endMax = uint40(end);
        if (host.jailed || live == 0) return;
        uint40 until = host.activeUntil;
        // Duties have a gap: what was due before it is judged now, as it could not be later.
        if (until < period) {
            if (until > host.activeFrom && _isMissable(until - 1)) {
                if (_recordOf(msg.sender, until - 1) == 0) {
                    _miss(msg.sender, host, until - 1, address(0));
                }
            }
            host.activeFrom = uint40(period);
            if (host.jailed) return;
        }
        host.activeUntil = uint40(end);
    }

    function _miss(address host, Host storage state, uint64 period, address reporter) private {
        _record(host, period, MISSED);
        if (state.missesInRow < type(uint8).max) ++state.missesInRow;
        if (!state.jailed && state.missesInRow >= params.missesToJail) {
            uint64 present = currentPeriod();
            state.jailed = true;
            state.jailedUntil = uint40(present + params.jailPeriods);
            if (state.activeUntil > present) state.activeUntil = uint40(present);
            emit Jailed(host, state.jailedUntil);
        }
        emit Missed(host, period, reporter, _penalize(host, params.missBps, reporter));
    }

    /// The k draws over the range, each answered by the next answer. Returns the range's bytes.
    function _judgeAnswers(
        address host,
        uint64 period,
        bytes memory peaks,
        bytes calldata answers,
        bytes32 seed
    ) internal view returns (uint256 live) {
        (live,) = Dataset.liveBytes(peaks, period);
        require(live != 0, "Proof: nothing to prove");
        uint256 at;
        assembly ("memory-safe") {
            at := answers.offset
        }
        uint256 limit = at + answers.length;
        // Draw i is keccak256(seed, host, period, i) modulo the range's bytes.
        bytes memory ask = abi.encode(seed, host, period, uint256(0));
        for (uint256 i = 0; i < challengeCount;) {
            at = _judgeAnswer(period, peaks, uint256(keccak256(ask)) % live, at);
            assembly ("memory-safe") {
                i := add(i, 1)
                mstore(add(ask, 128), i)
            }
        }
        // Calldata beyond its end reads as zeros, so this one check bounds every read before it.
        require(at == limit, "Proof: answers have another length");
    }

    /// One answer: kind (u8), leaf (80), count of steps (u8), sides (u64), the steps, and then by
    /// kind: 0 kept: leaf of the shard and path; 1 expired: nothing; 2 released: agreement (14
    /// words), length of the signature (u16), the renter's signature. Returns where it ends.
    function _judgeAnswer(uint64 period, bytes memory peaks, uint256 drawn, uint256 at)
        private
        view
        returns (uint256)
    {
        (uint256 meta, uint256 within, uint256 next) = _place(period, peaks, drawn, at);
        uint256 kind;
        bytes32 shard;
        assembly ("memory-safe") {
            kind := shr(248, calldataload(at))
            shard := calldataload(add(at, 33))
        }
        if (kind == 0) {
            uint256 len = meta >> 64;
            uint256 end;
            unchecked {
                end = next + ShardProof.proofLen(len);
            }
            require(
                ShardProof.shows(shard, len, within / 256, next, end), "Proof: not the shard's leaf"
            );
            return end;
        }
        if (kind == 1) {
            require(uint64(meta) <= period, "Proof: not expired");
            return next;
        }
        require(kind == 2, "Proof: unknown answer");
        return _judgeRelease(at + 1, next);
    }

    /// The leaf an answer at `at` names: its len << 64 | end, the drawn byte within it, and where
    /// its path ends.
    function _place(uint64 period, bytes memory peaks, uint256 drawn, uint256 at)
        private
        pure
        returns (uint256 meta, uint256 within, uint256 next)
    {
        uint256 shape;
        assembly ("memory-safe") {
            shape := shr(184, calldataload(add(at, 81)))
        }
        require(shape >> 64 <= Dataset.STEPS_MAX, "Proof: path too long");
        bytes32 node;
        unchecked {
            next = at + 90 + (shape >> 64) * Dataset.ENTRY_LEN;
            (node, meta) = Dataset.leafAt(at + 1);
            (node, shape, within) =
                Dataset.climb(node, meta, at + 90, shape >> 64, uint64(shape));
        }
        within = _within(period, peaks, drawn, node, shape, within);
        // No leaf is longer than a shard, or one that is over could swallow every draw.
        uint256 len = meta >> 64;
        require(within < len && len <= ShardProof.LEN_MAX, "Proof: not the drawn byte");
    }

    /// How far the drawn byte lies behind `start` in the peak that a climb has led to.
    function _within(
        uint64 period,
        bytes memory peaks,
        uint256 drawn,
        bytes32 top,
        uint256 topMeta,
        uint256 start
    ) private pure returns (uint256) {
        (uint256 peak, uint256 offset) = Dataset.locate(peaks, period, drawn);
        require(Dataset.isEntry(peak, top, topMeta), "Proof: not in the dataset");
        require(start <= offset, "Proof: not the drawn byte");
        unchecked {
            return offset - start;
        }
    }

    /// The agreement behind the leaf at `leaf` was given up by its renter.
    function _judgeRelease(uint256 leaf, uint256 at) private view returns (uint256 end) {
        bytes calldata terms;
        bytes calldata signature;
        bytes32 digest;
        assembly ("memory-safe") {
            terms.offset := at
            terms.length := 448
            signature.offset := add(at, 450)
            signature.length := shr(240, calldataload(add(at, 448)))
            digest := calldataload(leaf)
            end := add(signature.offset, signature.length)
        }
        require(Agreements.isReleased(networkId, digest, terms, signature), "Proof: not released");
    }
}
