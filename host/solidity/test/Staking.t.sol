// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Staking} from "../src/Staking.sol";
import {ProofDouble, StakeFixture} from "./StakeFixture.sol";

/// Stake enters, unbonds, leaves and is slashed by the book.
contract StakingTest is StakeFixture {
    address internal constant HOST = address(0xB0B);
    address internal constant OTHER = address(0xCA7);

    ProofDouble internal proof;

    function setUp() public {
        setUpStake();
        proof = new ProofDouble();
        vm.prank(OWNER);
        staking.bindProof(address(proof));
        stakeAs(HOST, 100 ether);
    }

    function unstake(uint256 amount) internal {
        vm.prank(HOST);
        staking.requestUnstake(amount);
    }

    function withdraw() internal {
        vm.prank(HOST);
        staking.withdraw();
    }

    function slash(uint256 amount) internal returns (uint256 taken) {
        (taken,) = proof.slash(staking, HOST, amount, address(0), 0);
    }

    function test_stake_counts_what_arrived_and_may_come_from_another() public {
        endow(OTHER, address(staking), 7 ether);
        vm.prank(OTHER);
        staking.stakeFor(HOST, 7 ether);
        same(staking.liveStakeOf(HOST), 107 ether);
        same(staking.totalStake(), 107 ether);
        same(token.balanceOf(address(staking)), 107 ether);
    }

    function test_withdrawal_waits_for_unbonding() public {
        unstake(40 ether);
        same(staking.liveStakeOf(HOST), 60 ether);
        same(staking.stakeOf(HOST), 100 ether);
        later(UNBONDING - 1);
        vm.expectRevert("Staking: still unbonding");
        withdraw();
        later(1);
        withdraw();
        same(token.balanceOf(HOST), 40 ether);
        same(staking.stakeOf(HOST), 60 ether);
        vm.expectRevert("Staking: nothing unbonding");
        withdraw();
    }

    function test_a_second_request_starts_the_wait_again() public {
        unstake(10 ether);
        later(UNBONDING - 1);
        unstake(1 ether);
        later(1);
        vm.expectRevert("Staking: still unbonding");
        withdraw();
        later(UNBONDING - 1);
        withdraw();
        same(token.balanceOf(HOST), 11 ether);
    }

    function test_unbonding_may_be_taken_back() public {
        unstake(10 ether);
        vm.prank(HOST);
        staking.cancelUnstake(4 ether);
        same(staking.liveStakeOf(HOST), 94 ether);
        (uint256 amount,) = staking.unbondingOf(HOST);
        same(amount, 6 ether);
        vm.prank(HOST);
        vm.expectRevert("Staking: not unbonding");
        staking.cancelUnstake(7 ether);
    }

    function test_stake_that_bytes_require_does_not_unbond() public {
        proof.pledge(HOST, 60 * GIB + 1);
        // The part of a GiB is paid for too, rounded up: ceil(10^18 / 2^30).
        uint256 part = 931_322_575;
        same(staking.requiredStakeOf(HOST), 60 ether + part);
        same(staking.freeStakeOf(HOST), 40 ether - part);
        vm.expectRevert("Staking: stake is at risk");
        unstake(40 ether);
        unstake(40 ether - part);
        same(staking.freeStakeOf(HOST), 0);
        proof.pledge(HOST, 0);
        unstake(60 ether);
    }

    function test_only_the_bound_proof_contract_slashes_and_holds() public {
        vm.startPrank(OWNER);
        vm.expectRevert("Staking: caller is not the proof contract");
        staking.slash(HOST, 1, OWNER, 0);
        vm.expectRevert("Staking: caller is not the proof contract");
        staking.hold(HOST);
        vm.expectRevert("Staking: caller is not the proof contract");
        staking.unhold(HOST);
        vm.expectRevert("Staking: proof is bound");
        staking.bindProof(address(proof));
        vm.stopPrank();
    }

    function test_unbonding_stake_is_slashed_too() public {
        unstake(95 ether);
        same(slash(20 ether), 20 ether);
        same(staking.liveStakeOf(HOST), 0);
        (uint256 amount,) = staking.unbondingOf(HOST);
        same(amount, 80 ether);
        later(UNBONDING);
        withdraw();
        same(token.balanceOf(HOST), 80 ether);
        same(staking.treasuryOwed(), 20 ether);
    }

    function test_caps_hold_per_slash_and_per_period() public {
        same(slash(100 ether), 20 ether);
        same(slash(100 ether), 16 ether);
        same(slash(100 ether), 12.8 ether);
        same(slash(100 ether), 1.2 ether);
        same(slash(100 ether), 0);
        same(staking.stakeOf(HOST), 50 ether);
        later(BLOCKS);
        same(slash(100 ether), 10 ether);
    }

    function test_fresh_stake_does_not_raise_the_cap_of_a_running_period() public {
        slash(100 ether);
        stakeAs(HOST, 1_000 ether);
        same(slash(1_000 ether), 30 ether);
        same(slash(1_000 ether), 0);
    }

    function test_reporter_is_paid_within_the_cap_and_treasury_gets_the_rest() public {
        (uint256 taken, uint256 reward) = proof.slash(staking, HOST, 8 ether, OTHER, 1_000);
        same(taken, 8 ether);
        same(reward, 0.8 ether);
        (taken, reward) = proof.slash(staking, HOST, 4 ether, OTHER, 10_000);
        same(reward, 1 ether);
        same(token.balanceOf(OTHER), 1.8 ether);
        staking.collect();
        same(token.balanceOf(TREASURY), 10.2 ether);
        same(staking.treasuryOwed(), 0);
        same(token.balanceOf(address(staking)), staking.totalStake());
    }

    function test_an_open_challenge_holds_the_withdrawal() public {
        unstake(10 ether);
        later(UNBONDING);
        proof.hold(staking, HOST);
        proof.hold(staking, HOST);
        vm.expectRevert("Staking: a challenge is open");
        withdraw();
        proof.unhold(staking, HOST);
        vm.expectRevert("Staking: a challenge is open");
        withdraw();
        proof.unhold(staking, HOST);
        withdraw();
    }

    function test_a_payout_address_takes_withdrawals_and_moves_only_itself() public {
        vm.prank(HOST);
        staking.setPayout(OTHER);
        vm.prank(HOST);
        vm.expectRevert("Staking: payout address is set");
        staking.setPayout(HOST);
        vm.prank(HOST);
        vm.expectRevert("Staking: caller is not the payout address");
        staking.movePayout(HOST, HOST);
        unstake(3 ether);
        later(UNBONDING);
        withdraw();
        same(token.balanceOf(OTHER), 3 ether);
        unstake(2 ether);
        later(UNBONDING);
        vm.expectRevert("Staking: caller is not the payout address");
        staking.withdrawFor(HOST);
        vm.prank(OTHER);
        staking.movePayout(HOST, OWNER);
        vm.prank(OWNER);
        staking.withdrawFor(HOST);
        same(token.balanceOf(OWNER), 2 ether);
    }

    function test_parameters_change_after_notice_and_within_hard_bounds() public {
        vm.startPrank(OWNER);
        vm.expectRevert("Staking: minimum too high");
        staking.proposeParams(Staking.Params(10 ether + 1, 1, 1));
        vm.expectRevert("Staking: bad event cap");
        staking.proposeParams(Staking.Params(1, 2_001, 5_000));
        vm.expectRevert("Staking: bad event cap");
        staking.proposeParams(Staking.Params(1, 0, 5_000));
        vm.expectRevert("Staking: bad epoch cap");
        staking.proposeParams(Staking.Params(1, 100, 99));
        vm.expectRevert("Staking: bad epoch cap");
        staking.proposeParams(Staking.Params(1, 100, 5_001));
        vm.expectRevert("Staking: nothing proposed");
        staking.applyParams();
        staking.proposeParams(Staking.Params(2 ether, 100, 200));
        later(DELAY - 1);
        vm.expectRevert("Staking: too early");
        staking.applyParams();
        later(1);
        staking.applyParams();
        vm.stopPrank();
        same(staking.minStakePerGiB(), 2 ether);
        same(slash(100 ether), 1 ether);
        vm.expectRevert("Owner: caller is not the owner");
        staking.proposeParams(Staking.Params(2 ether, 100, 200));
    }

    function testFuzz_a_slash_never_passes_either_cap(uint96 amount, uint96 unbonding, uint8 times)
        public
    {
        uint256 part = uint256(unbonding) % 100 ether;
        if (part > 0) unstake(part);
        uint256 sum;
        for (uint256 i = 0; i < uint256(times) % 12; ++i) {
            uint256 all = staking.stakeOf(HOST);
            uint256 taken = slash(amount);
            require(taken <= all / 5, "above the cap of one slash");
            sum += taken;
        }
        require(sum <= 50 ether, "above the cap of one period");
        same(staking.stakeOf(HOST), 100 ether - sum);
    }
}

/// Random hosts doing anything in any order.
contract StakeCrowd is StakeFixture {
    ProofDouble public proof;
    uint256 public staked;
    uint256 public slashedSum;
    uint256 public withdrawnSum;
    string public wrong;
    mapping(address => uint256) public asked; // block of the last request
    mapping(uint256 => mapping(address => uint256)) internal takenIn;
    mapping(uint256 => mapping(address => uint256)) internal baseIn;

    constructor() {
        setUpStake();
        proof = new ProofDouble();
        vm.prank(OWNER);
        staking.bindProof(address(proof));
    }

    function who(uint256 seed) public pure returns (address) {
        return address(uint160(0x1000 + seed % 4));
    }

    function stake(uint256 seed, uint256 amount) external {
        amount = amount % 1_000 ether + 1;
        stakeAs(who(seed), amount);
        staked += amount;
    }

    function request(uint256 seed, uint256 amount) external {
        uint256 free = staking.freeStakeOf(who(seed));
        if (free == 0) return;
        vm.prank(who(seed));
        staking.requestUnstake(amount % free + 1);
        asked[who(seed)] = vm.getBlockNumber();
    }

    function cancel(uint256 seed, uint256 amount) external {
        (uint256 some,) = staking.unbondingOf(who(seed));
        if (some == 0) return;
        vm.prank(who(seed));
        staking.cancelUnstake(amount % some + 1);
    }

    function withdraw(uint256 seed) external {
        address host = who(seed);
        uint256 before = token.balanceOf(host);
        vm.prank(host);
        try staking.withdraw() {
            if (vm.getBlockNumber() < asked[host] + UNBONDING) wrong = "left before unbonding";
            withdrawnSum += token.balanceOf(host) - before;
        } catch {}
    }

    function slash(uint256 seed, uint256 amount, uint256 bps) external {
        address host = who(seed);
        uint256 all = staking.stakeOf(host);
        uint256 period = staking.currentPeriod();
        if (baseIn[period][host] == 0) baseIn[period][host] = all;
        (uint256 taken, uint256 reward) =
            proof.slash(staking, host, amount % (2 * all + 1), TREASURY, bps % 20_000);
        takenIn[period][host] += taken;
        slashedSum += taken;
        if (taken > all * 2_000 / 10_000) wrong = "slashed above the cap of one slash";
        if (takenIn[period][host] > baseIn[period][host] / 2) wrong = "above the cap of a period";
        if (reward > taken / 4) wrong = "reporter above its cap";
    }

    function pledge(uint256 seed, uint256 bytes_) external {
        proof.pledge(who(seed), bytes_ % (500 * GIB));
    }

    function collect() external {
        staking.collect();
    }

    function wait(uint256 blocks) external {
        later(blocks % 300 + 1);
    }

    function books() external view returns (uint256 balance, uint256 total, uint256 owed) {
        return (token.balanceOf(address(staking)), staking.totalStake(), staking.treasuryOwed());
    }

    function sumOfStakes() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 4; ++i) {
            sum += staking.stakeOf(who(i));
        }
    }
}

contract StakingInvariantsTest {
    StakeCrowd internal crowd;

    function setUp() public {
        crowd = new StakeCrowd();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(crowd);
    }

    function invariant_nothing_impossible_happened() public view {
        require(bytes(crowd.wrong()).length == 0, crowd.wrong());
    }

    function invariant_every_unit_is_staked_slashed_or_withdrawn() public view {
        (uint256 balance, uint256 total, uint256 owed) = crowd.books();
        require(balance == total + owed, "balance is off");
        require(total == crowd.sumOfStakes(), "total is off");
        uint256 left = crowd.staked() - crowd.slashedSum() - crowd.withdrawnSum();
        require(total == left, "a unit came or went unbooked");
    }
}
