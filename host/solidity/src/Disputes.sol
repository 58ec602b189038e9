// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Agreement, Agreements} from "./Agreements.sol";
import {Dataset} from "./Dataset.sol";
import {ProofOfStorage} from "./ProofOfStorage.sol";
import {ShardProof} from "./ShardProof.sol";
import {DatasetLeaf} from "./interfaces/IProofOfStorage.sol";

/// @title Challenges that anybody opens with a bond and the host answers
/// @notice Three kinds. Shard: show this leaf of this shard. Terms: show which agreement, signed by
/// a renter, stands behind this byte of your dataset. Omission: here are the agreement with both
/// signatures and your receipt; show where your dataset has it. An answer in time earns the host
/// the bond; without one the host is slashed and the challenger gets the bond back and the
/// reporter's share. An agreement listed twice is proven on the spot, so it needs neither bond nor
/// wait. While a challenge is open, the host's stake cannot be withdrawn.
/// Deliberately absent: judgement by people; any penalty without something the host signed or
/// committed to; the right to slash, which ProofOfStorage keeps and lends for exactly one share.
contract Disputes {
    using SafeERC20 for IERC20;

    enum Kind {
        None,
        Shard,
        Terms,
        Omission
    }

    /// An open challenge; three slots and one hash.
    struct Challenge {
        address host;
        Kind kind;
        uint64 deadline; // last block for an answer, pauses not counted
        address challenger;
        uint64 pausedBefore;
        uint128 bond;
        bytes32 subject; // hash of what must be answered
    }

    event Challenged(
        uint256 indexed id,
        address indexed host,
        address indexed challenger,
        Kind kind,
        uint64 deadline,
        bytes subject
    );
    event Answered(uint256 indexed id, address indexed host);
    event Lost(uint256 indexed id, address indexed host, uint256 slashed);
    event DuplicateShown(address indexed host, bytes32 indexed agreement, uint256 slashed);

    ProofOfStorage public immutable proof;
    /// Of bonds; the token of stakes.
    IERC20 public immutable token;
    bytes32 public immutable networkId;
    /// Blocks to answer a challenge on a shard or a byte.
    uint64 public immutable answerBlocks;
    /// Challenges ever opened; their ids count from 1.
    uint256 public challengesOpened;
    mapping(uint256 id => Challenge) public challenges;
    /// What was reported as omitted or listed twice, so that nothing is punished twice.
    mapping(bytes32 key => bool) public reported;

    constructor(address proof_, uint64 answerBlocks_) {
        require(answerBlocks_ > 0 && answerBlocks_ <= 1_000_000, "Disputes: bad answer time");
        proof = ProofOfStorage(proof_);
        token = proof.staking().token();
        networkId = proof.networkId();
        answerBlocks = answerBlocks_;
    }

    // ---- opening ----------------------------------------------------------------------------

    /// @notice Asks for leaf `index` of the shard behind `leaf`, which stands in the host's newest
    /// commitment. Meant for its renter and for guards; anybody with the bond may.
    function challengeShard(
        address host,
        DatasetLeaf calldata leaf,
        bytes calldata inclusion,
        uint64 index
    ) external returns (uint256) {
        require(leaf.endEpoch > proof.currentPeriod(), "Disputes: agreement is over");
        require(proof.includedNow(host, leaf, inclusion), "Disputes: not in the dataset");
        require(uint256(index) * ShardProof.LEAF_LEN < leaf.len, "Disputes: no such leaf");
        bytes memory subject = abi.encode(leaf, index);
        return _open(host, Kind.Shard, uint64(block.number) + answerBlocks, subject);
    }

    /// @notice Asks for the agreement behind byte `offset` of the host's live range. The challenger
    /// needs to know nothing but the peaks, which every commitment publishes.
    function challengeTerms(address host, bytes calldata peaks, uint64 offset)
        external
        returns (uint256)
    {
        bytes memory list = peaks;
        bytes32 name = Dataset.commitment(list);
        require(name != 0 && name == proof.currentOf(host), "Disputes: not the present peaks");
        uint64 period = proof.currentPeriod();
        (uint256 live,) = Dataset.liveBytes(list, period);
        require(offset < live, "Disputes: no such byte");
        bytes memory subject = abi.encode(name, period, offset);
        return _open(host, Kind.Terms, uint64(block.number) + answerBlocks, subject);
    }

    /// @notice Reports that the host does not list an agreement it gave a receipt for. The host has
    /// until the end of the next period, so that it can still commit. Once an agreement. The
    /// host's signature under the agreement alone promises nothing: the receipt says that the
    /// bytes are there.
    function reportOmission(
        Agreement calldata terms,
        bytes calldata renterSignature,
        bytes calldata hostSignature,
        bytes calldata receiptSignature
    ) external returns (uint256) {
        uint64 period = proof.currentPeriod();
        require(terms.startEpoch <= period && period < terms.endEpoch, "Disputes: not in its term");
        bytes32 digest = Agreements.digest(terms);
        _checkTerms(terms, digest, renterSignature);
        require(
            Agreements.signedBy(terms.host, digest, hostSignature), "Disputes: host did not sign"
        );
        bytes32 receipt = Agreements.receiptDigest(
            networkId, digest, terms.shardId, terms.shardLen, terms.endEpoch
        );
        require(Agreements.signedBy(terms.host, receipt, receiptSignature), "Disputes: no receipt");
        require(!reported[digest], "Disputes: reported before");
        reported[digest] = true;
        bytes memory subject =
            abi.encode(DatasetLeaf(digest, terms.shardId, terms.shardLen, terms.endEpoch));
        uint64 deadline = uint64(proof.firstBlockOf(period + 2)) - 1;
        return _open(terms.host, Kind.Omission, deadline, subject);
    }

    /// @notice Shows that the host's newest commitment lists one agreement at two places. Slashed
    /// at once, once for each agreement.
    function reportDuplicate(
        address host,
        DatasetLeaf calldata first,
        bytes calldata firstInclusion,
        DatasetLeaf calldata second,
        bytes calldata secondInclusion
    ) external {
        require(!proof.paused(), "Disputes: paused");
        require(first.agreement == second.agreement, "Disputes: two agreements");
        bytes32 name = proof.currentOf(host);
        (bool one, uint256 here) = _find(name, first, firstInclusion);
        (bool two, uint256 there) = _find(name, second, secondInclusion);
        require(one && two, "Disputes: not in the dataset");
        require(here != there, "Disputes: one place");
        bytes32 key = keccak256(abi.encode(host, first.agreement));
        require(!reported[key], "Disputes: reported before");
        reported[key] = true;
        uint256 taken = proof.punish(host, msg.sender);
        emit DuplicateShown(host, first.agreement, taken);
    }

    // ---- answering --------------------------------------------------------------------------

    /// @notice Answers a challenge on a shard: its leaf and path, as in docs/formats/proof.md.
    function answerShard(
        uint256 id,
        DatasetLeaf calldata leaf,
        uint64 index,
        bytes calldata shown
    ) external {
        _expect(id, Kind.Shard, abi.encode(leaf, index));
        require(shown.length == ShardProof.proofLen(leaf.len), "Disputes: bad length");
        uint256 at;
        assembly ("memory-safe") {
            at := shown.offset
        }
        require(
            ShardProof.shows(leaf.shard, leaf.len, index, at, at + shown.length),
            "Disputes: not the shard's leaf"
        );
        _answered(id);
    }

    /// @notice Answers a challenge on a byte: the leaf there, its place, and the agreement that a
    /// renter signed with this host about exactly that leaf.
    function answerTerms(
        uint256 id,
        uint64 period,
        uint64 offset,
        Agreement calldata terms,
        bytes calldata inclusion,
        bytes calldata renterSignature
    ) external {
        require(inclusion.length > 0, "Disputes: not in the dataset");
        bytes memory peaks = inclusion[1:1 + uint256(uint8(inclusion[0])) * Dataset.ENTRY_LEN];
        _expect(id, Kind.Terms, abi.encode(Dataset.commitment(peaks), period, offset));
        require(terms.host == challenges[id].host, "Disputes: another host's agreement");
        DatasetLeaf memory leaf =
            DatasetLeaf(Agreements.digest(terms), terms.shardId, terms.shardLen, terms.endEpoch);
        _checkTerms(terms, leaf.agreement, renterSignature);
        (bool ok, uint256 place) = _find(Dataset.commitment(peaks), leaf, inclusion);
        require(ok, "Disputes: not in the dataset");
        require(_covers(place, leaf.len, peaks, period, offset), "Disputes: not the asked byte");
        _answered(id);
    }

    /// @notice Answers a reported omission: where the newest commitment, or the one before, has
    /// the leaf.
    function answerOmission(uint256 id, DatasetLeaf calldata leaf, bytes calldata inclusion)
        external
    {
        _expect(id, Kind.Omission, abi.encode(leaf));
        address host = challenges[id].host;
        (bool ok,) = _find(proof.currentOf(host), leaf, inclusion);
        if (!ok) (ok,) = _find(proof.previousOf(host), leaf, inclusion);
        require(ok, "Disputes: not in the dataset");
        _answered(id);
    }

    /// @notice Answers a challenge on a shard or an omission by showing that the renter gave the
    /// agreement up. `index` is the asked leaf of a shard, else zero.
    function answerReleased(
        uint256 id,
        DatasetLeaf calldata leaf,
        uint64 index,
        Agreement calldata terms,
        bytes calldata renterSignature
    ) external {
        Kind kind = challenges[id].kind;
        _expect(id, kind, kind == Kind.Shard ? abi.encode(leaf, index) : abi.encode(leaf));
        require(
            Agreements.isReleased(networkId, leaf.agreement, abi.encode(terms), renterSignature),
            "Disputes: not released"
        );
        _answered(id);
    }

    /// @notice Takes what an unanswered challenge brings. Anybody may; the challenger is paid.
    function claim(uint256 id) external {
        require(!proof.paused(), "Disputes: paused");
        Challenge memory open = challenges[id];
        require(open.kind != Kind.None, "Disputes: no such challenge");
        require(block.number > _deadline(open), "Disputes: still answerable");
        delete challenges[id];
        proof.unhold(open.host);
        uint256 taken = proof.punish(open.host, open.challenger);
        emit Lost(id, open.host, taken);
        token.safeTransfer(open.challenger, open.bond);
    }

    /// @notice Last block in which a challenge can be answered; moves with pauses. Zero when it is
    /// not open.
    function answerableUntil(uint256 id) external view returns (uint256) {
        Challenge memory open = challenges[id];
        return open.kind == Kind.None ? 0 : _deadline(open);
    }

    // ---- inside -----------------------------------------------------------------------------

    function _open(address host, Kind kind, uint64 deadline, bytes memory subject)
        private
        returns (uint256 id)
    {
        require(!proof.paused(), "Disputes: paused");
        id = ++challengesOpened;
        uint128 bond = proof.bond();
        challenges[id] = Challenge(
            host, kind, deadline, msg.sender, proof.pausedBlocks(), bond, keccak256(subject)
        );
        proof.hold(host);
        emit Challenged(id, host, msg.sender, kind, deadline, subject);
        token.safeTransferFrom(msg.sender, address(this), bond);
    }

    function _expect(uint256 id, Kind kind, bytes memory subject) private view {
        Challenge memory open = challenges[id];
        require(open.kind != Kind.None, "Disputes: no such challenge");
        require(open.kind == kind, "Disputes: another kind of challenge");
        require(keccak256(subject) == open.subject, "Disputes: not what was asked");
        require(block.number <= _deadline(open), "Disputes: too late");
    }

    /// Closes a challenge in the host's favour.
    function _answered(uint256 id) private {
        address host = challenges[id].host;
        uint256 bond = challenges[id].bond;
        delete challenges[id];
        proof.unhold(host);
        emit Answered(id, host);
        token.safeTransfer(host, bond);
    }

    function _find(bytes32 name, DatasetLeaf memory leaf, bytes calldata inclusion)
        private
        pure
        returns (bool, uint256)
    {
        return Dataset.find(uint256(name), type(uint256).max, leaf, inclusion);
    }

    /// Whether a leaf at `place` (peak << 64 | start) holds byte `offset` of the live range.
    function _covers(uint256 place, uint256 len, bytes memory peaks, uint64 period, uint64 offset)
        private
        pure
        returns (bool)
    {
        (uint256 peak, uint256 within) = Dataset.locate(peaks, period, offset);
        uint256 start = uint64(place);
        return place >> 64 == Dataset.indexOf(peaks, peak) && start <= within
            && within - start < len;
    }

    function _deadline(Challenge memory open) private view returns (uint256) {
        return uint256(open.deadline) + proof.pausedBlocks() - open.pausedBefore;
    }

    function _checkTerms(Agreement calldata terms, bytes32 digest, bytes calldata signature)
        private
        view
    {
        require(terms.networkId == networkId, "Disputes: another network");
        require(
            Agreements.signedByRenter(terms.renter, digest, signature),
            "Disputes: renter did not sign"
        );
    }
}
