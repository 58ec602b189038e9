// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Cheques} from "./Cheques.sol";
import {IVaultFactory} from "./IVaultFactory.sol";

/// @title Vault of one issuer: pays cumulative cheques in several tokens
/// @notice What enters: tokens, by deposit or plain transfer, from anybody. What leaves: payments
/// against cheques the issuer signed, and withdrawals the issuer announced `withdrawDelay` blocks
/// before. Every face that BTFS's vault has is here under the same name and with the same events.
///
/// Invariants, per token:
///  - paid to a beneficiary never exceeds the largest cumulative amount signed for it;
///  - a beneficiary's lock is only ever spent on that beneficiary's cheques until it is unlocked;
///  - withdrawals never touch locks, and never happen within `withdrawDelay` of their request;
///  - a cheque that cannot be paid in full pays what is there, leaves a record, and stays good
///    for the rest.
/// All delays and ends are block numbers; the wall clock plays no part.
/// Deliberately absent: upgrade, owner, pause, fees, transfer of the issuer's role.
contract Vault is Cheques {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// What is known of one token; two slots.
    struct Purse {
        uint256 books; // paid to all beneficiaries ever, and the sum of all locks; see _split.
        // The top bit is set while a transfer of this token is under way.
        uint128 requested; // still withdrawable under the last request
        uint64 readyAt; // first block in which it is
        bool bounced; // once true, for ever
    }

    /// What is known of one beneficiary in one token; two slots, of which cashing writes the first.
    struct Account {
        uint256 books; // paid ever, and set aside for this beneficiary alone; see _split
        uint64 until; // last block the issuer promised
        uint64 unlockAt; // 0 while no unlock is requested
        uint128 bouncedAt; // largest cumulative amount presented and not paid in full
    }

    /// A lock reaches at most this far ahead (about six years of two-second blocks), so that a
    /// mistyped block number does not bury money for ever.
    uint64 public constant LOCK_BLOCKS_MAX = 100_000_000;

    event VaultDeposit(address indexed from, uint256 amount);
    event VaultWithdraw(address indexed from, uint256 amount);
    event ChequeCashed(
        address indexed beneficiary,
        address indexed recipient,
        address indexed caller,
        uint256 totalPayout,
        uint256 cumulativePayout,
        uint256 callerPayout
    );
    event ChequeBounced();
    event MultiTokenVaultDeposit(address indexed token, address indexed from, uint256 amount);
    event MultiTokenVaultWithdraw(address indexed token, address indexed from, uint256 amount);
    event MultiTokenChequeCashed(
        address token,
        address indexed beneficiary,
        address indexed recipient,
        address indexed caller,
        uint256 totalPayout,
        uint256 cumulativePayout,
        uint256 callerPayout
    );
    event MultiTokenChequeBounced(address indexed token);

    /// Beside every bounce: whom it hit and how much is still owed.
    event ChequeShort(address indexed token, address indexed beneficiary, uint256 missing);
    /// `amount` may leave from `readyAt` up to and including block `endsAt`; zero cancels.
    event WithdrawRequested(address indexed token, uint256 amount, uint64 readyAt, uint64 endsAt);
    /// `total` is the whole lock after `amount` joined it.
    event DepositLocked(
        address indexed token,
        address indexed beneficiary,
        uint256 amount,
        uint256 total,
        uint64 until
    );
    /// The lock may be dissolved from block `unlockAt` on.
    event UnlockRequested(address indexed token, address indexed beneficiary, uint64 unlockAt);
    event DepositUnlocked(address indexed token, address indexed beneficiary, uint256 amount);

    /// Amounts are below 2^120: more than any token of 18 decimals has ever had.
    uint256 private constant HALF = type(uint120).max;
    uint256 private constant BUSY = 1 << 255;
    /// Bytes of a clone's code, behind which its issuer stands.
    uint256 private constant CODE_LEN = 45;

    /// The logic every clone runs; set once in the code, so a clone cannot point elsewhere.
    address private immutable LOGIC;
    /// Who may set up clones, and who knows the registered payout addresses.
    address public immutable factory;
    /// Blocks between a request (withdraw, unlock) and its effect; also how long a withdrawal
    /// request stays usable.
    uint64 public immutable withdrawDelay;

    mapping(address token => Purse) private purses;
    mapping(address token => mapping(address beneficiary => Account)) private accounts;
    /// Registered payout addresses, for all vaults of the factory; only the logic's own storage
    /// holds any. A clone has the logic's account at hand already, so asking it is cheap.
    mapping(address beneficiary => address) private payouts;

    modifier onlyIssuer() {
        require(msg.sender == issuer(), "Vault: not issuer");
        _;
    }

    /// One transfer of a token at a time, and nothing else about that token meanwhile. The mark
    /// stands in a word that every such call writes anyway.
    modifier alone(address _token) {
        Purse storage purse = purses[_token];
        purse.books = _idle(purse) | BUSY;
        _;
        purse.books &= ~BUSY;
    }

    /// @param factory_ the factory that clones this code
    /// @param token_ the default token of its vaults
    /// @param withdrawDelay_ in blocks
    constructor(address factory_, address token_, uint64 withdrawDelay_) Cheques(token_) {
        LOGIC = address(this);
        factory = factory_;
        withdrawDelay = withdrawDelay_;
    }

    /// @notice Who signs cheques and owns what is free: the 20 bytes behind a clone's code, put
    /// there by the factory, so that nobody can change them. The logic itself belongs to nobody.
    function issuer() public view returns (address who) {
        if (address(this) == LOGIC) return address(1);
        assembly ("memory-safe") {
            mstore(0, 0)
            extcodecopy(address(), 12, CODE_LEN, 20)
            who := mload(0)
        }
    }

    /// @notice Kept for BTFS's signature; a clone is set up when it is made. Factory only; refuses
    /// any other issuer or token than its own. (Without the mark this and `upgradeTo` would be
    /// views, and their ABI another one.)
    function init(address _issuer, address _token) external alone(token) {
        require(msg.sender == factory, "Vault: not factory");
        require(_issuer == issuer(), "Vault: already initialized");
        require(_token == token, "Vault: not the default token");
    }

    // ---- payout addresses -------------------------------------------------------------------

    /// @notice Registers a payout address, on the logic alone. The factory decides who may.
    function recordPayout(address beneficiary, address payout) external {
        require(msg.sender == factory && address(this) == LOGIC, "Vault: not factory");
        payouts[beneficiary] = payout;
    }

    /// @notice The only address that may receive this beneficiary's money; zero when none is set.
    function payoutOf(address beneficiary) public view returns (address) {
        return address(this) == LOGIC ? payouts[beneficiary] : Vault(LOGIC).payoutOf(beneficiary);
    }

    // ---- money in ---------------------------------------------------------------------------

    /// @notice Takes `amount` of the default token from the caller, who approved it before.
    function deposit(uint256 amount) external {
        _deposit(token, amount);
    }

    /// @notice The same for any token.
    function multiTokenDeposit(address _token, uint256 amount) external {
        _deposit(_token, amount);
    }

    // ---- cheques ----------------------------------------------------------------------------

    /// @notice Cashes a cheque of the default token made out to the caller.
    /// @param recipient who gets the money: anybody, or the registered payout address only
    /// @param cumulativePayout everything ever owed to the caller, this payment included
    /// @param issuerSig 65 bytes of the issuer's key, or what its contract wallet accepts
    function cashChequeBeneficiary(
        address recipient,
        uint256 cumulativePayout,
        bytes calldata issuerSig
    ) external {
        _checkPayout(recipient);
        _cash(token, msg.sender, recipient, cumulativePayout, issuerSig);
    }

    /// @notice The same for any token. For the default token the cheque is a `Cheque`, for every
    /// other one a `MultiTokenCheque`; one claim never has two forms.
    function multiTokenCashChequeBeneficiary(
        address _token,
        address recipient,
        uint256 cumulativePayout,
        bytes calldata issuerSig
    ) external {
        _checkPayout(recipient);
        _cash(_token, msg.sender, recipient, cumulativePayout, issuerSig);
    }

    /// @notice Lets the factory cash many vaults in one transaction for its own caller, against
    /// whose registered payout address it has checked the recipient.
    /// @return payout what was paid
    function cashFor(
        address _token,
        address beneficiary,
        address recipient,
        uint256 cumulativePayout,
        bytes calldata issuerSig
    ) external returns (uint256 payout) {
        require(msg.sender == factory, "Vault: not factory");
        return _cash(_token, beneficiary, recipient, cumulativePayout, issuerSig);
    }

    // ---- locks ------------------------------------------------------------------------------

    /// @notice Sets `amount` more of the default token aside for `beneficiary` alone, at least up
    /// to and including block `until`. An unlock request made before is void.
    function lockDeposit(address beneficiary, uint256 amount, uint64 until) external {
        _lock(token, beneficiary, amount, until);
    }

    /// @notice The same for any token.
    function multiTokenLockDeposit(
        address _token,
        address beneficiary,
        uint256 amount,
        uint64 until
    ) external {
        _lock(_token, beneficiary, amount, until);
    }

    /// @notice Announces the end of a lock: it may be dissolved after max(`until`, now + delay).
    function requestUnlock(address _token, address beneficiary) external onlyIssuer {
        Account storage account = accounts[_token][beneficiary];
        require(_locked(_token, beneficiary) > 0, "Vault: nothing locked");
        account.unlockAt = uint64(block.number) + withdrawDelay;
        emit UnlockRequested(_token, beneficiary, lockEnd(_token, beneficiary));
    }

    /// @notice Dissolves a lock whose end has come; what is left of it becomes free balance.
    function unlockDeposit(address _token, address beneficiary) external onlyIssuer {
        Account storage account = accounts[_token][beneficiary];
        (uint128 paid, uint128 amount) = _split(account.books);
        require(amount > 0, "Vault: nothing locked");
        require(account.unlockAt != 0, "Vault: unlock not requested");
        require(block.number >= lockEnd(_token, beneficiary), "Vault: still locked");
        account.books = _join(paid, 0);
        account.until = 0;
        account.unlockAt = 0;
        Purse storage purse = purses[_token];
        (uint128 paidAll, uint128 lockedAll) = _split(_idle(purse));
        purse.books = _join(paidAll, lockedAll - amount);
        emit DepositUnlocked(_token, beneficiary, amount);
    }

    // ---- money back to the issuer -----------------------------------------------------------

    /// @notice Announces a withdrawal of the default token. Replaces an earlier request and
    /// starts the delay again; zero cancels.
    function requestWithdraw(uint256 amount) external {
        _requestWithdraw(token, amount);
    }

    /// @notice The same for any token.
    function multiTokenRequestWithdraw(address _token, uint256 amount) external {
        _requestWithdraw(_token, amount);
    }

    /// @notice Takes up to the requested amount out to the issuer, within the request's window.
    function withdraw(uint256 amount) external {
        _withdraw(token, amount);
    }

    /// @notice The same for any token.
    function multiTokenWithdraw(address _token, uint256 amount) external {
        _withdraw(_token, amount);
    }

    // ---- what BTFS's callers ask ------------------------------------------------------------

    /// @notice Kept for callers of BTFS's vault. The logic never changes: naming the present one
    /// does nothing, naming any other is refused.
    function upgradeTo(address newImplementation) external onlyIssuer alone(token) {
        require(newImplementation == LOGIC, "Vault: logic is immutable");
    }

    /// @notice The code this clone runs.
    function implementation() external view returns (address impl) {
        return LOGIC;
    }

    /// @notice Everything held of the default token, locked or free.
    function totalbalance() external view returns (uint256) {
        return totalbalanceOf(token);
    }

    /// @notice Everything held of `_token`, locked or free.
    function totalbalanceOf(address _token) public view returns (uint256) {
        return IERC20(_token).balanceOf(address(this));
    }

    /// @notice Paid to `beneficiary` so far, in the default token.
    function paidOut(address beneficiary) external view returns (uint256) {
        return _paid(token, beneficiary);
    }

    /// @notice Paid to everybody so far, in the default token.
    function totalPaidOut() external view returns (uint256 paid) {
        (paid,) = _split(purses[token].books);
    }

    /// @notice Whether a cheque of the default token was ever short.
    function bounced() external view returns (bool) {
        return purses[token].bounced;
    }

    /// @notice Paid to `beneficiary` so far, in any token.
    function multiTokensPaidOut(address _token, address beneficiary)
        external
        view
        returns (uint256)
    {
        return _paid(_token, beneficiary);
    }

    /// @notice Paid to everybody so far, in any token.
    function multiTokensTotalPaidOut(address _token) external view returns (uint256 paid) {
        (paid,) = _split(purses[_token].books);
    }

    /// @notice Whether a cheque of `_token` was ever short.
    function multiTokensBounced(address _token) external view returns (bool) {
        return purses[_token].bounced;
    }

    // ---- what a host asks before it trusts a cheque -----------------------------------------

    /// @notice What `beneficiary` may count on being paid for `withdrawDelay` blocks at least, as
    /// long as no other beneficiary cashes first: its own lock, and the free balance without what
    /// the issuer has asked to withdraw.
    function coverOf(address _token, address beneficiary) external view returns (uint256) {
        (uint256 held, uint256 free) = _balances(_token);
        (uint256 requested,,) = withdrawRequestOf(_token);
        uint256 own = _locked(_token, beneficiary);
        return (own < held ? own : held) + (free > requested ? free - requested : 0);
    }

    /// @notice Balance that no lock claims.
    function freeBalanceOf(address _token) public view returns (uint256 free) {
        (, free) = _balances(_token);
    }

    /// @notice The sum of all locks of `_token`.
    function totalLockedOf(address _token) external view returns (uint256 locked) {
        (, locked) = _split(purses[_token].books);
    }

    /// @notice The lock of one beneficiary: amount, promised block, and unlock request (0: none).
    function lockOf(address _token, address beneficiary)
        external
        view
        returns (uint256 amount, uint64 until, uint64 unlockAt)
    {
        Account memory account = accounts[_token][beneficiary];
        return (_locked(_token, beneficiary), account.until, account.unlockAt);
    }

    /// @notice First block in which the lock may be dissolved, if unlock is (or were now) asked.
    function lockEnd(address _token, address beneficiary) public view returns (uint64) {
        Account memory account = accounts[_token][beneficiary];
        uint64 asked = account.unlockAt;
        if (asked == 0) asked = uint64(block.number) + withdrawDelay;
        uint64 promised = account.until + 1;
        return asked > promised ? asked : promised;
    }

    /// @notice The live withdrawal request: amount left, first and last usable block; all zero
    /// when there is none or it has lapsed.
    function withdrawRequestOf(address _token)
        public
        view
        returns (uint256 amount, uint64 readyAt, uint64 endsAt)
    {
        Purse memory purse = purses[_token];
        endsAt = purse.readyAt + withdrawDelay;
        if (purse.requested == 0 || block.number > endsAt) return (0, 0, 0);
        return (purse.requested, purse.readyAt, endsAt);
    }

    /// @notice What bounced cheques of `beneficiary` left unpaid; zero once they are made good.
    function shortfallOf(address _token, address beneficiary) external view returns (uint256) {
        uint256 claimed = accounts[_token][beneficiary].bouncedAt;
        uint256 paid = _paid(_token, beneficiary);
        return claimed > paid ? claimed - paid : 0;
    }

    // ---- inside -----------------------------------------------------------------------------

    /// The two halves of a books word: what was paid (low) and what is locked (above). One word,
    /// so that a payment reads and writes each slot once.
    function _split(uint256 books) private pure returns (uint128 paid, uint128 locked) {
        return (uint128(books & HALF), uint128(books >> 120 & HALF));
    }

    function _join(uint256 paid, uint256 locked) private pure returns (uint256) {
        require(paid <= HALF && locked <= HALF, "Vault: amount too large");
        return locked << 120 | paid;
    }

    /// The books of a token of which no transfer is under way.
    function _idle(Purse storage purse) private view returns (uint256 books) {
        books = purse.books;
        require(books < BUSY, "Vault: busy");
    }

    function _paid(address _token, address beneficiary) private view returns (uint128 paid) {
        (paid,) = _split(accounts[_token][beneficiary].books);
    }

    function _locked(address _token, address beneficiary) private view returns (uint128 locked) {
        (, locked) = _split(accounts[_token][beneficiary].books);
    }

    /// A token that keeps a fee delivers less; the event tells what arrived. No mark: nothing is
    /// booked here, and a token that lies by calling back could as well lie about its balances.
    function _deposit(address _token, uint256 amount) private {
        uint256 before = totalbalanceOf(_token);
        IERC20(_token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = totalbalanceOf(_token) - before;
        if (_token == token) emit VaultDeposit(msg.sender, arrived);
        else emit MultiTokenVaultDeposit(_token, msg.sender, arrived);
    }

    function _cash(
        address _token,
        address beneficiary,
        address recipient,
        uint256 cumulative,
        bytes calldata issuerSig
    ) private returns (uint256 payout) {
        require(recipient != address(0) && recipient != address(this), "Vault: bad recipient");
        require(
            _signed(issuer(), chequeDigest(_token, beneficiary, cumulative), issuerSig),
            "Vault: invalid issuer signature"
        );
        Account storage account = accounts[_token][beneficiary];
        (uint256 paid, uint256 own) = _split(account.books);
        require(cumulative > paid, "Vault: cannot cash");
        uint256 due = cumulative - paid;
        uint256 fromLock;
        (payout, fromLock) = _take(_token, due, own);
        // The record must outlive this call, so a short payment never reverts.
        if (payout < due) _recordBounce(_token, beneficiary, cumulative, due - payout);
        if (payout != 0) {
            account.books = _join(paid + payout, own - fromLock);
            _emitCashed(_token, beneficiary, recipient, payout, cumulative);
            IERC20(_token).safeTransfer(recipient, payout);
        }
        purses[_token].books &= ~BUSY;
    }

    /// The caller cashes for itself: to its registered payout address if there is one.
    function _checkPayout(address recipient) private view {
        address registered = payoutOf(msg.sender);
        require(
            registered == address(0) || registered == recipient,
            "Vault: not the registered payout address"
        );
    }

    /// Books up to `due` as leaving, from the beneficiary's own lock first, then from what is
    /// free, and marks the token busy; the caller takes the mark off again.
    function _take(address _token, uint256 due, uint256 own)
        private
        returns (uint256 payout, uint256 fromLock)
    {
        Purse storage purse = purses[_token];
        uint256 held = totalbalanceOf(_token);
        (uint256 paid, uint256 locked) = _split(_idle(purse));
        uint256 free = held > locked ? held - locked : 0;
        // Only a token that shrinks balances by itself makes the last bound matter.
        fromLock = _least(due, own, held);
        payout = _least(due, fromLock + free, held);
        purse.books = _join(paid + payout, locked - fromLock) | BUSY;
    }

    /// What is held of a token, and how much of it no lock claims.
    function _balances(address _token) private view returns (uint256 held, uint256 free) {
        held = totalbalanceOf(_token);
        (, uint256 locked) = _split(purses[_token].books);
        free = held > locked ? held - locked : 0;
    }

    function _recordBounce(address _token, address beneficiary, uint256 cumulative, uint256 missing)
        private
    {
        purses[_token].bounced = true;
        Account storage account = accounts[_token][beneficiary];
        // A claim beyond 128 bits is as good as one of the largest number: neither is ever paid.
        uint128 claim = cumulative > type(uint128).max ? type(uint128).max : uint128(cumulative);
        if (claim > account.bouncedAt) account.bouncedAt = claim;
        if (_token == token) emit ChequeBounced();
        else emit MultiTokenChequeBounced(_token);
        emit ChequeShort(_token, beneficiary, missing);
    }

    function _emitCashed(
        address _token,
        address beneficiary,
        address recipient,
        uint256 payout,
        uint256 cumulative
    ) private {
        if (_token == token) {
            emit ChequeCashed(beneficiary, recipient, msg.sender, payout, cumulative, 0);
        } else {
            emit MultiTokenChequeCashed(
                _token, beneficiary, recipient, msg.sender, payout, cumulative, 0
            );
        }
    }

    function _lock(address _token, address beneficiary, uint256 amount, uint64 until)
        private
        onlyIssuer
    {
        require(beneficiary != address(0), "Vault: zero address");
        require(until <= block.number + LOCK_BLOCKS_MAX, "Vault: lock too long");
        require(amount <= freeBalanceOf(_token), "Vault: free balance too low");
        Account storage account = accounts[_token][beneficiary];
        (uint128 paid, uint128 own) = _split(account.books);
        uint256 total = own + amount;
        require(total > 0, "Vault: nothing locked");
        account.books = _join(paid, total);
        // A promise once made is never shortened.
        if (until > account.until) account.until = until;
        account.unlockAt = 0;
        Purse storage purse = purses[_token];
        (uint256 paidAll, uint256 lockedAll) = _split(_idle(purse));
        purse.books = _join(paidAll, lockedAll + amount);
        emit DepositLocked(_token, beneficiary, amount, total, account.until);
    }

    function _requestWithdraw(address _token, uint256 amount) private onlyIssuer {
        Purse storage purse = purses[_token];
        purse.requested = amount.toUint128();
        purse.readyAt = amount == 0 ? 0 : uint64(block.number) + withdrawDelay;
        uint64 endsAt = amount == 0 ? 0 : purse.readyAt + withdrawDelay;
        emit WithdrawRequested(_token, amount, purse.readyAt, endsAt);
    }

    function _withdraw(address _token, uint256 amount) private onlyIssuer alone(_token) {
        (uint256 requested, uint64 readyAt,) = withdrawRequestOf(_token);
        // An old request would be a standing right to drain at once, hence the window.
        require(amount <= requested, "Vault: not requested");
        require(block.number >= readyAt, "Vault: withdrawal not ready");
        require(amount <= freeBalanceOf(_token), "Vault: free balance too low");
        purses[_token].requested -= amount.toUint128();
        if (_token == token) emit VaultWithdraw(msg.sender, amount);
        else emit MultiTokenVaultWithdraw(_token, msg.sender, amount);
        IERC20(_token).safeTransfer(msg.sender, amount);
    }

    function _least(uint256 a, uint256 b, uint256 c) private pure returns (uint256) {
        uint256 least = a < b ? a : b;
        return least < c ? least : c;
    }
}
