// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Dataset} from "./Dataset.sol";
import {DelayedOwner} from "./DelayedOwner.sol";
import {Periods} from "./Periods.sol";
import {Staking} from "./Staking.sol";
import {IAtRisk} from "./interfaces/IStaking.sol";
import {DatasetLeaf, IProofOfStorage} from "./interfaces/IProofOfStorage.sol";

/// @title State, clock, parameters and readings of ProofOfStorage
/// @notice What is kept of a host and of a period, who may pause and how long, and every view
/// others pay by. The verbs are in ProofOfStorage.
/// A pause voids the window it falls into, keeps seeds from being set, and moves the end of every
/// open challenge by its own length. It blocks no answer, commitment or withdrawal, and anybody
/// may end it after `pauseBlocksMax`.
abstract contract ProofBase is IProofOfStorage, DelayedOwner, Periods {
    /// What is fixed for ever.
    struct Config {
        address owner;
        uint64 delay; // blocks of notice for parameters and owner
        address staking; // its token is also the token of bonds
        bytes32 networkId;
        uint64 seedDelay; // blocks from the period's end to the seed's block
        uint64 windowBlocks; // from the seal to the deadline of proofs
        uint64 pauseBlocksMax; // longest pause, and shortest time between two
        uint16 challengeCount; // draws a proof
    }

    /// What the owner may change, after notice.
    struct Params {
        uint128 bond; // of a challenge; goes to the host that answers it
        uint16 missBps; // slash for a missed proof, in 1/10,000 of the stake
        uint16 challengeBps; // slash for a lost challenge
        uint16 rewardBps; // the reporter's share of a slash
        uint8 missesToJail;
        uint32 jailPeriods;
    }

    /// A host; four slots.
    struct Host {
        bytes32 current; // commitment to the newest peaks
        bytes32 previous; // the one before, which a period's proof may still be about
        uint112 byteEpochs;
        uint40 committedNext; // period of the newest commitment + 1
        uint40 activeFrom; // first period with a duty to prove
        uint40 activeUntil; // first period without one
        uint8 missesInRow;
        bool jailed;
        uint64 bytesNow; // live bytes at the newest commitment
        uint40 endMax; // greatest end epoch of them
        uint40 jailedUntil;
    }

    /// Proven periods of a host for which inclusion can be asked.
    uint64 public constant HISTORY = 32;
    uint16 public constant CHALLENGES_MAX = 32;
    uint16 public constant MISS_BPS_MAX = 1_000;
    uint16 public constant CHALLENGE_BPS_MAX = 2_000;
    uint16 public constant REWARD_BPS_MAX = 2_500;

    uint256 internal constant BLOCK_MASK = type(uint40).max;
    uint256 internal constant VOID = 1 << 40;
    uint256 internal constant SEED_MASK = ~uint256(type(uint48).max);
    uint256 internal constant HISTORY_MASK = ~uint256(type(uint40).max);
    uint256 internal constant PROVEN = 1;
    uint256 internal constant MISSED = 2;

    event DisputesBound(address indexed disputes);
    event Paused(uint256 until, uint64 voidedPeriod);
    event Unpaused();
    event ParamsProposed(Params params, uint64 readyAt);
    event ParamsApplied(Params params);

    Staking public immutable staking;
    bytes32 public immutable networkId;
    uint64 public immutable seedDelay;
    uint64 public immutable windowBlocks;
    uint64 public immutable pauseBlocksMax;
    uint16 public immutable challengeCount;

    Params public params;
    Params public proposedParams;
    /// Block from which the proposed parameters may be applied; zero when there are none.
    uint64 public paramsReadyAt;
    /// Block in which the running pause began; zero when there is none.
    uint64 public pausedAt;
    uint64 internal unpausedAt;
    /// Blocks of all pauses that are over.
    uint64 private pausedBefore;
    /// Judges challenges; set once.
    address public disputes;
    mapping(address host => Host) internal hosts;
    /// Seed (upper 208 bits), void flag (bit 40), block of the seal (lower 40 bits).
    mapping(uint64 period => uint256) public seals;
    /// Commitment (upper 216 bits) and period (lower 40) of the last proven periods.
    mapping(address host => mapping(uint256 place => uint256)) internal history;
    /// Two bits a period: proven, missed.
    mapping(address host => mapping(uint256 word => uint256)) internal records;

    constructor(Config memory config, Params memory first)
        DelayedOwner(config.owner, config.delay)
        Periods(Staking(config.staking).genesisBlock(), Staking(config.staking).periodBlocks())
    {
        require(config.seedDelay > 0 && config.windowBlocks > 0, "Proof: bad window");
        require(
            uint256(config.seedDelay) + config.windowBlocks + 2 <= periodBlocks,
            "Proof: window beyond the period"
        );
        // Or a pause could outlast unbonding, and stake would leave that was never judged.
        require(
            config.pauseBlocksMax > 0
                && config.pauseBlocksMax <= Staking(config.staking).unbondingBlocks(),
            "Proof: bad pause"
        );
        require(
            config.challengeCount > 0 && config.challengeCount <= CHALLENGES_MAX,
            "Proof: bad challenge count"
        );
        staking = Staking(config.staking);
        networkId = config.networkId;
        seedDelay = config.seedDelay;
        windowBlocks = config.windowBlocks;
        pauseBlocksMax = config.pauseBlocksMax;
        challengeCount = config.challengeCount;
        _check(first);
        params = first;
        emit ParamsApplied(first);
    }

    // ---- reading ----------------------------------------------------------------------------

    /// @inheritdoc IProofOfStorage
    function currentPeriod() public view override(IProofOfStorage, Periods) returns (uint64) {
        return periodOf(block.number);
    }

    /// @inheritdoc IProofOfStorage
    function periodOf(uint256 number)
        public
        view
        override(IProofOfStorage, Periods)
        returns (uint64)
    {
        return Periods.periodOf(number);
    }

    /// @inheritdoc IAtRisk
    function bytesAtRisk(address host) external view returns (uint256) {
        Host storage state = hosts[host];
        return currentPeriod() < state.endMax ? state.bytesNow : 0;
    }

    /// @inheritdoc IProofOfStorage
    function provenAt(address host, uint64 period) external view returns (bool) {
        return _recordOf(host, period) == PROVEN;
    }

    /// @notice Whether a miss of `period` was reported.
    function missedAt(address host, uint64 period) external view returns (bool) {
        return _recordOf(host, period) == MISSED;
    }

    /// @inheritdoc IProofOfStorage
    function isClosed(uint64 period) public view returns (bool) {
        uint256 entry = seals[period];
        if (entry & VOID != 0) return true;
        if (entry != 0) return block.number > (entry & BLOCK_MASK) + windowBlocks;
        return block.number + windowBlocks >= firstBlockOf(period + 2);
    }

    /// @inheritdoc IProofOfStorage
    function isVoid(uint64 period) external view returns (bool) {
        uint256 entry = seals[period];
        return entry & VOID != 0 || (entry == 0 && isClosed(period));
    }

    /// @inheritdoc IProofOfStorage
    function byteEpochsOf(address host) external view returns (uint256) {
        return hosts[host].byteEpochs;
    }

    /// @inheritdoc IProofOfStorage
    function isJailed(address host) external view returns (bool) {
        return hosts[host].jailed;
    }

    /// @notice Periods [from, until) in which the host must prove, misses since its last proof, the
    /// period of its newest commitment + 1, and the period until which it is jailed.
    function dutyOf(address host)
        external
        view
        returns (uint64 from, uint64 until, uint8 misses, uint64 committedNext, uint64 jailedUntil)
    {
        Host storage state = hosts[host];
        (from, until) = (state.activeFrom, state.activeUntil);
        misses = state.missesInRow;
        committedNext = state.committedNext;
        if (state.jailed) jailedUntil = state.jailedUntil;
    }

    /// @notice Last block in which a proof of `period` is accepted; zero while it is not sealed.
    function deadlineOf(uint64 period) external view returns (uint256) {
        uint256 entry = seals[period];
        return entry == 0 || entry & VOID != 0 ? 0 : (entry & BLOCK_MASK) + windowBlocks;
    }

    /// @notice The commitment that a proof of `period` is about, asked during the period after it.
    function rangeOf(address host, uint64 period) external view returns (bytes32) {
        return _rangeOf(hosts[host], period);
    }

    /// @inheritdoc IProofOfStorage
    function included(
        address host,
        uint64 period,
        DatasetLeaf calldata leaf,
        bytes calldata inclusion
    ) external view returns (bool ok) {
        uint256 entry = history[host][period % HISTORY];
        if (leaf.endEpoch <= period || entry == 0 || uint40(entry) != period) return false;
        // Only 216 bits of the commitment are kept: enough that no two lists share them.
        (ok,) = Dataset.find(entry, HISTORY_MASK, leaf, inclusion);
    }

    /// @inheritdoc IProofOfStorage
    function includedNow(address host, DatasetLeaf calldata leaf, bytes calldata inclusion)
        public
        view
        returns (bool ok)
    {
        (ok,) = Dataset.find(uint256(hosts[host].current), type(uint256).max, leaf, inclusion);
    }

    /// @notice Commitment to the host's newest peaks; zero for none.
    function currentOf(address host) external view returns (bytes32) {
        return hosts[host].current;
    }

    /// @notice Commitment to the peaks before the newest.
    function previousOf(address host) external view returns (bytes32) {
        return hosts[host].previous;
    }

    /// @notice The bond of a challenge.
    function bond() external view returns (uint128) {
        return params.bond;
    }

    /// @notice Blocks of all pauses, the running one included.
    function pausedBlocks() public view returns (uint64) {
        return pausedAt == 0 ? pausedBefore : pausedBefore + uint64(block.number) - pausedAt;
    }

    // ---- pause and parameters ---------------------------------------------------------------

    /// @notice Whether penalties stand still.
    function paused() public view returns (bool) {
        return pausedAt != 0;
    }

    /// @notice Stops penalties. A window that is open is voided: nobody misses that period.
    function pause() external onlyOwner {
        require(pausedAt == 0, "Proof: paused");
        require(
            unpausedAt == 0 || block.number >= unpausedAt + pauseBlocksMax, "Proof: paused lately"
        );
        pausedAt = uint64(block.number);
        uint64 period = currentPeriod();
        uint256 entry = period == 0 ? 0 : seals[period - 1];
        bool open = entry != 0 && block.number <= (entry & BLOCK_MASK) + windowBlocks;
        if (open) seals[period - 1] = entry | VOID;
        emit Paused(block.number + pauseBlocksMax, open ? period - 1 : type(uint64).max);
    }

    /// @notice Ends the pause; after `pauseBlocksMax` anybody may.
    function unpause() external {
        require(pausedAt != 0, "Proof: not paused");
        require(
            msg.sender == owner || block.number >= pausedAt + pauseBlocksMax,
            "Owner: caller is not the owner"
        );
        pausedBefore = pausedBlocks();
        pausedAt = 0;
        unpausedAt = uint64(block.number);
        emit Unpaused();
    }

    /// @notice Announces other parameters; replaces an earlier proposal.
    function proposeParams(Params calldata next) external onlyOwner {
        _check(next);
        proposedParams = next;
        paramsReadyAt = _readyAt();
        emit ParamsProposed(next, paramsReadyAt);
    }

    /// @notice Puts proposed parameters in force once their notice is over.
    function applyParams() external onlyOwner {
        require(paramsReadyAt != 0, "Proof: nothing proposed");
        require(block.number >= paramsReadyAt, "Proof: too early");
        params = proposedParams;
        delete proposedParams;
        paramsReadyAt = 0;
        emit ParamsApplied(params);
    }

    // ---- inside -----------------------------------------------------------------------------

    /// The newest commitment made in or before `period`: there is at most one a period, and a
    /// proof is given in the next one, so it is the newest or the one before.
    function _rangeOf(Host storage state, uint64 period) internal view returns (bytes32) {
        return state.committedNext <= period + 1 ? state.current : state.previous;
    }

    /// Whether `period` was sealed, not voided, and its window is over.
    function _isMissable(uint64 period) internal view returns (bool) {
        uint256 entry = seals[period];
        return entry != 0 && entry & VOID == 0
            && block.number > (entry & BLOCK_MASK) + windowBlocks;
    }

    function _recordOf(address host, uint64 period) internal view returns (uint256) {
        return records[host][period / 128] >> (period % 128 * 2) & 3;
    }

    function _record(address host, uint64 period, uint256 what) internal {
        uint256 word = records[host][period / 128];
        uint256 shift = period % 128 * 2;
        require(word >> shift & 3 == 0, "Proof: judged before");
        records[host][period / 128] = word | what << shift;
    }

    /// Takes `bps` of the host's stake within Staking's caps.
    function _penalize(address host, uint256 bps, address reporter)
        internal
        returns (uint256 taken)
    {
        (taken,) =
            staking.slash(host, staking.stakeOf(host) * bps / 10_000, reporter, params.rewardBps);
    }

    function _check(Params memory next) private pure {
        require(next.missBps > 0 && next.missBps <= MISS_BPS_MAX, "Proof: bad miss share");
        require(
            next.challengeBps > 0 && next.challengeBps <= CHALLENGE_BPS_MAX,
            "Proof: bad challenge share"
        );
        require(next.rewardBps <= REWARD_BPS_MAX, "Proof: bad reward share");
        require(next.missesToJail > 0 && next.jailPeriods > 0, "Proof: bad jail");
    }
}
