// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Book, Pattern} from "./Prover.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {ProofFixture} from "./ProofFixture.sol";

/// Gas of the last call as a whole transaction, written to snapshots/gas.json (`--isolate`).
interface VmGas {
    struct Gas {
        uint64 gasLimit;
        uint64 gasTotalUsed;
        uint64 gasMemoryUsed;
        int64 gasRefunded;
        uint64 gasRemaining;
    }

    function lastCallGas() external view returns (Gas memory);
    function snapshotGasLastCall(string calldata group, string calldata name)
        external
        returns (uint256);
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
}

/// What proofs and stake cost, for gas.json. Each test makes its situation in setUp and measures
/// one transaction, so that storage is as cold as on a chain.
abstract contract GasRow is ProofFixture {
    VmGas internal constant gas = VmGas(address(vm));

    /// The floor of EIP-7623: 21,000 and 10 for each zero byte of calldata, 40 for another.
    function floorOf(bytes memory data) internal pure returns (uint256 sum) {
        sum = 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            sum += data[i] == 0 ? 10 : 40;
        }
    }

    /// Gas of the last call, refunds (at most a fifth) taken off.
    function lastGas() internal view returns (uint256 used) {
        VmGas.Gas memory last = gas.lastCallGas();
        used = last.gasTotalUsed;
        uint256 back = last.gasRefunded > 0 ? uint256(uint64(last.gasRefunded)) : 0;
        used -= back > used / 5 ? used / 5 : back;
    }

    /// Sends `data` to `to` and writes its gas, and its EIP-7623 figure, as row `name`.
    function row(string memory name, address from, address to, bytes memory data) internal {
        vm.prank(from);
        (bool done,) = to.call(data);
        require(done, "the measured call reverted");
        uint256 used = lastGas();
        gas.snapshotValue("gas", name, used);
        uint256 floor = floorOf(data);
        gas.snapshotValue("gas", string.concat(name, ".eip7623"), used > floor ? used : floor);
        gas.snapshotValue("gas", string.concat(name, ".calldata"), data.length);
    }
}

/// A host of 1,000 shards of mixed lengths in `batches` batches, three proven periods old, so that
/// counters and records are not written for the first time.
abstract contract ProveRow is GasRow {
    function lenOf(uint256 i) internal pure virtual returns (uint64);

    function batches() internal pure virtual returns (uint256) {
        return 7;
    }

    uint64 internal last;

    function setUp() public {
        setUpProof();
        stakeAs(host, 10_000 ether);
        uint256 done;
        for (uint256 b = 0; b < batches(); ++b) {
            uint256 count = b + 1 == batches() ? 1_000 - done : 1_000 / batches();
            this.commitMixed(done, count);
            done += count;
            toPeriod(uint64(b + 1));
        }
        last = uint64(batches());
        // A ring and a word of records that were written before, as they mostly have been.
        for (uint64 i = 0; i < 33; ++i) {
            this.sealAndProve(last + i);
        }
        last += 33;
        seal(last);
    }

    /// A call of its own, so that its memory is given back.
    function sealAndProve(uint64 period) external {
        seal(period);
        proveAll(period);
    }

    function commitMixed(uint256 from, uint256 count) external {
        Book.Entry[] memory list = new Book.Entry[](count);
        for (uint256 i = 0; i < count; ++i) {
            bytes32 seed = seedOf(from + i);
            list[i] = book.enter(leafOf(terms(seed, lenOf(from + i), 0, 400)), seed);
        }
        commit(book.batch(list), uint64(count));
    }

    function measure(string memory name) internal {
        bytes memory list = book.answers(seedAt(last), host, last, K);
        bytes memory data =
            abi.encodeCall(proof.prove, (host, last, book.bytesOfPeaks(), list));
        row(name, host, address(proof), data);
    }
}

/// 1,000 shards between 64 KiB and 4 MiB.
contract ProveMixedGas is ProveRow {
    function lenOf(uint256 i) internal pure override returns (uint64) {
        uint256 drawn = uint256(keccak256(abi.encode("len", i))) % (4 << 20);
        return uint64((drawn + 65_536) % (4 << 20) + 1);
    }

    function test_gas_prove_k10_1000_mixed() public {
        measure("prove_k10_1000_mixed");
    }
}

/// 1,000 shards of 4 MiB.
contract Prove4MiBGas is ProveRow {
    function lenOf(uint256) internal pure override returns (uint64) {
        return 4 << 20;
    }

    function test_gas_prove_k10_1000_4mib() public {
        measure("prove_k10_1000_4mib");
    }
}

/// 1,000 shards of 64 MiB.
contract Prove64MiBGas is ProveRow {
    function lenOf(uint256) internal pure override returns (uint64) {
        return 64 << 20;
    }

    function test_gas_prove_k10_1000_64mib() public {
        measure("prove_k10_1000_64mib");
    }
}

/// 10 shards of 1 MiB, and 131,072 of them: what grows is the way up, one step for each doubling.
/// All leaves of a test's dataset are one, which costs the contract the same and the test nothing.
contract ProveScaleGas is GasRow {
    function setUp() public {
        setUpProof();
        stakeAs(host, 10_000 ether);
    }

    function measure(string memory name, uint256 doublings, uint256 more) internal {
        bytes32 seed = seedOf(0);
        Book.Entry memory one = book.enter(leafOf(terms(seed, 1 << 20, 0, 400)), seed);
        Book.Entry memory root = one;
        for (uint256 i = 0; i < doublings; ++i) {
            root = book.join(root, root);
        }
        if (more != 0) root = book.join(root, book.join(one, one));
        commit(root, uint64(root.sum >> 20));
        seal(0);
        bytes memory list = book.answers(seedAt(0), host, 0, K);
        row(
            name,
            host,
            address(proof),
            abi.encodeCall(proof.prove, (host, 0, book.bytesOfPeaks(), list))
        );
    }

    function test_gas_prove_k10_10_1mib() public {
        measure("prove_k10_10_1mib", 3, 2);
    }

    function test_gas_prove_k10_131072_1mib() public {
        measure("prove_k10_131072_1mib", 17, 0);
    }
}

/// A host with seven peaks adds 1,000 shards.
contract CommitGas is GasRow {
    function setUp() public {
        setUpProof();
        stakeAs(host, 1_000 ether);
        for (uint64 b = 0; b < 7; ++b) {
            toPeriod(b);
            commitShards(1_000 * b, 4, uint64(256) << (20 - 2 * b), 400);
        }
        same(book.peakCount(), 7);
        toPeriod(7);
    }

    function measure(string memory name, Book.Entry memory root) internal {
        bytes memory data = abi.encodeCall(
            proof.commit, (book.bytesOfPeaks(), root.node, root.sum, root.end, 1_000)
        );
        row(name, host, address(proof), data);
    }

    function test_gas_commit_1000() public {
        measure("commit_1000", batchOf(100_000, 1_000, 300, 400));
    }

    function test_gas_commit_1000_merging_all() public {
        measure("commit_1000_merging_all", Book.Entry(bytes32("x"), 1 << 30, 400));
    }
}

contract StakeGas is GasRow {
    address internal constant OTHER = address(0xCA7);

    function setUp() public {
        setUpProof();
        endow(OTHER, address(staking), 10 ether);
        vm.prank(host);
        staking.requestUnstake(1 ether);
        seal(0);
        later(UNBONDING);
    }

    function test_gas_stake() public {
        bytes memory data = abi.encodeCall(staking.stake, (5 ether));
        row("stake", OTHER, address(staking), data);
    }

    function test_gas_unstake() public {
        bytes memory data = abi.encodeCall(staking.requestUnstake, (5 ether));
        row("request_unstake", host, address(staking), data);
    }

    function test_gas_withdraw() public {
        row("withdraw_stake", host, address(staking), abi.encodeCall(staking.withdraw, ()));
    }
}

contract SealGas is GasRow {
    function setUp() public {
        setUpProof();
        commitShards(0, 20, 100_000, 50);
        seal(0);
        later(WINDOW + 1);
    }

    function test_gas_report_miss() public {
        bytes memory data = abi.encodeCall(proof.reportMiss, (host, 0));
        row("report_miss", GUARD, address(proof), data);
    }

    function test_gas_seal() public {
        vm.roll(proof.firstBlockOf(2) + SEED_DELAY + 1);
        row("seal", GUARD, address(proof), abi.encodeCall(proof.seal, (1)));
    }

    function test_gas_challenge_shard() public {
        DatasetLeaf memory leaf = leafOf(terms(seedOf(7), 100_000, 0, 50));
        bytes memory path = book.inclusionAt(700_000, 0);
        bytes memory data =
            abi.encodeCall(disputes.challengeShard, (host, leaf, path, uint64(390)));
        row("challenge_shard", GUARD, address(disputes), data);
    }
}
