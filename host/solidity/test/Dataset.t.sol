// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Dataset} from "../src/Dataset.sol";
import {ProofBase} from "../src/ProofBase.sol";
import {ProofOfStorage} from "../src/ProofOfStorage.sol";
import {ShardProof} from "../src/ShardProof.sol";
import {DatasetLeaf} from "../src/interfaces/IProofOfStorage.sol";
import {ProofFixture} from "./ProofFixture.sol";
import {Pattern} from "./Prover.sol";

/// The runner's verbs for committed files.
interface VmJson {
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonUint(string calldata json, string calldata key)
        external
        pure
        returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key)
        external
        pure
        returns (uint256[] memory);
    function parseJsonBytes(string calldata json, string calldata key)
        external
        pure
        returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key)
        external
        pure
        returns (bytes32);
    function parseJsonBytesArray(string calldata json, string calldata key)
        external
        pure
        returns (bytes[] memory);
    function parseJsonStringArray(string calldata json, string calldata key)
        external
        pure
        returns (string[] memory);
    function keyExistsJson(string calldata json, string calldata key)
        external
        view
        returns (bool);
}

/// The contract's own judge and library, reachable without a chain's clock around them.
contract Judge is ProofOfStorage {
    constructor(Config memory config, Params memory first) ProofOfStorage(config, first) {}

    function judge(
        address host,
        uint64 period,
        bytes memory peaks,
        bytes calldata answers,
        bytes32 seed
    ) external view returns (uint256) {
        return _judgeAnswers(host, period, peaks, answers, seed);
    }

    function find(bytes32 name, DatasetLeaf memory leaf, bytes calldata inclusion)
        external
        pure
        returns (bool, uint256)
    {
        return Dataset.find(uint256(name), type(uint256).max, leaf, inclusion);
    }

    function append(bytes memory peaks, Dataset.Entry memory batch, uint64 period)
        external
        pure
        returns (bytes memory)
    {
        return Dataset.append(peaks, batch, period);
    }

    function depth(uint256 len) external pure returns (uint256) {
        return ShardProof.depth(len);
    }

    function digests(bytes memory words)
        external
        view
        returns (bytes32 digest, bytes32 again, bytes32 receipt, bytes32 release)
    {
        Agreement memory deal = abi.decode(words, (Agreement));
        digest = Agreements.digest(deal);
        again = Agreements.digestOf(words);
        receipt = Agreements.receiptDigest(
            deal.networkId, digest, deal.shardId, deal.shardLen, deal.endEpoch
        );
        release = Agreements.releaseDigest(deal.networkId, digest);
    }
}

/// host/proof/tests/vectors/dataset.json, which Rust reads too: the same structure from the same
/// batches, the same proofs accepted and refused.
contract DatasetTest is ProofFixture {
    VmJson internal constant files = VmJson(address(vm));

    Judge internal judge;
    string internal json;

    function setUp() public {
        setUpProof();
        judge = new Judge(
            ProofBase.Config(
                OWNER, DELAY, address(staking), NETWORK, SEED_DELAY, WINDOW, PAUSE_MAX, K
            ),
            ProofBase.Params(BOND, 500, 1_000, 1_000, 3, 5)
        );
        json = files.readFile("../proof/tests/vectors/dataset.json");
    }

    function key(string memory list, uint256 i, string memory name)
        internal
        pure
        returns (string memory)
    {
        return string.concat(".", list, "[", text(i), "].", name);
    }

    /// The root of a batch as the vectors build it: split at the largest power of two.
    function rootOf(Dataset.Entry[] memory leaves, uint256 from, uint256 count)
        internal
        pure
        returns (Dataset.Entry memory)
    {
        if (count == 1) return leaves[from];
        uint256 split = 1;
        while (2 * split < count) {
            split *= 2;
        }
        return Dataset.join(
            rootOf(leaves, from, split), rootOf(leaves, from + split, count - split)
        );
    }

    function test_the_contract_merges_every_batch_of_the_vectors() public view {
        bytes memory peaks;
        for (uint256 i = 0; i < 10; ++i) {
            uint64 period = uint64(files.parseJsonUint(json, key("history", i, "period")));
            uint256 count;
            while (files.keyExistsJson(json, leafKey(i, count, 0))) {
                ++count;
            }
            Dataset.Entry[] memory leaves = new Dataset.Entry[](count);
            for (uint256 j = 0; j < count; ++j) {
                leaves[j] = Dataset.entryOf(leafAt(i, j));
            }
            Dataset.Entry memory root;
            if (count > 0) root = rootOf(leaves, 0, count);
            peaks = judge.append(peaks, root, period);
            bytes memory want = files.parseJsonBytes(json, key("history", i, "peaks"));
            same(keccak256(peaks), keccak256(want));
            bytes32 name = files.parseJsonBytes32(json, key("history", i, "commitment"));
            same(Dataset.commitment(peaks), name);
        }
    }

    function leafKey(uint256 i, uint256 j, uint256 field) internal pure returns (string memory) {
        return string.concat(key("history", i, "leaves["), text(j), "][", text(field), "]");
    }

    function leafAt(uint256 i, uint256 j) internal view returns (DatasetLeaf memory) {
        return DatasetLeaf(
            files.parseJsonBytes32(json, leafKey(i, j, 0)),
            files.parseJsonBytes32(json, leafKey(i, j, 1)),
            uint64(files.parseJsonUint(json, leafKey(i, j, 2))),
            uint64(files.parseJsonUint(json, leafKey(i, j, 3)))
        );
    }

    function test_every_proof_of_the_vectors_is_accepted() public view {
        for (uint256 i = 0; i < 7; ++i) {
            (address who, uint64 period, bytes memory peaks, bytes32 seed) = asked(i);
            bytes memory answers = files.parseJsonBytes(json, key("proofs", i, "answers"));
            uint256 live = judge.judge(who, period, peaks, answers, seed);
            same(live, files.parseJsonUint(json, key("proofs", i, "live")));
        }
    }

    function test_no_wrong_proof_of_the_vectors_is_accepted() public view {
        (address who, uint64 period, bytes memory peaks, bytes32 seed) = asked(1);
        bytes[] memory wrong = files.parseJsonBytesArray(json, key("proofs", 1, "wrong"));
        string[] memory names = files.parseJsonStringArray(json, key("proofs", 1, "wrong_names"));
        require(wrong.length == names.length && wrong.length >= 20, "vectors are missing");
        for (uint256 i = 0; i < wrong.length; ++i) {
            try judge.judge(who, period, peaks, wrong[i], seed) {
                revert(names[i]);
            } catch {}
        }
    }

    function asked(uint256 i)
        internal
        view
        returns (address who, uint64 period, bytes memory peaks, bytes32 seed)
    {
        who = address(bytes20(files.parseJsonBytes(json, key("proofs", i, "host"))));
        period = uint64(files.parseJsonUint(json, key("proofs", i, "period")));
        peaks = files.parseJsonBytes(json, key("proofs", i, "peaks"));
        seed = files.parseJsonBytes32(json, key("proofs", i, "seed"));
    }

    function test_every_inclusion_of_the_vectors_is_found_where_it_is() public view {
        for (uint256 i = 0; i < 21; ++i) {
            bytes memory body = files.parseJsonBytes(json, key("inclusions", i, "leaf"));
            bytes memory path = files.parseJsonBytes(json, key("inclusions", i, "inclusion"));
            bytes32 name = files.parseJsonBytes32(json, key("inclusions", i, "commitment"));
            DatasetLeaf memory leaf;
            uint256 ends;
            assembly ("memory-safe") {
                mstore(leaf, mload(add(body, 32)))
                mstore(add(leaf, 32), mload(add(body, 64)))
                ends := shr(128, mload(add(body, 96)))
            }
            (leaf.len, leaf.endEpoch) = (uint64(ends >> 64), uint64(ends));
            (bool ok,) = judge.find(name, leaf, path);
            require(ok, "not found");
            leaf.endEpoch += 1;
            (ok,) = judge.find(name, leaf, path);
            require(!ok, "another leaf was found");
        }
    }

    function test_agreement_receipt_and_release_are_hashed_as_elsewhere() public view {
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory words = files.parseJsonBytes(json, key("agreements", i, "words"));
            (bytes32 digest, bytes32 again, bytes32 receipt, bytes32 release) =
                judge.digests(words);
            same(digest, files.parseJsonBytes32(json, key("agreements", i, "digest")));
            same(again, digest);
            same(receipt, files.parseJsonBytes32(json, key("agreements", i, "receipt")));
            same(release, files.parseJsonBytes32(json, key("agreements", i, "release")));
        }
    }

    function testFuzz_depth_is_the_logarithm_of_the_leaves(uint256 len) public view {
        len = len % (64 << 20) + 1;
        uint256 leaves = (len + 255) / 256;
        uint256 depth = judge.depth(len);
        require(1 << depth >= leaves && (depth == 0 || 1 << (depth - 1) < leaves), "depth is off");
    }

    function testFuzz_a_leaf_shows_itself_and_no_other(uint32 more, uint32 at, uint8 bit)
        public
        view
    {
        uint256 len = uint256(more) % (64 << 20) + 1;
        uint256 index = at % ((len + 255) / 256);
        bytes32 id = Pattern.shardId("fuzz", len);
        bytes memory proof_ = Pattern.proof("fuzz", len, index);
        require(this.shows(id, len, index, proof_), "a leaf does not show itself");
        proof_[at % proof_.length] ^= bytes1(uint8(1 << (bit % 8)));
        require(!this.shows(id, len, index, proof_), "a changed leaf shows itself");
    }

    function shows(bytes32 id, uint256 len, uint256 index, bytes calldata shown)
        external
        view
        returns (bool)
    {
        uint256 at;
        assembly ("memory-safe") {
            at := shown.offset
        }
        return ShardProof.shows(id, len, index, at, at + shown.length);
    }

    /// Whatever batches come, peaks stay few: each at least twice as heavy as the next, and their
    /// bytes are the bytes of the batches.
    function testFuzz_peaks_stay_few_and_lose_no_byte(uint64[24] memory sums) public view {
        bytes memory peaks;
        uint256 total;
        for (uint256 i = 0; i < 24; ++i) {
            uint64 sum = uint64(uint256(sums[i]) >> (20 + sums[i] % 40));
            peaks = judge.append(peaks, Dataset.Entry(keccak256(abi.encode(i)), sum, 9), 5);
            total += sum;
            uint256 before = type(uint256).max;
            for (uint256 j = 0; j < peaks.length / 48; ++j) {
                (, uint256 meta) = Dataset.peakAt(peaks, j);
                require(before / 2 >= meta >> 64, "peaks are too even");
                before = meta >> 64;
            }
        }
        (uint256 live,) = Dataset.liveBytes(peaks, 5);
        same(live, total);
        (live,) = Dataset.liveBytes(peaks, 9);
        same(live, 0);
        same(judge.append(peaks, Dataset.Entry(0, 0, 0), 9).length, 0);
    }
}
