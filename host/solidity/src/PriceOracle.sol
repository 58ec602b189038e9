// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {DelayedOwner} from "./DelayedOwner.sol";
import {IProofOfStorage} from "./interfaces/IProofOfStorage.sol";
import {IStaking} from "./interfaces/IStaking.sol";

/// @title Price and rate of each token, moved in small steps
/// @notice A price is micro-tokens per GiB and day; a rate is how many of the token's smallest
/// units make one such micro-token.
///
/// Before a rule is in force the owner moves both. With a rule the price follows the used share of
/// announced, staked space, and nobody moves it by hand: hosts announce their space, the chain
/// itself says how much of it their stake covers and how many bytes they have committed to, and
/// `step` moves the price up when the used share is above the target, down when it is below. The
/// owner keeps the rates.
///
/// Invariants:
///  - every value is inside the token's limits and at most `maxMoveBps` (or one unit) away from the
///    value before; the price and the rate each move at most once per `interval` blocks;
///  - a host weighs as much as the space its stake covers, so it moves the used share by at most
///    its part of all announced space; a hub weighs nothing;
///  - limits, and every rule but the first, change only after `ownerDelay` blocks of notice.
/// A wish beyond a bound is clamped to it, and the event tells the stored values.
/// Agreements fix their price when they are signed; nothing here reaches into them.
/// Deliberately absent: fiat, market feeds, any use of time, gas price or randomness.
contract PriceOracle is DelayedOwner {
    /// Bounds of one token.
    struct Limits {
        uint128 minPrice;
        uint128 maxPrice;
        uint128 minRate;
        uint128 maxRate;
        uint16 maxMoveBps; // largest step of one update, in 1/10,000 of the old value
        uint64 interval; // blocks between two updates
    }

    /// How the price follows demand.
    struct Rule {
        IStaking staking;
        IProofOfStorage proofs;
        uint128 stakePerGiB; // live stake that lets one GiB count
        uint16 targetBps; // used share at which the price stands still, in 1/10,000
        uint64 freshBlocks; // how long an announcement counts
        uint64 minCapacity; // bytes below which the price stands still
    }

    /// What one host has announced and what of it counts; one slot.
    struct Space {
        uint64 announced; // bytes, the host's word
        uint64 capacity; // of these, covered by live stake
        uint64 used; // of these, committed to
        uint64 at; // block of the announcement; 0 while none counts
    }

    /// Sums over all hosts; one slot.
    struct Sums {
        uint128 capacity;
        uint128 used;
    }

    /// No limits allow a larger step than half the value.
    uint16 public constant MOVE_BPS_MAX = 5_000;
    /// Most tokens in one call.
    uint256 public constant TOKENS_MAX = 64;

    event PricesAndRatesUpdate(address[] tokens, uint256[] newPrices, uint256[] newRates);
    event LimitsProposed(address indexed token, Limits limits, uint64 readyAt);
    event LimitsApplied(address indexed token, Limits limits);

    mapping(address token => uint256) public prices;
    mapping(address token => uint256) public rates;
    /// Block of the last update; zero for an unknown token.
    mapping(address token => uint64) public updatedAt;
    mapping(address token => Limits) private limitsNow;
    mapping(address token => Limits) private limitsNext;
    /// Block from which the proposed limits may be applied; zero when there are none.
    mapping(address token => uint64) public limitsReadyAt;

    event RuleProposed(Rule rule, uint64 readyAt);
    event RuleApplied(Rule rule);
    event SpaceChanged(address indexed host, uint64 announced, uint64 capacity, uint64 used);
    /// The sums that moved a price, beside the price itself.
    event PriceStepped(address indexed token, uint256 price, uint256 used, uint256 capacity);

    Rule private rule;
    Rule private ruleNext;
    /// Block from which the proposed rule may be applied; zero when there is none.
    uint64 public ruleReadyAt;
    Sums private sums;
    mapping(address host => Space) private spaces;
    /// Block of the last step of a token's price.
    mapping(address token => uint64) public steppedAt;

    /// @param owner_ who updates
    /// @param delay blocks of notice for limits and for a new owner
    /// @param token the first token, with its first values and limits
    constructor(
        address owner_,
        uint64 delay,
        address token,
        uint256 price,
        uint256 rate,
        Limits memory first
    ) DelayedOwner(owner_, delay) {
        _check(first);
        require(price >= first.minPrice && price <= first.maxPrice, "PriceOracle: bad price");
        require(rate >= first.minRate && rate <= first.maxRate, "PriceOracle: bad rate");
        limitsNow[token] = first;
        emit LimitsApplied(token, first);
        prices[token] = price;
        rates[token] = rate;
        updatedAt[token] = uint64(block.number);
        emit PricesAndRatesUpdate(_one(token), _one(price), _one(rate));
    }

    // ---- reading ----------------------------------------------------------------------------

    function getPrice(address token) external view returns (uint256) {
        return prices[token];
    }

    function getRate(address token) external view returns (uint256) {
        return rates[token];
    }

    function getPrices(address[] calldata tokens) external view returns (uint256[] memory result) {
        return _collect(prices, tokens);
    }

    function getRates(address[] calldata tokens) external view returns (uint256[] memory result) {
        return _collect(rates, tokens);
    }

    function getPricesAndRates(address[] calldata tokens)
        external
        view
        returns (uint256[] memory pricesResult, uint256[] memory ratesResult)
    {
        return (_collect(prices, tokens), _collect(rates, tokens));
    }

    /// @notice The limits in force; all zero for an unknown token.
    function limitsOf(address token) external view returns (Limits memory) {
        return limitsNow[token];
    }

    /// @notice The limits proposed and not yet applied.
    function proposedLimitsOf(address token) external view returns (Limits memory) {
        return limitsNext[token];
    }

    /// @notice Price times rate: smallest units per GiB and day, for a consumer who accepts at most
    /// `most`; reverts above that and for an unknown token.
    function priceAtMost(address token, uint256 most) external view returns (uint256 units) {
        units = prices[token] * rates[token];
        require(units != 0, "PriceOracle: unknown token");
        require(units <= most, "PriceOracle: above the maximum");
    }

    /// @notice The rule in force; all zero while the owner moves the prices.
    function ruleOf() external view returns (Rule memory) {
        return rule;
    }

    function proposedRule() external view returns (Rule memory) {
        return ruleNext;
    }

    /// @notice What counts for one host.
    function spaceOf(address host) external view returns (Space memory) {
        return spaces[host];
    }

    /// @notice All announced, staked space and how much of it is used, in bytes.
    function totals() external view returns (uint256 capacity, uint256 used) {
        return (sums.capacity, sums.used);
    }

    // ---- the rule ---------------------------------------------------------------------------

    /// @notice Announces the caller's space in bytes; zero takes it back. It counts for
    /// `freshBlocks`, as far as the caller's live stake covers it.
    function announce(uint64 bytes_) external {
        require(_hasRule(), "PriceOracle: no rule");
        Space storage space = spaces[msg.sender];
        space.announced = bytes_;
        space.at = uint64(block.number);
        _refresh(msg.sender);
    }

    /// @notice Reads a host's stake and bytes again. Anybody may call.
    function refresh(address host) external {
        require(_hasRule(), "PriceOracle: no rule");
        _refresh(host);
    }

    /// @notice Moves a token's price by the rule, once per interval. Anybody may call.
    function step(address token) external {
        require(_hasRule(), "PriceOracle: no rule");
        Limits memory limits = limitsNow[token];
        require(limits.maxPrice != 0, "PriceOracle: token has no limits");
        uint64 last = steppedAt[token];
        require(last == 0 || block.number >= last + limits.interval, "PriceOracle: too early");
        uint256 old = prices[token];
        uint256 wish = _wish(old, limits.maxMoveBps);
        uint256 price = _clamp(old, wish, limits.minPrice, limits.maxPrice, limits.maxMoveBps);
        prices[token] = price;
        steppedAt[token] = uint64(block.number);
        emit PriceStepped(token, price, sums.used, sums.capacity);
        emit PricesAndRatesUpdate(_one(token), _one(price), _one(rates[token]));
    }

    /// @notice Proposes a rule; replaces an earlier proposal. The first rule needs no notice: it
    /// takes power from the owner and gives none.
    function proposeRule(Rule calldata next) external onlyOwner {
        require(address(next.staking).code.length > 0, "PriceOracle: staking has no code");
        require(address(next.proofs).code.length > 0, "PriceOracle: proofs have no code");
        require(next.stakePerGiB > 0, "PriceOracle: stake must count");
        require(next.targetBps >= 1_000 && next.targetBps <= 9_000, "PriceOracle: bad target");
        require(next.freshBlocks > 0 && next.freshBlocks <= OWNER_DELAY_MAX, "PriceOracle: bad age");
        ruleNext = next;
        ruleReadyAt = _hasRule() ? _readyAt() : uint64(block.number);
        emit RuleProposed(next, ruleReadyAt);
    }

    /// @notice Puts the proposed rule in force once its notice is over.
    function applyRule() external onlyOwner {
        require(ruleReadyAt != 0, "PriceOracle: nothing proposed");
        require(block.number >= ruleReadyAt, "PriceOracle: too early");
        rule = ruleNext;
        delete ruleNext;
        ruleReadyAt = 0;
        emit RuleApplied(rule);
    }

    // ---- moving -----------------------------------------------------------------------------

    /// @notice Moves prices and rates towards the wished values, within the limits. A token whose
    /// limits were never applied, or that moved less than `interval` blocks ago, reverts the call;
    /// so does, once a rule is in force, a wish for another price than the present one.
    function updatePricesAndRates(
        address[] calldata tokens,
        uint256[] calldata newPrices,
        uint256[] calldata newRates
    ) external onlyOwner {
        require(tokens.length > 0 && tokens.length <= TOKENS_MAX, "PriceOracle: bad token count");
        require(tokens.length == newPrices.length, "PriceOracle: prices do not match tokens");
        require(tokens.length == newRates.length, "PriceOracle: rates do not match tokens");
        uint256[] memory priceList = new uint256[](tokens.length);
        uint256[] memory rateList = new uint256[](tokens.length);
        for (uint256 i = 0; i < tokens.length; ++i) {
            (priceList[i], rateList[i]) = _move(tokens[i], newPrices[i], newRates[i]);
        }
        emit PricesAndRatesUpdate(tokens, priceList, rateList);
    }

    /// @notice Proposes limits for a known or a new token; replaces an earlier proposal.
    function proposeLimits(address token, Limits calldata next) external onlyOwner {
        _check(next);
        limitsNext[token] = next;
        limitsReadyAt[token] = _readyAt();
        emit LimitsProposed(token, next, limitsReadyAt[token]);
    }

    /// @notice Puts proposed limits in force once their notice is over. The values move into them
    /// with the next update.
    function applyLimits(address token) external onlyOwner {
        uint64 readyAt = limitsReadyAt[token];
        require(readyAt != 0, "PriceOracle: nothing proposed");
        require(block.number >= readyAt, "PriceOracle: too early");
        limitsNow[token] = limitsNext[token];
        delete limitsNext[token];
        delete limitsReadyAt[token];
        emit LimitsApplied(token, limitsNow[token]);
    }

    // ---- inside -----------------------------------------------------------------------------

    function _move(address token, uint256 price, uint256 rate) private returns (uint256, uint256) {
        Limits memory limits = limitsNow[token];
        require(limits.maxPrice != 0, "PriceOracle: token has no limits");
        uint64 last = updatedAt[token];
        require(last == 0 || block.number >= last + limits.interval, "PriceOracle: too early");
        // A token that is new under the rule gets its first price from the owner.
        require(
            !_hasRule() || last == 0 || price == prices[token],
            "PriceOracle: the rule moves the price"
        );
        price = _clamp(prices[token], price, limits.minPrice, limits.maxPrice, limits.maxMoveBps);
        rate = _clamp(rates[token], rate, limits.minRate, limits.maxRate, limits.maxMoveBps);
        prices[token] = price;
        rates[token] = rate;
        updatedAt[token] = uint64(block.number);
        return (price, rate);
    }

    function _hasRule() private view returns (bool) {
        return rule.stakePerGiB != 0;
    }

    /// Takes the host's old part out of the sums and puts the present one in.
    function _refresh(address host) private {
        Space memory space = spaces[host];
        Sums memory all = sums;
        all.capacity -= space.capacity;
        all.used -= space.used;
        (space.capacity, space.used) = _partOf(host, space);
        all.capacity += space.capacity;
        all.used += space.used;
        if (space.capacity == 0 && block.number > space.at + rule.freshBlocks) delete space;
        sums = all;
        spaces[host] = space;
        emit SpaceChanged(host, space.announced, space.capacity, space.used);
    }

    /// What counts of a host: nothing when its word is stale or it is jailed; else what its stake
    /// covers, and of that what it has committed to.
    function _partOf(address host, Space memory space)
        private
        view
        returns (uint64 capacity, uint64 used)
    {
        if (block.number > space.at + rule.freshBlocks || rule.proofs.isJailed(host)) {
            return (0, 0);
        }
        uint256 covered = (rule.staking.liveStakeOf(host) << 30) / rule.stakePerGiB;
        capacity = covered < space.announced ? uint64(covered) : space.announced;
        uint256 bytes_ = rule.proofs.bytesAtRisk(host);
        used = bytes_ < capacity ? uint64(bytes_) : capacity;
    }

    /// Where the price wants to go: by the largest step when all space is used or none is, by a
    /// part of it in proportion to the distance from the target in between.
    function _wish(uint256 old, uint256 bps) private view returns (uint256) {
        uint256 capacity = sums.capacity;
        if (capacity == 0 || capacity < rule.minCapacity) return old;
        uint256 used = sums.used * 10_000;
        uint256 target = capacity * rule.targetBps;
        if (used >= target) {
            return old + old * bps * (used - target) / (capacity * 10_000 - target) / 10_000;
        }
        return old - old * bps * (target - used) / target / 10_000;
    }

    /// `wish` held within one step of `old` (any step when old is zero), then within [low, high].
    function _clamp(uint256 old, uint256 wish, uint256 low, uint256 high, uint256 bps)
        private
        pure
        returns (uint256)
    {
        if (old != 0) {
            // At least one unit, or a small value could never move again.
            uint256 far = old * bps / 10_000;
            if (far == 0) far = 1;
            if (wish > old + far) wish = old + far;
            if (wish < old - far) wish = old - far;
        }
        if (wish < low) return low;
        return wish > high ? high : wish;
    }

    function _check(Limits memory limits) private pure {
        require(
            limits.minPrice > 0 && limits.minPrice <= limits.maxPrice, "PriceOracle: bad prices"
        );
        require(limits.minRate > 0 && limits.minRate <= limits.maxRate, "PriceOracle: bad rates");
        uint16 move = limits.maxMoveBps;
        require(move > 0 && move <= MOVE_BPS_MAX, "PriceOracle: bad step");
        require(limits.interval > 0, "PriceOracle: bad interval");
    }

    function _collect(mapping(address => uint256) storage from, address[] calldata tokens)
        private
        view
        returns (uint256[] memory result)
    {
        require(tokens.length > 0 && tokens.length <= TOKENS_MAX, "PriceOracle: bad token count");
        result = new uint256[](tokens.length);
        for (uint256 i = 0; i < tokens.length; ++i) {
            result[i] = from[tokens[i]];
        }
    }

    function _one(uint256 value) private pure returns (uint256[] memory list) {
        list = new uint256[](1);
        list[0] = value;
    }

    function _one(address value) private pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = value;
    }
}
