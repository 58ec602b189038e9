// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IVaultFactory} from "./IVaultFactory.sol";
import {PeerId} from "./PeerId.sol";
import {Vault} from "./Vault.sol";

/// @title Makes vaults, and is the list of the vaults worth trusting
/// @notice What enters: requests of issuers, and beneficiaries' payout addresses. What leaves:
/// vaults, each a minimal clone of one logic that this contract made itself and nobody can change.
///
/// Invariants:
///  - a vault is in `deployedContracts` only if it runs `master` and was set up here;
///  - `peerVaultAddress(id)` is set at most once, only with the consent of the key inside `id`
///    and of the vault's issuer, so an id cannot be occupied by a stranger;
///  - a registered payout address is moved by nobody but itself.
/// Deliberately absent: owner, upgrade, fees, removal.
contract VaultFactory is IVaultFactory, EIP712 {
    /// One cheque of `cashMany`; the beneficiary is the caller.
    struct CashOrder {
        address vault;
        address token;
        address recipient;
        uint256 cumulativePayout;
        bytes issuerSig;
    }

    /// Longest accepted delay in blocks; bounds what a wrong constructor argument can do.
    uint64 public constant WITHDRAW_DELAY_MAX = 5_000_000;
    /// Most cheques in one `cashMany`, at about 45,000 gas each.
    uint256 public constant BATCH_MAX = 100;
    /// What one cheque of a batch may use: several times what it needs, a contract wallet as payer
    /// included. A payer whose wallet burns gas costs the batch this much and no more.
    uint256 public constant CASH_GAS = 400_000;
    /// A refusal's text is kept up to this many bytes.
    uint256 private constant REASON_MAX = 256;
    /// What the key inside a peer id signs when the issuer is another account.
    bytes32 public constant BIND_TYPEHASH = keccak256("BindVault(address issuer,string id)");

    event VaultDeployed(address issuer, address contractAddress, string id);
    /// `payout` is from now on the only recipient of cheques made out to `beneficiary`.
    event PayoutSet(address indexed beneficiary, address indexed payout);
    /// A cheque of a batch that its vault refused; the others are not affected.
    event CashSkipped(address indexed vault, address indexed beneficiary, bytes reason);

    /// The logic of every vault.
    address public immutable master;
    /// The default token of every vault.
    address public immutable TokenAddress;

    /// @inheritdoc IVaultFactory
    mapping(address vault => bool) public override deployedContracts;
    mapping(string id => address vault) public peerVaultAddress;

    /// @param token default token of the vaults
    /// @param delay blocks between a request to withdraw or unlock and its effect
    constructor(address token, uint64 delay) EIP712("VaultFactory", "1.0") {
        require(token.code.length > 0, "VaultFactory: token has no code");
        require(delay > 0 && delay <= WITHDRAW_DELAY_MAX, "VaultFactory: delay out of bounds");
        TokenAddress = token;
        master = address(new Vault(address(this), token, delay));
    }

    // ---- vaults -----------------------------------------------------------------------------

    /// @notice BTFS's call. The caller is the issuer; a non-empty `id` must hold the caller's own
    /// key. `_logic` is `master()` or zero; `_data` is ignored, the vault is always set up for
    /// `issuer` and `TokenAddress()`.
    function deployVault(
        address issuer,
        address _logic,
        bytes32 salt,
        string calldata id,
        bytes calldata _data
    ) external returns (address vault) {
        _data; // kept for the selector only
        require(_logic == address(0) || _logic == master, "VaultFactory: unknown logic");
        if (bytes(id).length != 0) {
            require(PeerId.account(id) == issuer, "VaultFactory: id is not the issuer's key");
        }
        return _deploy(issuer, salt, id);
    }

    /// @notice For an issuer that is not the identity key (another key, a contract wallet): the
    /// caller is the issuer, and the key inside `id` agrees by `identitySig` over
    /// `BindVault(issuer, id)` in this contract's domain ("VaultFactory", "1.0", chain, address).
    function deployVaultBound(
        address issuer,
        bytes32 salt,
        string calldata id,
        bytes calldata identitySig
    ) external returns (address vault) {
        address signer = ECDSA.recover(bindDigest(issuer, id), identitySig);
        require(signer == PeerId.account(id), "VaultFactory: id's key did not sign");
        return _deploy(issuer, salt, id);
    }

    /// @notice The digest for `deployVaultBound`.
    function bindDigest(address issuer, string calldata id) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(BIND_TYPEHASH, issuer, keccak256(bytes(id)))));
    }

    /// @notice The account of the key inside a peer id; reverts when there is none.
    function accountOf(string calldata id) external view returns (address) {
        return PeerId.account(id);
    }

    /// @notice Where `deployVault(issuer, ..., salt, ...)` puts the vault.
    function vaultAddress(address issuer, bytes32 salt) external view returns (address) {
        return Create2.computeAddress(_cloneSalt(issuer, salt), keccak256(_cloneCode(issuer)));
    }

    /// @notice The delay of every vault made here, in blocks.
    function withdrawDelay() external view returns (uint64) {
        return Vault(master).withdrawDelay();
    }

    // ---- payout addresses -------------------------------------------------------------------

    /// @inheritdoc IVaultFactory
    /// @dev Kept by the logic, where every vault finds it without a further account.
    function payoutOf(address beneficiary) public view override returns (address) {
        return Vault(master).payoutOf(beneficiary);
    }

    /// @notice Registers the caller's payout address. Once: afterwards only that address moves it,
    /// so that a stolen hot key cannot redirect what is still to come.
    function setPayout(address payout) external {
        require(payoutOf(msg.sender) == address(0), "VaultFactory: payout already set");
        _setPayout(msg.sender, payout);
    }

    /// @notice Moves `beneficiary`'s payout address; only the present one may.
    function movePayout(address beneficiary, address payout) external {
        require(payoutOf(beneficiary) == msg.sender, "VaultFactory: not the payout address");
        _setPayout(beneficiary, payout);
    }

    // ---- batches ----------------------------------------------------------------------------

    /// @notice Cashes cheques of many vaults made out to the caller. A refused one does not touch
    /// the others: it answers (zero, false) and leaves an event with the reason. A cheque that
    /// its vault could not pay in full answers what was paid, and true.
    /// Needs CASH_GAS at hand before each cheque, so that a gas estimate is never too low.
    function cashMany(CashOrder[] calldata orders)
        external
        returns (uint256[] memory payouts, bool[] memory accepted)
    {
        require(orders.length <= BATCH_MAX, "VaultFactory: too many orders");
        payouts = new uint256[](orders.length);
        accepted = new bool[](orders.length);
        address registered = payoutOf(msg.sender);
        for (uint256 i = 0; i < orders.length; ++i) {
            (payouts[i], accepted[i]) = _cashOne(orders[i], registered);
        }
    }

    // ---- inside -----------------------------------------------------------------------------

    function _cashOne(CashOrder calldata order, address registered)
        private
        returns (uint256 payout, bool accepted)
    {
        bytes memory reason;
        if (!deployedContracts[order.vault]) {
            reason = abi.encodeWithSignature("Error(string)", "VaultFactory: unknown vault");
        } else if (registered != address(0) && registered != order.recipient) {
            reason = abi.encodeWithSignature(
                "Error(string)", "Vault: not the registered payout address"
            );
        } else {
            require(gasleft() > CASH_GAS + CASH_GAS / 32, "VaultFactory: too little gas");
            (payout, accepted, reason) = _callVault(order);
        }
        if (!accepted) emit CashSkipped(order.vault, msg.sender, reason);
    }

    /// `Vault.cashFor` with bounded gas and an answer that is copied up to a bound, so that neither
    /// a payer's wallet nor a token can make the batch fail by burning gas or by answering at
    /// length. The call is laid out by hand: what the compiler makes of it costs 2 % of a cheque.
    function _callVault(CashOrder calldata order)
        private
        returns (uint256 payout, bool accepted, bytes memory reason)
    {
        (address vault, address token, address recipient) =
            (order.vault, order.token, order.recipient);
        uint256 cumulative = order.cumulativePayout;
        bytes calldata sig = order.issuerSig;
        bytes32 selector = Vault.cashFor.selector;
        uint256 gasMost = CASH_GAS;
        uint256 size;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), token)
            mstore(add(data, 0x24), caller())
            mstore(add(data, 0x44), recipient)
            mstore(add(data, 0x64), cumulative)
            mstore(add(data, 0x84), 0xa0)
            mstore(add(data, 0xa4), sig.length)
            calldatacopy(add(data, 0xc4), sig.offset, sig.length)
            // The text ends on a whole word; what fills it up is not read.
            let len := add(0xc4, and(add(sig.length, 0x1f), not(0x1f)))
            accepted := call(gasMost, vault, 0, data, len, 0, 0x20)
            size := returndatasize()
            if accepted { payout := mload(0) }
        }
        if (accepted) return (payout, true, "");
        if (size > REASON_MAX) size = REASON_MAX;
        reason = new bytes(size);
        assembly ("memory-safe") {
            returndatacopy(add(reason, 0x20), 0, size)
        }
    }

    function _deploy(address issuer, bytes32 salt, string calldata id)
        private
        returns (address vault)
    {
        require(msg.sender == issuer, "VaultFactory: caller is not the issuer");
        require(issuer != address(0), "VaultFactory: zero address");
        vault = Create2.deploy(0, _cloneSalt(issuer, salt), _cloneCode(issuer));
        deployedContracts[vault] = true;
        if (bytes(id).length != 0) {
            require(peerVaultAddress[id] == address(0), "VaultFactory: id has a vault");
            peerVaultAddress[id] = vault;
        }
        emit VaultDeployed(issuer, vault, id);
    }

    function _setPayout(address beneficiary, address payout) private {
        require(payout != address(0), "VaultFactory: zero address");
        emit PayoutSet(beneficiary, payout);
        Vault(master).recordPayout(beneficiary, payout);
    }

    /// Ten bytes that put the rest on the chain; 45 bytes of minimal proxy to the logic (EIP-1167);
    /// the issuer, which is never run and only read.
    function _cloneCode(address issuer) private view returns (bytes memory) {
        return abi.encodePacked(
            hex"6100413d81600a3d39f3",
            hex"363d3d373d3d3d363d73",
            master,
            hex"5af43d82803e903d91602b57fd5bf3",
            issuer
        );
    }

    function _cloneSalt(address issuer, bytes32 salt) private pure returns (bytes32) {
        return keccak256(abi.encode(issuer, salt));
    }
}
