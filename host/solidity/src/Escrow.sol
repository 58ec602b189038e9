// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Agreement, Agreements} from "./Agreements.sol";
import {IEscrow} from "./interfaces/IEscrow.sol";
import {DatasetLeaf, IProofOfStorage} from "./interfaces/IProofOfStorage.sol";
import {IVaultFactory} from "./IVaultFactory.sol";

/// @title Money that waits for proofs
/// @notice What enters: the whole price of an agreement both sides signed with pay mode 1. What
/// leaves: to the agreement's payout address, one epoch's price for each epoch of the term in which
/// the host's dataset was proven and held the agreement; to the renter, everything else.
///
/// Invariants:
///  - locked = released + refunded + left, for each agreement, and the balance covers all that is
///    left;
///  - an epoch is paid or refunded once, never both;
///  - nothing is paid without an accepted proof of that very epoch and an inclusion proof of the
///    agreement in what was proven;
///  - the released epochs, in any order, cost what as many first epochs cost:
///    ceil(len x price x count / 2^30), as on the cheque road.
/// An epoch that asked for no proof (a pause, no seal) counts as not proven: only proven epochs
/// are paid. Deliberately absent: owner, pause, upgrade, a way for either side to end it early.
contract Escrow is IEscrow, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// What is known of one agreement; one slot. Its terms come back with each call and are known
    /// by their digest.
    struct Lease {
        uint128 left; // still locked
        uint32 released; // epochs paid
        uint32 refunded; // epochs given back one by one
        State state;
    }

    enum State {
        None,
        Open,
        Settled
    }

    /// Most epochs in one call.
    uint256 public constant BATCH_MAX = 32;
    /// Longest term: an epoch is two bits, and a mistyped end must not bury money for ever.
    uint64 public constant EPOCHS_MAX = 100_000;
    /// Longest accepted claim window; ProofOfStorage answers for 32 periods back.
    uint64 public constant CLAIM_EPOCHS_MAX = 24;
    /// The pay mode that names this contract.
    uint8 public constant PAY_MODE = 1;

    uint256 private constant PAID = 1;
    uint256 private constant RETURNED = 2;

    event Opened(
        bytes32 indexed agreement,
        address indexed renter,
        address indexed host,
        uint256 amount,
        uint64 startEpoch,
        uint64 endEpoch
    );
    event Released(bytes32 indexed agreement, uint64 epoch, address indexed payout, uint256 amount);
    event Refunded(bytes32 indexed agreement, uint64 epoch, uint256 amount);
    /// The end: what was neither paid nor given back before went to the renter.
    event Settled(bytes32 indexed agreement, uint32 released, uint256 returned);

    /// The token of every agreement here.
    IERC20 public immutable token;
    /// Who says what was proven.
    IProofOfStorage public immutable proofs;
    /// Who knows the registered payout addresses.
    IVaultFactory public immutable factory;
    /// The network whose agreements are taken.
    bytes32 public immutable networkId;
    /// Epochs after a proven one in which the host may show inclusion before the renter may take
    /// the epoch's price back.
    uint64 public immutable claimEpochs;

    mapping(bytes32 agreement => Lease) private leases;
    /// Two bits an epoch of the term: 0 open, PAID, RETURNED.
    mapping(bytes32 agreement => mapping(uint256 word => uint256)) private marks;
    /// The sum of all that is left.
    uint256 public totalLocked;

    /// @param claimEpochs_ 1 to 24
    constructor(
        address token_,
        address proofs_,
        address factory_,
        bytes32 networkId_,
        uint64 claimEpochs_
    ) {
        require(token_.code.length > 0, "Escrow: token has no code");
        require(proofs_.code.length > 0, "Escrow: proofs have no code");
        require(factory_.code.length > 0, "Escrow: factory has no code");
        require(claimEpochs_ > 0 && claimEpochs_ <= CLAIM_EPOCHS_MAX, "Escrow: bad claim window");
        token = IERC20(token_);
        proofs = IProofOfStorage(proofs_);
        factory = IVaultFactory(factory_);
        networkId = networkId_;
        claimEpochs = claimEpochs_;
    }

    // ---- money in ---------------------------------------------------------------------------

    /// @notice Locks the whole price of an agreement. Anybody may pay; what is not earned goes to
    /// the renter of the terms. The price is the signed one, whatever any oracle says since.
    /// @param most the largest amount the caller is ready to lock
    function open(
        Agreement calldata terms,
        bytes calldata renterSig,
        bytes calldata hostSig,
        uint256 most
    ) external nonReentrant {
        bytes32 digest = Agreements.digest(terms);
        _checkTerms(terms);
        require(leases[digest].state == State.None, "Escrow: already opened");
        require(
            Agreements.signedByRenter(terms.renter, digest, renterSig),
            "Escrow: renter did not sign"
        );
        require(Agreements.signedBy(terms.host, digest, hostSig), "Escrow: host did not sign");
        uint256 amount = costOf(terms, terms.endEpoch - terms.startEpoch);
        require(amount > 0, "Escrow: nothing to lock");
        require(amount <= most, "Escrow: above the maximum");
        leases[digest] = Lease(amount.toUint128(), 0, 0, State.Open);
        totalLocked += amount;
        emit Opened(digest, terms.renter, terms.host, amount, terms.startEpoch, terms.endEpoch);
        // A token that keeps a fee would leave the last of the epochs without cover.
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        require(token.balanceOf(address(this)) - before == amount, "Escrow: token took a fee");
    }

    // ---- money out --------------------------------------------------------------------------

    /// @notice Pays one proven epoch. Anybody may call; the money goes to the payout address.
    /// @param inclusion shows the agreement in the dataset that the epoch's proof was about
    function release(Agreement calldata terms, uint64 epoch, bytes calldata inclusion)
        external
        nonReentrant
    {
        bytes32 digest = Agreements.digest(terms);
        _pay(terms, _release(digest, terms, epoch, inclusion));
    }

    /// @notice The same for several epochs with one payment. One that cannot be paid reverts all.
    function releaseMany(
        Agreement calldata terms,
        uint64[] calldata epochs,
        bytes[] calldata inclusions
    ) external nonReentrant {
        require(epochs.length <= BATCH_MAX, "Escrow: too many epochs");
        require(epochs.length == inclusions.length, "Escrow: a proof for each epoch");
        bytes32 digest = Agreements.digest(terms);
        uint256 sum = 0;
        for (uint256 i = 0; i < epochs.length; ++i) {
            sum += _release(digest, terms, epochs[i], inclusions[i]);
        }
        _pay(terms, sum);
    }

    /// @notice Gives the price of missed epochs back to the renter: those whose window closed
    /// without a proof, and those that were proven but for which nobody showed inclusion within
    /// `claimEpochs`. Anybody may call. One that was not missed reverts all.
    function refund(Agreement calldata terms, uint64[] calldata epochs) external nonReentrant {
        require(epochs.length <= BATCH_MAX, "Escrow: too many epochs");
        bytes32 digest = Agreements.digest(terms);
        uint256 sum = 0;
        for (uint256 i = 0; i < epochs.length; ++i) {
            sum += _refund(digest, terms, epochs[i]);
        }
        if (sum != 0) token.safeTransfer(terms.renter, sum);
    }

    /// @notice Ends an agreement `claimEpochs` after its last epoch could be proven: everything
    /// left goes to the renter. Anybody may call.
    function settle(Agreement calldata terms) external nonReentrant {
        bytes32 digest = Agreements.digest(terms);
        Lease storage lease = leases[digest];
        require(lease.state == State.Open, "Escrow: not open");
        require(proofs.currentPeriod() > terms.endEpoch + claimEpochs, "Escrow: too early");
        uint256 left = lease.left;
        lease.left = 0;
        lease.state = State.Settled;
        totalLocked -= left;
        emit Settled(digest, lease.released, left);
        if (left != 0) token.safeTransfer(terms.renter, left);
    }

    // ---- reading ----------------------------------------------------------------------------

    /// @notice What the first `epochs` epochs cost: ceil(len x price x epochs / 2^30).
    function costOf(Agreement calldata terms, uint256 epochs) public pure returns (uint256) {
        return (uint256(terms.shardLen) * terms.price * epochs + (1 << 30) - 1) >> 30;
    }

    /// @notice The digest that names the agreement on this chain.
    function digestOf(Agreement calldata terms) external view returns (bytes32) {
        return Agreements.digest(terms);
    }

    /// @notice What is known of an agreement: 0 never opened, 1 open, 2 settled.
    function leaseOf(bytes32 agreement)
        external
        view
        returns (uint256 left, uint32 released, uint32 refunded, uint8 state)
    {
        Lease memory lease = leases[agreement];
        return (lease.left, lease.released, lease.refunded, uint8(lease.state));
    }

    /// @inheritdoc IEscrow
    function isReleased(bytes32 agreement, uint64 startEpoch, uint64 epoch)
        external
        view
        returns (bool)
    {
        return epoch >= startEpoch && _mark(agreement, epoch - startEpoch) == PAID;
    }

    // ---- inside -----------------------------------------------------------------------------

    function _checkTerms(Agreement calldata terms) private view {
        require(terms.networkId == networkId, "Escrow: other network");
        require(terms.payMode == PAY_MODE, "Escrow: other pay mode");
        require(terms.endEpoch > terms.startEpoch, "Escrow: no term");
        require(terms.endEpoch - terms.startEpoch <= EPOCHS_MAX, "Escrow: term too long");
        require(terms.endEpoch > proofs.currentPeriod(), "Escrow: term is over");
        require(terms.endEpoch <= type(uint64).max / 2, "Escrow: term too far");
        require(terms.payout != address(0) && terms.payout != address(this), "Escrow: bad payout");
        address registered = factory.payoutOf(terms.host);
        require(
            registered == address(0) || registered == terms.payout,
            "Escrow: not the registered payout address"
        );
    }

    function _release(
        bytes32 digest,
        Agreement calldata terms,
        uint64 epoch,
        bytes calldata inclusion
    ) private returns (uint256 amount) {
        uint64 index = _indexOf(digest, terms, epoch);
        DatasetLeaf memory leaf = DatasetLeaf(digest, terms.shardId, terms.shardLen, terms.endEpoch);
        require(proofs.included(terms.host, epoch, leaf, inclusion), "Escrow: not proven");
        _setMark(digest, index, PAID);
        Lease storage lease = leases[digest];
        uint32 count = lease.released;
        amount = costOf(terms, count + 1) - costOf(terms, count);
        lease.released = count + 1;
        lease.left -= amount.toUint128();
        totalLocked -= amount;
        emit Released(digest, epoch, terms.payout, amount);
    }

    function _refund(bytes32 digest, Agreement calldata terms, uint64 epoch)
        private
        returns (uint256 amount)
    {
        uint64 index = _indexOf(digest, terms, epoch);
        require(_isMissed(terms.host, epoch), "Escrow: not missed");
        _setMark(digest, index, RETURNED);
        Lease storage lease = leases[digest];
        // From the dear end of the price: what is left always covers the epochs still open.
        uint256 count = terms.endEpoch - terms.startEpoch - lease.refunded;
        amount = costOf(terms, count) - costOf(terms, count - 1);
        ++lease.refunded;
        lease.left -= amount.toUint128();
        totalLocked -= amount;
        emit Refunded(digest, epoch, amount);
    }

    /// No proof can come any more, or it came and nobody showed the agreement in it in time.
    function _isMissed(address host, uint64 epoch) private view returns (bool) {
        if (!proofs.isClosed(epoch)) return false;
        if (!proofs.provenAt(host, epoch)) return true;
        return proofs.currentPeriod() > epoch + claimEpochs;
    }

    /// The place of an open epoch in the term.
    function _indexOf(bytes32 digest, Agreement calldata terms, uint64 epoch)
        private
        view
        returns (uint64 index)
    {
        require(leases[digest].state == State.Open, "Escrow: not open");
        require(epoch >= terms.startEpoch && epoch < terms.endEpoch, "Escrow: not in the term");
        index = epoch - terms.startEpoch;
        require(_mark(digest, index) == 0, "Escrow: epoch is done");
    }

    function _mark(bytes32 digest, uint64 index) private view returns (uint256) {
        return (marks[digest][index / 128] >> (index % 128 * 2)) & 3;
    }

    function _setMark(bytes32 digest, uint64 index, uint256 mark) private {
        marks[digest][index / 128] |= mark << (index % 128 * 2);
    }

    function _pay(Agreement calldata terms, uint256 amount) private {
        if (amount != 0) token.safeTransfer(terms.payout, amount);
    }
}
