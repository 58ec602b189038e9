// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Agreement, Agreements} from "./Agreements.sol";
import {DelayedOwner} from "./DelayedOwner.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {DatasetLeaf, IProofOfStorage} from "./interfaces/IProofOfStorage.sol";
import {IVaultFactory} from "./IVaultFactory.sol";
import {Vault} from "./Vault.sol";

/// @title Rewards for bytes x epochs x score, under agreements that paid the protocol's fee
/// @notice What enters: funds from anybody; the fee of agreements that somebody sponsors. What
/// leaves: rewards to hosts, round by round; the fee of epochs that never counted, back to the
/// sponsor.
///
/// An epoch of a sponsored agreement counts when the chain itself shows that it was proven and
/// paid: the escrow released it, or the dataset proof held it and the renter's vault has paid the
/// host enough for it. Its weight is the bytes of the shard.
///
/// Invariants:
///  - the weight of a host never exceeds the bytes x epochs of its accepted proofs;
///  - the reward for an epoch is always less than the fee that epoch cost, so that paying oneself
///    loses money however the rounds and scores fall;
///  - no epoch of an agreement counts twice, no host claims a round twice;
///  - pot + promised rewards + unspent fees are covered by the balance;
///  - everything a reward depends on is in events and in a list whose hash is committed, so that
///    anybody can recompute it.
/// The score enters as a share of the full reward (0 to 100 %), from a list the owner proposes and
/// any vetoer can strike out; without a list in time everybody gets half. Neither can raise a
/// reward, and neither can stop a claim.
/// Deliberately absent: pause, upgrade, withdrawal by the owner.
contract Airdrop is DelayedOwner, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// What a network chooses once.
    struct Rules {
        uint128 feePerGiB; // for each epoch; smallest units
        uint128 rewardPerGiB; // for each epoch at most; less than the fee
        uint64 epochsPerRound;
        uint64 countEpochs; // after a round, for counting its epochs
        uint64 bandEpochs; // after that, for the score list
        uint64 claimEpochs; // after that, for claims
        uint64 vetoBlocks; // between a list and its use
    }

    /// A sponsored agreement; one slot.
    struct Sponsorship {
        address payer;
        uint32 epochs; // of the term
        uint32 counted;
        bool closed;
    }

    /// One round; four slots.
    struct Round {
        uint128 weight; // bytes x epochs of all hosts
        uint128 budget; // what the round may pay, set when it closes
        uint128 claimed;
        uint64 bandsReadyAt; // block from which the list holds; 0 while there is none
        bool closed;
        bool swept;
        bytes32 bands; // Merkle root over (round, host, share)
        bytes32 bandsInput; // hash of the file that the root was made from
    }

    /// One host in one round; one slot.
    struct Share {
        uint128 weight;
        bool claimed;
    }

    /// Most epochs in one call, most rounds closed in one call.
    uint256 public constant BATCH_MAX = 32;
    /// Longest term.
    uint64 public constant EPOCHS_MAX = 100_000;
    /// Most who may veto.
    uint256 public constant VETOERS_MAX = 16;
    /// The share of everybody when no list came in time, in 1/10,000.
    uint256 public constant FALLBACK_BPS = 5_000;
    uint256 private constant WHOLE_BPS = 10_000;

    event Funded(address indexed from, uint256 amount);
    event Sponsored(bytes32 indexed agreement, address indexed payer, uint256 fee, uint64 epochs);
    /// One epoch of one agreement counts for `host` with `bytes_`.
    event Counted(
        address indexed host,
        uint64 indexed round,
        bytes32 indexed agreement,
        uint64 epoch,
        uint64 bytes_
    );
    event SponsorshipClosed(bytes32 indexed agreement, uint256 returned);
    event RoundClosed(uint64 indexed round, uint256 weight, uint256 budget);
    event BandsProposed(uint64 indexed round, bytes32 root, bytes32 input, uint64 readyAt);
    event BandsVetoed(uint64 indexed round, bytes32 root, address indexed by);
    event Claimed(
        address indexed host,
        uint64 indexed round,
        address indexed recipient,
        uint256 bps,
        uint256 amount
    );
    event RoundSwept(uint64 indexed round, uint256 returned);

    IERC20 public immutable token;
    IProofOfStorage public immutable proofs;
    IEscrow public immutable escrow;
    IVaultFactory public immutable factory;
    bytes32 public immutable networkId;
    uint64 public immutable firstEpoch; // where round 0 begins
    Rules private rules;

    /// Not promised to any round.
    uint256 public pot;
    /// Promised to closed rounds and not yet claimed or swept.
    uint256 public promised;
    /// Fees of sponsored epochs that have not counted yet.
    uint256 public unspentFees;
    /// The first round that is not closed.
    uint64 public nextRound;

    mapping(address who => bool) public isVetoer;
    mapping(uint64 round => Round) private rounds;
    mapping(uint64 round => mapping(address host => Share)) private shares;
    mapping(bytes32 agreement => Sponsorship) private sponsorships;
    mapping(bytes32 agreement => mapping(uint256 word => uint256)) private countedBits;
    /// Bytes x epochs counted for a host, ever.
    mapping(address host => uint256) public countedOf;
    /// What the vault of a renter paid a host and this contract has already taken as evidence.
    mapping(address vault => mapping(address host => uint256)) public usedOf;

    /// @param sources token, proofs, escrow, factory
    constructor(
        address owner_,
        uint64 delay,
        address[4] memory sources,
        bytes32 networkId_,
        Rules memory rules_,
        address[] memory vetoers
    ) DelayedOwner(owner_, delay) {
        for (uint256 i = 0; i < 4; ++i) {
            require(sources[i].code.length > 0, "Airdrop: source has no code");
        }
        token = IERC20(sources[0]);
        proofs = IProofOfStorage(sources[1]);
        escrow = IEscrow(sources[2]);
        factory = IVaultFactory(sources[3]);
        networkId = networkId_;
        // Otherwise paying oneself would pay.
        require(rules_.rewardPerGiB < rules_.feePerGiB, "Airdrop: reward must be below the fee");
        require(rules_.epochsPerRound > 0 && rules_.epochsPerRound <= 1_000, "Airdrop: bad round");
        require(
            rules_.countEpochs > 0 && rules_.bandEpochs > 0 && rules_.claimEpochs > 0
                && rules_.countEpochs <= 1_000 && rules_.bandEpochs <= 1_000
                && rules_.claimEpochs <= 10_000,
            "Airdrop: bad windows"
        );
        require(rules_.vetoBlocks > 0 && rules_.vetoBlocks <= OWNER_DELAY_MAX, "Airdrop: bad veto");
        rules = rules_;
        firstEpoch = proofs.currentPeriod();
        require(vetoers.length <= VETOERS_MAX, "Airdrop: too many vetoers");
        for (uint256 i = 0; i < vetoers.length; ++i) {
            isVetoer[vetoers[i]] = true;
        }
    }

    // ---- money in ---------------------------------------------------------------------------

    /// @notice Adds to the pot.
    function fund(uint256 amount) external nonReentrant {
        pot += amount;
        emit Funded(msg.sender, amount);
        _take(amount);
    }

    /// @notice Pays the protocol's fee for every epoch of an agreement, which lets its epochs
    /// count. The fee of epochs that never count comes back to the caller with `closeSponsorship`.
    /// @param most the largest fee the caller is ready to pay
    function sponsor(
        Agreement calldata terms,
        bytes calldata renterSig,
        bytes calldata hostSig,
        uint256 most
    ) external nonReentrant {
        require(terms.networkId == networkId, "Airdrop: other network");
        require(terms.endEpoch > terms.startEpoch, "Airdrop: no term");
        require(terms.endEpoch - terms.startEpoch <= EPOCHS_MAX, "Airdrop: term too long");
        require(terms.endEpoch <= type(uint64).max / 2, "Airdrop: term too far");
        require(terms.endEpoch > proofs.currentPeriod(), "Airdrop: term is over");
        bytes32 digest = Agreements.digest(terms);
        require(sponsorships[digest].payer == address(0), "Airdrop: already sponsored");
        require(
            Agreements.signedByRenter(terms.renter, digest, renterSig),
            "Airdrop: renter did not sign"
        );
        require(Agreements.signedBy(terms.host, digest, hostSig), "Airdrop: host did not sign");
        uint64 epochs = terms.endEpoch - terms.startEpoch;
        uint256 fee = feeOf(terms.shardLen) * epochs;
        require(fee <= most, "Airdrop: above the maximum");
        sponsorships[digest] = Sponsorship(msg.sender, uint256(epochs).toUint32(), 0, false);
        unspentFees += fee;
        emit Sponsored(digest, msg.sender, fee, epochs);
        _take(fee);
    }

    /// @notice Returns the fee of the epochs that did not count, once none can count any more.
    function closeSponsorship(Agreement calldata terms) external nonReentrant {
        bytes32 digest = Agreements.digest(terms);
        Sponsorship storage own = sponsorships[digest];
        require(own.payer != address(0) && !own.closed, "Airdrop: not sponsored");
        require(_countingOver(terms.endEpoch - 1), "Airdrop: too early");
        own.closed = true;
        uint256 back = feeOf(terms.shardLen) * (own.epochs - own.counted);
        unspentFees -= back;
        emit SponsorshipClosed(digest, back);
        if (back != 0) token.safeTransfer(own.payer, back);
    }

    // ---- counting ---------------------------------------------------------------------------

    /// @notice Counts epochs of an agreement of pay mode 1: each must have been released by the
    /// escrow, which asks for proof and inclusion. Anybody may call.
    function countEscrow(Agreement calldata terms, uint64[] calldata epochs) external {
        require(terms.payMode == 1, "Airdrop: other pay mode");
        bytes32 digest = Agreements.digest(terms);
        for (uint256 i = 0; i < epochs.length; ++i) {
            require(escrow.isReleased(digest, terms.startEpoch, epochs[i]), "Airdrop: not released");
        }
        _count(digest, terms, epochs);
    }

    /// @notice Counts epochs of an agreement of pay mode 0: each must be proven and included, and
    /// the renter's vault must have paid the host for them, beyond what was already taken as
    /// evidence for other epochs. Anybody may call.
    function countVault(
        Agreement calldata terms,
        uint64[] calldata epochs,
        bytes[] calldata inclusions,
        address vault
    ) external {
        require(terms.payMode == 0, "Airdrop: other pay mode");
        require(epochs.length == inclusions.length, "Airdrop: a proof for each epoch");
        bytes32 digest = Agreements.digest(terms);
        DatasetLeaf memory leaf = DatasetLeaf(digest, terms.shardId, terms.shardLen, terms.endEpoch);
        for (uint256 i = 0; i < epochs.length; ++i) {
            require(
                proofs.included(terms.host, epochs[i], leaf, inclusions[i]), "Airdrop: not proven"
            );
        }
        _useVault(digest, terms, epochs.length, vault);
        _count(digest, terms, epochs);
    }

    /// @notice Closes rounds whose counting is over, the oldest first, and promises each its
    /// budget: its weight at the full rate, or what the pot has. Anybody may call.
    function closeRounds(uint256 most) external {
        require(most <= BATCH_MAX, "Airdrop: too many rounds");
        uint64 round = nextRound;
        for (uint256 i = 0; i < most && _countingOver(_lastEpochOf(round)); ++i) {
            Round storage own = rounds[round];
            uint256 budget = uint256(own.weight) * rules.rewardPerGiB >> 30;
            if (budget > pot) budget = pot;
            own.budget = budget.toUint128();
            own.closed = true;
            pot -= budget;
            promised += budget;
            emit RoundClosed(round, own.weight, budget);
            ++round;
        }
        nextRound = round;
    }

    // ---- scores -----------------------------------------------------------------------------

    /// @notice Proposes the shares of a round's hosts: the Merkle root over leaves
    /// keccak256(keccak256(abi.encode(round, host, bps))), and the hash of the file it was made
    /// from, which anybody can recompute. It holds after `vetoBlocks`, unless vetoed.
    function proposeBands(uint64 round, bytes32 root, bytes32 input) external onlyOwner {
        require(root != 0, "Airdrop: no root");
        require(proofs.currentPeriod() > _lastEpochOf(round), "Airdrop: round not over");
        Round storage own = rounds[round];
        require(own.bands == 0, "Airdrop: bands proposed");
        uint64 readyAt = uint64(block.number) + rules.vetoBlocks;
        require(proofs.periodOf(readyAt) <= _bandsUntil(round), "Airdrop: too late for a list");
        own.bands = root;
        own.bandsInput = input;
        own.bandsReadyAt = readyAt;
        emit BandsProposed(round, root, input, readyAt);
    }

    /// @notice Strikes a list out before it holds; the owner may propose another in time.
    function vetoBands(uint64 round) external {
        require(isVetoer[msg.sender], "Airdrop: not a vetoer");
        Round storage own = rounds[round];
        require(own.bands != 0 && block.number < own.bandsReadyAt, "Airdrop: nothing to veto");
        emit BandsVetoed(round, own.bands, msg.sender);
        own.bands = 0;
        own.bandsInput = 0;
        own.bandsReadyAt = 0;
    }

    // ---- money out --------------------------------------------------------------------------

    /// @notice Pays a host its reward of a closed round, once. Anybody may call; the money goes
    /// to the host's registered payout address, or to the host. `bps` and `path` are those of the
    /// list; where the round has none in time, `bps` is FALLBACK_BPS and the path is empty.
    function claim(uint64 round, address host, uint256 bps, bytes32[] calldata path)
        external
        nonReentrant
    {
        Round storage own = rounds[round];
        require(own.closed, "Airdrop: round not closed");
        require(!own.swept, "Airdrop: round is swept");
        _checkBand(own, round, host, bps, path);
        Share storage share = shares[round][host];
        require(share.weight != 0 && !share.claimed, "Airdrop: nothing to claim");
        share.claimed = true;
        uint256 amount = _rewardOf(own, share.weight, bps);
        own.claimed += amount.toUint128();
        promised -= amount;
        address recipient = factory.payoutOf(host);
        if (recipient == address(0)) recipient = host;
        emit Claimed(host, round, recipient, bps, amount);
        if (amount != 0) token.safeTransfer(recipient, amount);
    }

    /// @notice Returns what nobody claimed in time to the pot. Anybody may call.
    function sweep(uint64 round) external {
        Round storage own = rounds[round];
        require(own.closed && !own.swept, "Airdrop: nothing to sweep");
        require(
            proofs.currentPeriod() > _bandsUntil(round) + rules.claimEpochs, "Airdrop: too early"
        );
        own.swept = true;
        uint256 back = own.budget - own.claimed;
        promised -= back;
        pot += back;
        emit RoundSwept(round, back);
    }

    // ---- reading ----------------------------------------------------------------------------

    /// @notice The fee of one epoch of a shard, rounded up.
    function feeOf(uint64 shardLen) public view returns (uint256) {
        return (uint256(shardLen) * rules.feePerGiB + (1 << 30) - 1) >> 30;
    }

    function rulesOf() external view returns (Rules memory) {
        return rules;
    }

    function roundOf(uint64 round) external view returns (Round memory) {
        return rounds[round];
    }

    function shareOf(uint64 round, address host) external view returns (uint256, bool) {
        Share memory share = shares[round][host];
        return (share.weight, share.claimed);
    }

    function sponsorshipOf(bytes32 agreement) external view returns (Sponsorship memory) {
        return sponsorships[agreement];
    }

    /// @notice The round an epoch belongs to; reverts for epochs before this contract.
    function roundAt(uint64 epoch) public view returns (uint64) {
        require(epoch >= firstEpoch, "Airdrop: before the first round");
        return (epoch - firstEpoch) / rules.epochsPerRound;
    }

    function isCounted(bytes32 agreement, uint64 startEpoch, uint64 epoch)
        external
        view
        returns (bool)
    {
        uint64 index = epoch - startEpoch;
        return countedBits[agreement][index / 256] >> (index % 256) & 1 == 1;
    }

    // ---- inside -----------------------------------------------------------------------------

    function _count(bytes32 digest, Agreement calldata terms, uint64[] calldata epochs) private {
        require(epochs.length > 0 && epochs.length <= BATCH_MAX, "Airdrop: bad epoch count");
        Sponsorship storage own = sponsorships[digest];
        require(own.payer != address(0) && !own.closed, "Airdrop: not sponsored");
        for (uint256 i = 0; i < epochs.length; ++i) {
            _countOne(digest, terms, epochs[i]);
        }
        own.counted += epochs.length.toUint32();
        uint256 fee = feeOf(terms.shardLen) * epochs.length;
        unspentFees -= fee;
        pot += fee;
        uint256 total = countedOf[terms.host] + uint256(terms.shardLen) * epochs.length;
        // What proofs have accrued bounds what can count, whatever the evidence above says.
        require(total <= proofs.byteEpochsOf(terms.host), "Airdrop: more than was proven");
        countedOf[terms.host] = total;
    }

    function _countOne(bytes32 digest, Agreement calldata terms, uint64 epoch) private {
        require(epoch >= terms.startEpoch && epoch < terms.endEpoch, "Airdrop: not in the term");
        uint64 index = epoch - terms.startEpoch;
        uint256 bit = uint256(1) << (index % 256);
        uint256 word = countedBits[digest][index / 256];
        require(word & bit == 0, "Airdrop: counted before");
        countedBits[digest][index / 256] = word | bit;
        uint64 round = roundAt(epoch);
        require(!rounds[round].closed, "Airdrop: round is closed");
        rounds[round].weight += terms.shardLen;
        shares[round][terms.host].weight += terms.shardLen;
        emit Counted(terms.host, round, digest, epoch, terms.shardLen);
    }

    /// Takes the price of `count` more epochs out of what the vault has paid the host.
    function _useVault(bytes32 digest, Agreement calldata terms, uint256 count, address vault)
        private
    {
        require(factory.deployedContracts(vault), "Airdrop: unknown vault");
        require(Vault(vault).issuer() == terms.renter, "Airdrop: not the renter's vault");
        uint256 before = sponsorships[digest].counted;
        uint256 used =
            usedOf[vault][terms.host] + _costOf(terms, before + count) - _costOf(terms, before);
        require(
            used <= Vault(vault).multiTokensPaidOut(address(token), terms.host),
            "Airdrop: the vault has not paid it"
        );
        usedOf[vault][terms.host] = used;
    }

    function _costOf(Agreement calldata terms, uint256 epochs) private pure returns (uint256) {
        return (uint256(terms.shardLen) * terms.price * epochs + (1 << 30) - 1) >> 30;
    }

    function _rewardOf(Round storage own, uint256 weight, uint256 bps)
        private
        view
        returns (uint256)
    {
        return uint256(own.budget) * weight / own.weight * bps / WHOLE_BPS;
    }

    function _checkBand(
        Round storage own,
        uint64 round,
        address host,
        uint256 bps,
        bytes32[] calldata path
    ) private view {
        if (own.bands == 0) {
            require(proofs.currentPeriod() > _bandsUntil(round), "Airdrop: a list may still come");
            require(bps == FALLBACK_BPS, "Airdrop: half without a list");
            return;
        }
        require(block.number >= own.bandsReadyAt, "Airdrop: the list does not hold yet");
        require(bps <= WHOLE_BPS, "Airdrop: bad share");
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(round, host, bps))));
        require(MerkleProof.verifyCalldata(path, own.bands, leaf), "Airdrop: not in the list");
    }

    function _lastEpochOf(uint64 round) private view returns (uint64) {
        return firstEpoch + (round + 1) * rules.epochsPerRound - 1;
    }

    /// Last epoch in which a list for the round may come to hold.
    function _bandsUntil(uint64 round) private view returns (uint64) {
        return _lastEpochOf(round) + rules.countEpochs + rules.bandEpochs;
    }

    /// Whether nothing about `epoch` can be counted any more: its round's window is over.
    function _countingOver(uint64 epoch) private view returns (bool) {
        if (epoch < firstEpoch) return true;
        return proofs.currentPeriod() > _lastEpochOf(roundAt(epoch)) + rules.countEpochs;
    }

    function _take(uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        require(token.balanceOf(address(this)) - before == amount, "Airdrop: token took a fee");
    }
}
