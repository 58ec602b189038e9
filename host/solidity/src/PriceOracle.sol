// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {DelayedOwner} from "./DelayedOwner.sol";

/// @title Price and rate of each token, moved in small steps
/// @notice A price is micro-tokens per GiB and day; a rate is how many of the token's smallest
/// units make one such micro-token. What enters: the owner's wishes. What leaves: values that are
/// inside the token's limits and at most `maxMoveBps` (or one unit) away from the value before, at
/// most once per `interval` blocks. The limits change only after `ownerDelay` blocks of notice.
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

    // ---- moving -----------------------------------------------------------------------------

    /// @notice Moves prices and rates towards the wished values, within the limits. A token whose
    /// limits were never applied, or that moved less than `interval` blocks ago, reverts the call.
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
        price = _clamp(prices[token], price, limits.minPrice, limits.maxPrice, limits.maxMoveBps);
        rate = _clamp(rates[token], rate, limits.minRate, limits.maxRate, limits.maxMoveBps);
        prices[token] = price;
        rates[token] = rate;
        updatedAt[token] = uint64(block.number);
        return (price, rate);
    }

    /// `wish` held within one step of `old` (any step when old is zero), then within [low, high].
    function _clamp(uint256 old, uint256 wish, uint256 low, uint256 high, uint256 bps)
        private
        pure
        returns (uint256)
    {
        if (old != 0) {
            // At least one unit, or a small value could never move again.
            uint256 step = old * bps / 10_000;
            if (step == 0) step = 1;
            if (wish > old + step) wish = old + step;
            if (wish < old - step) wish = old - step;
        }
        if (wish < low) return low;
        return wish > high ? high : wish;
    }

    function _check(Limits memory limits) private pure {
        require(
            limits.minPrice > 0 && limits.minPrice <= limits.maxPrice, "PriceOracle: bad prices"
        );
        require(limits.minRate > 0 && limits.minRate <= limits.maxRate, "PriceOracle: bad rates");
        uint16 step = limits.maxMoveBps;
        require(step > 0 && step <= MOVE_BPS_MAX, "PriceOracle: bad step");
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
