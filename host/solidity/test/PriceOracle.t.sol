// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {PriceOracle} from "../src/PriceOracle.sol";
import {Fixture} from "./Fixture.sol";

/// Prices move in bounded steps, limits only after notice.
contract PriceOracleTest is Fixture {
    address internal constant OWNER = address(0x0E);
    address internal constant OTHER = address(0x7E57);
    uint256 internal constant PRICE = 125_000_000;
    uint256 internal constant RATE = 1e12;
    uint64 internal constant INTERVAL = 10;

    PriceOracle internal oracle;

    function limits() internal pure returns (PriceOracle.Limits memory) {
        return PriceOracle.Limits(1_000_000, 1_000_000_000, 1e9, 1e15, 1_000, INTERVAL);
    }

    function setUp() public override {
        super.setUp();
        oracle = new PriceOracle(OWNER, DELAY, address(token), PRICE, RATE, limits());
    }

    function list(address which) internal pure returns (address[] memory tokens) {
        tokens = new address[](1);
        tokens[0] = which;
    }

    function list(uint256 value) internal pure returns (uint256[] memory values) {
        values = new uint256[](1);
        values[0] = value;
    }

    function update(address which, uint256 price, uint256 rate) internal {
        vm.prank(OWNER);
        oracle.updatePricesAndRates(list(which), list(price), list(rate));
    }

    function test_readers_of_btfs_find_every_value() public view {
        same(oracle.owner(), OWNER);
        same(oracle.getPrice(address(token)), PRICE);
        same(oracle.prices(address(token)), PRICE);
        same(oracle.getRate(address(token)), RATE);
        same(oracle.rates(address(token)), RATE);
        same(oracle.getPrices(list(address(token)))[0], PRICE);
        same(oracle.getRates(list(address(token)))[0], RATE);
        (uint256[] memory p, uint256[] memory r) = oracle.getPricesAndRates(list(address(token)));
        same(p[0], PRICE);
        same(r[0], RATE);
        same(oracle.getPrice(OTHER), 0);
    }

    function test_step_is_clamped_and_the_event_tells_the_stored_value() public {
        later(INTERVAL);
        vm.expectEmit();
        emit PriceOracle.PricesAndRatesUpdate(
            list(address(token)), list(PRICE * 11 / 10), list(RATE)
        );
        update(address(token), PRICE * 5, RATE);
        same(oracle.getPrice(address(token)), PRICE * 11 / 10);
        later(INTERVAL);
        update(address(token), 0, 0);
        same(oracle.getPrice(address(token)), PRICE * 11 / 10 * 9 / 10);
        same(oracle.getRate(address(token)), RATE * 9 / 10);
    }

    function test_second_update_waits_for_the_interval() public {
        later(INTERVAL);
        update(address(token), PRICE, RATE);
        later(INTERVAL - 1);
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: too early");
        oracle.updatePricesAndRates(list(address(token)), list(PRICE), list(RATE));
    }

    function test_token_named_twice_in_one_update_is_refused() public {
        later(INTERVAL);
        address[] memory tokens = new address[](2);
        (tokens[0], tokens[1]) = (address(token), address(token));
        uint256[] memory values = new uint256[](2);
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: too early");
        oracle.updatePricesAndRates(tokens, values, values);
    }

    function test_small_values_still_move_by_one() public {
        PriceOracle.Limits memory small = PriceOracle.Limits(1, 9, 1, 9, 1, 1);
        PriceOracle fine = new PriceOracle(OWNER, DELAY, OTHER, 5, 1, small);
        later(1);
        vm.prank(OWNER);
        fine.updatePricesAndRates(list(OTHER), list(9), list(0));
        same(fine.getPrice(OTHER), 6);
        same(fine.getRate(OTHER), 1);
    }

    function test_unknown_token_needs_limits_first() public {
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: token has no limits");
        oracle.updatePricesAndRates(list(OTHER), list(PRICE), list(RATE));
        vm.prank(OWNER);
        oracle.proposeLimits(OTHER, limits());
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: too early");
        oracle.applyLimits(OTHER);
        later(DELAY);
        vm.prank(OWNER);
        oracle.applyLimits(OTHER);
        update(OTHER, 7, 1);
        same(oracle.getPrice(OTHER), 1_000_000);
        same(oracle.getRate(OTHER), 1e9);
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: nothing proposed");
        oracle.applyLimits(OTHER);
    }

    function test_bad_limits_are_refused() public {
        PriceOracle.Limits memory bad = limits();
        bad.maxMoveBps = 5_001;
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: bad step");
        oracle.proposeLimits(OTHER, bad);
        bad = limits();
        bad.minPrice = 0;
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: bad prices");
        oracle.proposeLimits(OTHER, bad);
        bad = limits();
        bad.minRate = bad.maxRate + 1;
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: bad rates");
        oracle.proposeLimits(OTHER, bad);
        bad = limits();
        bad.interval = 0;
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: bad interval");
        oracle.proposeLimits(OTHER, bad);
    }

    function test_first_values_must_be_inside_the_first_limits() public {
        vm.expectRevert("PriceOracle: bad price");
        new PriceOracle(OWNER, DELAY, OTHER, 1, RATE, limits());
        vm.expectRevert("PriceOracle: bad rate");
        new PriceOracle(OWNER, DELAY, OTHER, PRICE, 1, limits());
    }

    function test_lists_of_unequal_or_no_length_are_refused() public {
        vm.startPrank(OWNER);
        vm.expectRevert("PriceOracle: bad token count");
        oracle.updatePricesAndRates(new address[](0), new uint256[](0), new uint256[](0));
        vm.expectRevert("PriceOracle: prices do not match tokens");
        oracle.updatePricesAndRates(list(OTHER), new uint256[](0), list(1));
        vm.expectRevert("PriceOracle: rates do not match tokens");
        oracle.updatePricesAndRates(list(OTHER), list(1), new uint256[](0));
        vm.stopPrank();
        vm.expectRevert("PriceOracle: bad token count");
        oracle.getPrices(new address[](65));
    }

    function test_stranger_moves_nothing() public {
        vm.expectRevert("Owner: caller is not the owner");
        oracle.updatePricesAndRates(list(OTHER), list(1), list(1));
        vm.expectRevert("Owner: caller is not the owner");
        oracle.proposeLimits(OTHER, limits());
        vm.expectRevert("Owner: caller is not the owner");
        oracle.applyLimits(OTHER);
        vm.expectRevert("Owner: caller is not the owner");
        oracle.transferOwnership(address(this));
    }

    function test_next_owner_accepts_after_the_delay_only() public {
        vm.prank(OWNER);
        oracle.transferOwnership(OTHER);
        vm.expectRevert("Owner: not offered");
        oracle.acceptOwnership();
        vm.prank(OTHER);
        vm.expectRevert("Owner: too early");
        oracle.acceptOwnership();
        later(DELAY);
        vm.prank(OTHER);
        oracle.acceptOwnership();
        same(oracle.owner(), OTHER);
    }

    function test_offer_can_be_taken_back() public {
        vm.startPrank(OWNER);
        oracle.transferOwnership(OTHER);
        oracle.transferOwnership(address(0));
        vm.stopPrank();
        later(DELAY);
        vm.prank(OTHER);
        vm.expectRevert("Owner: not offered");
        oracle.acceptOwnership();
    }

    function testFuzz_no_series_of_wishes_leaves_the_bounds(uint256[6] memory wishes) public {
        for (uint256 i = 0; i < wishes.length; ++i) {
            uint256 before = oracle.getPrice(address(token));
            later(INTERVAL);
            update(address(token), wishes[i], wishes[i]);
            uint256 price = oracle.getPrice(address(token));
            require(price >= 1_000_000 && price <= 1_000_000_000, "off the limits");
            uint256 step = before / 10;
            require(price <= before + step && price >= before - step, "step too long");
        }
    }
}
