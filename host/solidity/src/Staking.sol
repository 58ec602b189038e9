// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {DelayedOwner} from "./DelayedOwner.sol";
import {Periods} from "./Periods.sol";
import {IAtRisk, IStaking} from "./interfaces/IStaking.sol";

/// @title Stake of the hosts: what they lose when they break their word
/// @notice What enters: tokens a host (or somebody for it) locks. What leaves: tokens that were
/// unbonding for `unbondingBlocks`, and slashes that ProofOfStorage orders.
///
/// Invariants:
///  - balance >= sum of all live and unbonding stake + what the treasury has not collected;
///  - stake leaves by withdrawal only after unbonding, and not while a challenge is open (a hold);
///  - unbonding stake is reached by every slash until it is withdrawn;
///  - one slash takes at most `eventBps` of the stake, the slashes of one period together at most
///    `epochBps` of what the stake was before the first of them;
///  - live stake that committed bytes require cannot start to unbond.
/// Once a payout address is set, withdrawals go there and only it can move itself.
/// Deliberately absent: pause, upgrade, delegation, interest.
contract Staking is IStaking, DelayedOwner, Periods, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// What the owner may change, after notice.
    struct Params {
        uint128 minStakePerGiB; // live stake for each GiB committed
        uint16 eventBps; // most one slash takes, in 1/10,000 of live and unbonding stake
        uint16 epochBps; // most all slashes of one period take
    }

    /// A host's stake; three slots.
    struct Account {
        uint128 live;
        uint128 unbonding;
        uint64 readyAt; // first block in which `unbonding` may be withdrawn
        uint32 holds; // open challenges
        uint64 slashPeriod; // period of the last slash
        uint128 slashBase; // stake before the first slash of that period
        uint128 slashed; // taken in that period
    }

    uint256 private constant GIB = 1 << 30;
    uint256 private constant BPS = 10_000;
    /// No parameter lets one slash take more than a fifth, or one period more than half.
    uint16 public constant EVENT_BPS_MAX = 2_000;
    uint16 public constant EPOCH_BPS_MAX = 5_000;
    /// No reporter gets more than this share of a slash, whatever ProofOfStorage asks for.
    uint16 public constant REWARD_BPS_MAX = 2_500;

    event Staked(address indexed host, address indexed from, uint256 amount);
    event UnstakeRequested(address indexed host, uint256 amount, uint64 readyAt);
    event UnstakeCancelled(address indexed host, uint256 amount);
    event Withdrawn(address indexed host, address indexed recipient, uint256 amount);
    event Slashed(
        address indexed host, address indexed reporter, uint256 amount, uint256 reward
    );
    event PayoutSet(address indexed host, address indexed payout);
    event ProofBound(address indexed proof);
    event ParamsProposed(Params params, uint64 readyAt);
    event ParamsApplied(Params params);

    IERC20 public immutable token;
    uint64 public immutable unbondingBlocks;
    /// `minStakePerGiB` never rises above this.
    uint128 public immutable minStakeMax;
    /// Receives what slashes take and reporters do not get.
    address public immutable treasury;
    /// The only slasher; set once.
    address public proof;

    Params public params;
    Params public proposedParams;
    /// Block from which the proposed parameters may be applied; zero when there are none.
    uint64 public paramsReadyAt;
    /// Sum of all live and unbonding stake.
    uint256 public totalStake;
    /// Slashed and not collected yet.
    uint256 public treasuryOwed;
    mapping(address host => address) public payoutOf;
    mapping(address host => Account) private accounts;

    modifier onlyProof() {
        require(msg.sender == proof, "Staking: caller is not the proof contract");
        _;
    }

    /// @param owner_ changes parameters after `delay` blocks of notice
    /// @param token_ what is staked
    /// @param treasury_ receives slashed stake
    /// @param genesis first block of period 0
    /// @param blocks blocks of one period
    /// @param unbonding blocks between request and withdrawal, at least three periods: the period
    /// itself, the one in which it is proven, and one to report
    /// @param minMax highest `minStakePerGiB` that can ever be asked
    constructor(
        address owner_,
        uint64 delay,
        address token_,
        address treasury_,
        uint64 genesis,
        uint64 blocks,
        uint64 unbonding,
        uint128 minMax,
        Params memory first
    ) DelayedOwner(owner_, delay) Periods(genesis, blocks) {
        require(token_ != address(0) && treasury_ != address(0), "Staking: zero address");
        require(unbonding >= 3 * blocks && unbonding <= 50_000_000, "Staking: bad unbonding");
        token = IERC20(token_);
        treasury = treasury_;
        unbondingBlocks = unbonding;
        minStakeMax = minMax;
        _check(first);
        params = first;
        emit ParamsApplied(first);
    }

    // ---- reading ----------------------------------------------------------------------------

    /// @inheritdoc IStaking
    function stakeOf(address host) public view returns (uint256) {
        return uint256(accounts[host].live) + accounts[host].unbonding;
    }

    /// @inheritdoc IStaking
    function liveStakeOf(address host) public view returns (uint256) {
        return accounts[host].live;
    }

    /// @inheritdoc IStaking
    function freeStakeOf(address host) public view returns (uint256) {
        uint256 live = accounts[host].live;
        uint256 needed = requiredStakeOf(host);
        return live > needed ? live - needed : 0;
    }

    /// @inheritdoc IStaking
    function requiredStakeOf(address host) public view returns (uint256) {
        if (proof == address(0)) return 0;
        return requiredFor(IAtRisk(proof).bytesAtRisk(host));
    }

    /// @inheritdoc IStaking
    function requiredFor(uint256 bytes_) public view returns (uint256) {
        return (bytes_ * params.minStakePerGiB + GIB - 1) / GIB;
    }

    /// @inheritdoc IStaking
    function minStakePerGiB() external view returns (uint256) {
        return params.minStakePerGiB;
    }

    /// @inheritdoc IStaking
    function unbondingOf(address host) external view returns (uint256 amount, uint64 readyAt) {
        return (accounts[host].unbonding, accounts[host].readyAt);
    }

    /// @notice Open holds of a host, and what was taken in the present period out of which base.
    function slashStateOf(address host)
        external
        view
        returns (uint32 holds, uint256 slashed, uint256 base)
    {
        Account memory account = accounts[host];
        if (account.slashPeriod != currentPeriod()) return (account.holds, 0, stakeOf(host));
        return (account.holds, account.slashed, account.slashBase);
    }

    // ---- staking ----------------------------------------------------------------------------

    /// @notice Adds to the caller's own stake. Needs an allowance.
    function stake(uint256 amount) external {
        stakeFor(msg.sender, amount);
    }

    /// @notice Adds to a host's stake from the caller's tokens. It belongs to the host.
    function stakeFor(address host, uint256 amount) public nonReentrant {
        require(host != address(0), "Staking: zero address");
        require(amount > 0, "Staking: nothing to stake");
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        // Counted is what arrived, in case the token takes a fee.
        amount = token.balanceOf(address(this)) - before;
        accounts[host].live += amount.toUint128();
        totalStake += amount;
        emit Staked(host, msg.sender, amount);
    }

    /// @notice Moves live stake that no committed byte requires to unbonding. What was unbonding
    /// before waits again from now.
    function requestUnstake(uint256 amount) external {
        require(amount > 0, "Staking: nothing to unstake");
        require(amount <= freeStakeOf(msg.sender), "Staking: stake is at risk");
        Account storage account = accounts[msg.sender];
        account.live -= uint128(amount);
        account.unbonding += uint128(amount);
        account.readyAt = uint64(block.number) + unbondingBlocks;
        emit UnstakeRequested(msg.sender, amount, account.readyAt);
    }

    /// @notice Moves unbonding stake back to live.
    function cancelUnstake(uint256 amount) external {
        Account storage account = accounts[msg.sender];
        require(amount > 0 && amount <= account.unbonding, "Staking: not unbonding");
        account.unbonding -= uint128(amount);
        account.live += uint128(amount);
        emit UnstakeCancelled(msg.sender, amount);
    }

    /// @notice Pays out what has unbonded, to the host's payout address or else to the host.
    function withdraw() external {
        _withdraw(msg.sender);
    }

    /// @notice The same, sent by the payout address.
    function withdrawFor(address host) external {
        require(msg.sender == payoutOf[host], "Staking: caller is not the payout address");
        _withdraw(host);
    }

    /// @notice Names where withdrawals go; once.
    function setPayout(address payout) external {
        require(payoutOf[msg.sender] == address(0), "Staking: payout address is set");
        require(payout != address(0), "Staking: zero address");
        payoutOf[msg.sender] = payout;
        emit PayoutSet(msg.sender, payout);
    }

    /// @notice Moves a host's payout address; only the present one may.
    function movePayout(address host, address payout) external {
        require(msg.sender == payoutOf[host], "Staking: caller is not the payout address");
        require(payout != address(0), "Staking: zero address");
        payoutOf[host] = payout;
        emit PayoutSet(host, payout);
    }

    // ---- penalties --------------------------------------------------------------------------

    /// @inheritdoc IStaking
    function slash(address host, uint256 amount, address reporter, uint256 rewardBps)
        external
        onlyProof
        nonReentrant
        returns (uint256 taken, uint256 reward)
    {
        taken = _take(accounts[host], amount);
        if (rewardBps > REWARD_BPS_MAX) rewardBps = REWARD_BPS_MAX;
        reward = reporter == address(0) ? 0 : taken * rewardBps / BPS;
        totalStake -= taken;
        treasuryOwed += taken - reward;
        emit Slashed(host, reporter, taken, reward);
        if (reward != 0) token.safeTransfer(reporter, reward);
    }

    /// @inheritdoc IStaking
    function hold(address host) external onlyProof {
        ++accounts[host].holds;
    }

    /// @inheritdoc IStaking
    function unhold(address host) external onlyProof {
        --accounts[host].holds;
    }

    /// @notice Sends the treasury what slashes left for it. Anybody may.
    function collect() external nonReentrant {
        uint256 amount = treasuryOwed;
        treasuryOwed = 0;
        token.safeTransfer(treasury, amount);
    }

    // ---- parameters -------------------------------------------------------------------------

    /// @notice Names the proof contract, once and for ever.
    function bindProof(address proof_) external onlyOwner {
        require(proof == address(0), "Staking: proof is bound");
        require(proof_.code.length > 0, "Staking: address has no code");
        proof = proof_;
        emit ProofBound(proof_);
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
        require(paramsReadyAt != 0, "Staking: nothing proposed");
        require(block.number >= paramsReadyAt, "Staking: too early");
        params = proposedParams;
        delete proposedParams;
        paramsReadyAt = 0;
        emit ParamsApplied(params);
    }

    // ---- inside -----------------------------------------------------------------------------

    function _withdraw(address host) private nonReentrant {
        Account storage account = accounts[host];
        uint256 amount = account.unbonding;
        require(amount > 0, "Staking: nothing unbonding");
        require(block.number >= account.readyAt, "Staking: still unbonding");
        require(account.holds == 0, "Staking: a challenge is open");
        account.unbonding = 0;
        totalStake -= amount;
        address payout = payoutOf[host];
        if (payout == address(0)) payout = host;
        emit Withdrawn(host, payout, amount);
        token.safeTransfer(payout, amount);
    }

    /// Takes what both caps leave of `amount`, live stake first.
    function _take(Account storage account, uint256 amount) private returns (uint256) {
        uint256 live = account.live;
        uint256 all = live + account.unbonding;
        uint64 period = currentPeriod();
        if (account.slashPeriod != period || account.slashBase == 0) {
            account.slashPeriod = period;
            account.slashBase = uint128(all);
            account.slashed = 0;
        }
        uint256 once = all * params.eventBps / BPS;
        if (amount > once) amount = once;
        uint256 room = uint256(account.slashBase) * params.epochBps / BPS;
        uint256 used = account.slashed;
        room = room > used ? room - used : 0;
        if (amount > room) amount = room;
        account.slashed = uint128(used + amount);
        uint256 first = amount < live ? amount : live;
        account.live = uint128(live - first);
        account.unbonding -= uint128(amount - first);
        return amount;
    }

    function _check(Params memory next) private view {
        require(next.minStakePerGiB <= minStakeMax, "Staking: minimum too high");
        require(next.eventBps > 0 && next.eventBps <= EVENT_BPS_MAX, "Staking: bad event cap");
        require(
            next.epochBps >= next.eventBps && next.epochBps <= EPOCH_BPS_MAX,
            "Staking: bad epoch cap"
        );
    }
}
