// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {PriceOracle} from "../src/PriceOracle.sol";
import {IProofOfStorage} from "../src/interfaces/IProofOfStorage.sol";
import {IStaking} from "../src/interfaces/IStaking.sol";
import {Fixture} from "./Fixture.sol";
import {ProofsDouble} from "./ProofsDouble.sol";

/// The one view of stake that the price reads.
contract StakeDouble {
    mapping(address => uint256) public liveStakeOf;

    function set(address host, uint256 amount) external {
        liveStakeOf[host] = amount;
    }
}

/// The price follows the used share of announced, staked space, and nobody's hand.
contract PriceRuleTest is Fixture {
    address internal constant OWNER = address(0x0E);
    uint256 internal constant PRICE = 125_000_000;
    uint64 internal constant INTERVAL = 10;
    uint64 internal constant FRESH = 1_000;
    uint128 internal constant PER_GIB = 1 ether;
    uint16 internal constant TARGET = 7_000;
    uint256 internal constant MOVE = 500;
    uint256 internal constant HOSTS = 40;

    PriceOracle internal oracle;
    ProofsDouble internal proofs;
    StakeDouble internal staking;

    function limits() internal pure returns (PriceOracle.Limits memory) {
        return PriceOracle.Limits(50_000_000, 300_000_000, 1e12, 1e12, uint16(MOVE), INTERVAL);
    }

    function rule() internal view returns (PriceOracle.Rule memory) {
        return PriceOracle.Rule(
            IStaking(address(staking)),
            IProofOfStorage(address(proofs)),
            PER_GIB,
            TARGET,
            FRESH,
            1 << 30
        );
    }

    function setUp() public override {
        super.setUp();
        oracle = new PriceOracle(OWNER, DELAY, address(token), PRICE, 1e12, limits());
        proofs = new ProofsDouble();
        staking = new StakeDouble();
        vm.startPrank(OWNER);
        oracle.proposeRule(rule());
        oracle.applyRule();
        vm.stopPrank();
    }

    function hostAt(uint256 i) internal pure returns (address) {
        return address(uint160(0x10000 + i));
    }

    /// Stakes for, announces and fills `gib` and `used` GiB.
    function offer(uint256 i, uint256 gib, uint256 used) internal {
        address who = hostAt(i);
        staking.set(who, gib * PER_GIB);
        proofs.setBytes(who, used << 30);
        vm.prank(who);
        oracle.announce(uint64(gib << 30));
    }

    function price() internal view returns (uint256) {
        return oracle.getPrice(address(token));
    }

    function step() internal returns (uint256) {
        later(INTERVAL);
        oracle.step(address(token));
        return price();
    }

    function test_full_network_raises_and_empty_one_lowers_by_the_largest_step() public {
        offer(1, 100, 100);
        same(step(), PRICE * 10_500 / 10_000);
        proofs.setBytes(hostAt(1), 0);
        oracle.refresh(hostAt(1));
        uint256 before = price();
        same(step(), before - before * MOVE / 10_000);
    }

    function test_price_stands_still_at_the_target_and_below_the_least_capacity() public {
        offer(1, 100, 70);
        same(step(), PRICE);
        offer(1, 0, 0);
        same(step(), PRICE);
    }

    function test_second_step_waits_for_the_interval() public {
        offer(1, 100, 100);
        step();
        later(INTERVAL - 1);
        vm.expectRevert("PriceOracle: too early");
        oracle.step(address(token));
    }

    function test_owner_moves_rates_only_and_cannot_hold_a_step_up() public {
        offer(1, 100, 100);
        later(INTERVAL);
        address[] memory tokens = new address[](1);
        uint256[] memory prices = new uint256[](1);
        uint256[] memory rates = new uint256[](1);
        (tokens[0], prices[0], rates[0]) = (address(token), PRICE * 2, 1e12);
        vm.prank(OWNER);
        vm.expectRevert("PriceOracle: the rule moves the price");
        oracle.updatePricesAndRates(tokens, prices, rates);
        prices[0] = PRICE;
        vm.prank(OWNER);
        oracle.updatePricesAndRates(tokens, prices, rates);
        oracle.step(address(token));
        require(price() > PRICE, "the step came through");
    }

    function test_space_without_stake_and_space_of_jailed_or_stale_hosts_counts_nothing() public {
        vm.prank(hostAt(9));
        oracle.announce(type(uint64).max);
        (uint256 capacity,) = oracle.totals();
        same(capacity, 0);
        offer(1, 10, 10);
        later(FRESH + 1);
        oracle.refresh(hostAt(1));
        (capacity,) = oracle.totals();
        same(capacity, 0);
        same(oracle.spaceOf(hostAt(1)).announced, 0);
    }

    function test_stake_that_left_takes_its_space_along_at_anybodys_refresh() public {
        offer(1, 10, 10);
        offer(2, 10, 0);
        staking.set(hostAt(1), 0);
        oracle.refresh(hostAt(1));
        (uint256 capacity, uint256 used) = oracle.totals();
        same(capacity, 10 << 30);
        same(used, 0);
    }

    function test_later_rules_wait_for_the_notice() public {
        vm.startPrank(OWNER);
        oracle.proposeRule(rule());
        vm.expectRevert("PriceOracle: too early");
        oracle.applyRule();
        later(DELAY);
        oracle.applyRule();
        vm.expectRevert("PriceOracle: nothing proposed");
        oracle.applyRule();
        vm.stopPrank();
        vm.expectRevert("Owner: caller is not the owner");
        oracle.proposeRule(rule());
    }

    function test_bad_rules_are_refused() public {
        PriceOracle.Rule memory bad = rule();
        vm.startPrank(OWNER);
        bad.targetBps = 999;
        vm.expectRevert("PriceOracle: bad target");
        oracle.proposeRule(bad);
        bad = rule();
        bad.stakePerGiB = 0;
        vm.expectRevert("PriceOracle: stake must count");
        oracle.proposeRule(bad);
        bad = rule();
        bad.staking = IStaking(address(1));
        vm.expectRevert("PriceOracle: staking has no code");
        oracle.proposeRule(bad);
        vm.stopPrank();
    }

    function test_without_a_rule_nothing_is_announced_or_stepped() public {
        oracle = new PriceOracle(OWNER, DELAY, address(token), PRICE, 1e12, limits());
        vm.expectRevert("PriceOracle: no rule");
        oracle.announce(1);
        vm.expectRevert("PriceOracle: no rule");
        oracle.refresh(hostAt(1));
        vm.expectRevert("PriceOracle: no rule");
        oracle.step(address(token));
    }

    function test_consumer_passes_a_maximum() public {
        uint256 units = PRICE * 1e12;
        same(oracle.priceAtMost(address(token), units), units);
        vm.expectRevert("PriceOracle: above the maximum");
        oracle.priceAtMost(address(token), units - 1);
        vm.expectRevert("PriceOracle: unknown token");
        oracle.priceAtMost(address(this), units);
    }

    /// Whatever is announced, staked, filled, refreshed or left to grow stale in any order, the
    /// sums are those of what counts for each host.
    function testFuzz_sums_are_those_of_the_hosts(uint256[24] memory dice) public {
        for (uint256 i = 0; i < dice.length; ++i) {
            uint256 d = dice[i];
            address who = hostAt(d % 5);
            uint256 act = (d >> 8) % 5;
            if (act == 0) staking.set(who, (d >> 16) % 1e24);
            else if (act == 1) proofs.setBytes(who, (d >> 16) % (1 << 60));
            else if (act == 2) oracle.refresh(who);
            else if (act == 3) later((d >> 16) % 700);
            vm.prank(who);
            if (act == 4) oracle.announce(uint64(d >> 16));
            (uint256 capacity, uint256 used) = oracle.totals();
            for (uint256 h = 0; h < 5; ++h) {
                capacity -= oracle.spaceOf(hostAt(h)).capacity;
                used -= oracle.spaceOf(hostAt(h)).used;
            }
            require(capacity == 0 && used == 0, "sums are off");
        }
    }

    // ---- simulation -------------------------------------------------------------------------

    /// 40 hosts of unequal size; demand rises for 120 intervals, stays, falls, stays. The price
    /// moves the way of the used share in every interval, within the step and the limits, rests at
    /// the target and reaches both limits.
    function test_simulated_network_moves_the_price_with_its_used_share() public {
        uint256[] memory sizes = new uint256[](HOSTS);
        for (uint256 i = 0; i < HOSTS; ++i) {
            sizes[i] = 50 + uint256(keccak256(abi.encode("size", i))) % 400;
            offer(i, sizes[i], 0);
        }
        uint256 highest = price();
        uint256 lowest = price();
        for (uint256 t = 0; t < 360; ++t) {
            uint256 wanted = _demand(t);
            for (uint256 k = 0; k < 8; ++k) {
                // A part of the hosts reports each interval, with some noise about its filling.
                uint256 i = (t * 8 + k) % HOSTS;
                uint256 noise = uint256(keccak256(abi.encode(t, i))) % 5;
                uint256 share = wanted + noise < 102 ? wanted + noise : 102;
                offer(i, sizes[i], sizes[i] * (share < 2 ? 0 : share - 2) / 100);
            }
            _checkStep();
            if (price() > highest) highest = price();
            if (price() < lowest) lowest = price();
        }
        same(highest, 300_000_000);
        same(lowest, 50_000_000);
    }

    /// Per cent of the space that is wanted in interval t.
    function _demand(uint256 t) private pure returns (uint256) {
        if (t < 120) return t * 100 / 120;
        if (t < 200) return 100;
        if (t < 280) return 100 - (t - 200) * 100 / 80;
        return 0;
    }

    function _checkStep() private {
        (uint256 capacity, uint256 used) = oracle.totals();
        uint256 before = price();
        uint256 next = step();
        if (used * 10_000 > capacity * TARGET) require(next >= before, "fell above the target");
        if (used * 10_000 < capacity * TARGET) require(next <= before, "rose below the target");
        uint256 most = before * MOVE / 10_000;
        require(next <= before + most && next + most >= before, "step too long");
        require(next >= 50_000_000 && next <= 300_000_000, "off the limits");
    }

    /// A host may lie about its space and fill it with anything: it moves the used share by at
    /// most its part of the staked space, and one step of the price by no more than that part of
    /// the largest step, scaled by the distance from target to the nearer end.
    function testFuzz_one_host_moves_no_more_than_its_weight(
        uint256 dice,
        uint64 lie,
        uint256 stuffed
    ) public {
        for (uint256 i = 0; i < 12; ++i) {
            uint256 gib = 50 + (dice >> i * 8) % 200;
            offer(i, gib, gib * ((dice >> i * 4) % 101) / 100);
        }
        uint256 state = _snapshot();
        uint256 honest = step();
        (uint256 cap0, uint256 used0) = oracle.totals();
        _back(state);
        // Its stake covers what it covers, whatever it says.
        proofs.setBytes(hostAt(3), stuffed % (1 << 62));
        vm.prank(hostAt(3));
        oracle.announce(lie);
        uint256 lied = step();
        (uint256 cap1, uint256 used1) = oracle.totals();
        uint256 covered = staking.liveStakeOf(hostAt(3)) / PER_GIB;
        uint256 others;
        for (uint256 i = 0; i < 12; ++i) {
            if (i != 3) others += oracle.spaceOf(hostAt(i)).capacity >> 30;
        }
        uint256 weight = covered * 1e18 / (others + covered);
        uint256 share0 = used0 * 1e18 / cap0;
        uint256 share1 = used1 * 1e18 / cap1;
        require(_gap(share0, share1) <= weight + 1e9, "used share moved beyond the weight");
        // 10,000 - TARGET is the nearer end.
        uint256 most = PRICE * MOVE / 10_000 * weight / 1e18 * 10_000 / (10_000 - TARGET);
        require(_gap(honest, lied) <= most + 10, "price moved beyond the weight");
    }

    function _gap(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a - b : b - a;
    }

    function _snapshot() private returns (uint256) {
        return vm.snapshotState();
    }

    function _back(uint256 state) private {
        vm.revertToState(state);
    }
}
