// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Token} from "../src/Token.sol";
import {Staking} from "../src/Staking.sol";
import {IAtRisk} from "../src/interfaces/IStaking.sol";
import {Vm} from "./Vm.sol";

/// Stands for ProofOfStorage where only its word to Staking matters.
contract ProofDouble is IAtRisk {
    mapping(address => uint256) public bytesAtRisk;

    function pledge(address host, uint256 bytes_) external {
        bytesAtRisk[host] = bytes_;
    }

    function slash(Staking staking, address host, uint256 amount, address reporter, uint256 bps)
        external
        returns (uint256 taken, uint256 reward)
    {
        return staking.slash(host, amount, reporter, bps);
    }

    function hold(Staking staking, address host) external {
        staking.hold(host);
    }

    function unhold(Staking staking, address host) external {
        staking.unhold(host);
    }
}

/// What tests of stake and proofs start from: a token, Staking with periods of 100 blocks from
/// block 1,000, one token of stake a GiB, a fifth at most a slash, half at most a period.
abstract contract StakeFixture {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint64 internal constant GENESIS = 1_000;
    uint64 internal constant BLOCKS = 100;
    uint64 internal constant UNBONDING = 400;
    uint64 internal constant DELAY = 50;
    uint256 internal constant GIB = 1 << 30;
    address internal constant OWNER = address(0x0A);
    address internal constant TREASURY = address(0x7E);

    Token internal token;
    Staking internal staking;

    function setUpStake() internal {
        vm.chainId(1029);
        vm.roll(GENESIS);
        token = new Token();
        staking = new Staking(
            OWNER,
            DELAY,
            address(token),
            TREASURY,
            GENESIS,
            BLOCKS,
            UNBONDING,
            10 ether,
            Staking.Params(1 ether, 2_000, 5_000)
        );
    }

    /// Gives `who` tokens and lets `spender` take them.
    function endow(address who, address spender, uint256 amount) internal {
        vm.deal(who, amount);
        vm.startPrank(who);
        token.deposit{value: amount}();
        token.approve(spender, type(uint256).max);
        vm.stopPrank();
    }

    function stakeAs(address host, uint256 amount) internal {
        endow(host, address(staking), amount);
        vm.prank(host);
        staking.stake(amount);
    }

    function later(uint256 blocks) internal {
        vm.roll(vm.getBlockNumber() + blocks);
    }

    function same(uint256 have, uint256 want) internal pure {
        if (have != want) revert(string.concat("have ", text(have), ", want ", text(want)));
    }

    function same(bytes32 have, bytes32 want) internal pure {
        require(have == want, "hashes differ");
    }

    function signed(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function text(uint256 value) internal pure returns (string memory) {
        if (value == 0) return "0";
        bytes memory reversed;
        for (; value != 0; value /= 10) {
            reversed = abi.encodePacked(uint8(48 + value % 10), reversed);
        }
        return string(reversed);
    }
}
