// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// The storage agreement as renter and host sign it.
struct Agreement {
    bytes32 networkId;
    bytes32 agreementId;
    address renter;
    address host;
    address payout;
    bytes32 shardId;
    uint64 shardLen;
    uint8 codec;
    uint128 price; // smallest token units per GiB and epoch
    uint64 startEpoch;
    uint64 endEpoch; // first epoch after the term
    uint128 egressPrice;
    uint8 payMode; // 0 cheque, 1 escrow
    uint64 nonce;
}

/// @title Digests and signatures that renters and hosts give off the chain
/// @notice The agreement's EIP-712 digest, which is its name everywhere; the host's receipt and the
/// renter's release, which are hashed as docs/formats/wire.md says (SHA-256 over "holdfast", type,
/// version, network and body). Nothing here keeps state.
library Agreements {
    bytes32 internal constant TYPEHASH = keccak256(
        "Agreement(bytes32 network_id,bytes32 agreement_id,address renter,address host,"
        "address payout,bytes32 shard_id,uint64 shard_len,uint8 codec,uint128 price,"
        "uint64 start_epoch,uint64 end_epoch,uint128 egress_price,uint8 pay_mode,uint64 nonce)"
    );
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId)");
    bytes32 private constant NAME_HASH = keccak256("Holdfast");
    bytes32 private constant VERSION_HASH = keccak256("1");

    /// @notice The domain separator on this chain.
    function separator() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid));
    }

    /// @notice The digest both sides sign.
    function digest(Agreement memory terms) internal view returns (bytes32) {
        // A struct of value types encodes as its words in order.
        return digestOf(abi.encode(terms));
    }

    /// @notice The digest of terms already laid out as their 14 words.
    function digestOf(bytes memory words) internal view returns (bytes32) {
        bytes32 body = keccak256(bytes.concat(TYPEHASH, words));
        return keccak256(abi.encodePacked(hex"1901", separator(), body));
    }

    /// @notice Whether the renter (an account or a contract wallet) signed `digest_`.
    function signedByRenter(address renter, bytes32 digest_, bytes memory signature)
        internal
        view
        returns (bool)
    {
        return SignatureChecker.isValidSignatureNow(renter, digest_, signature);
    }

    /// @notice Whether the account `signer` signed `digest_`; malformed signatures are a no.
    function signedBy(address signer, bytes32 digest_, bytes memory signature)
        internal
        pure
        returns (bool)
    {
        (address found, ECDSA.RecoverError fault,) = ECDSA.tryRecover(digest_, signature);
        return fault == ECDSA.RecoverError.NoError && found == signer;
    }

    /// @notice What a host signs on a receipt: the CBOR array of agreement, shard, len, end_epoch.
    function receiptDigest(
        bytes32 networkId,
        bytes32 agreement,
        bytes32 shard,
        uint64 len,
        uint64 endEpoch
    ) internal pure returns (bytes32) {
        bytes memory body =
            abi.encodePacked(hex"845820", agreement, hex"5820", shard, _cbor(len), _cbor(endEpoch));
        return sha256(abi.encodePacked("holdfast", uint8(7), "receipt", uint8(1), networkId, body));
    }

    /// @notice What a renter signs to give an agreement up before its end.
    function releaseDigest(bytes32 networkId, bytes32 agreement) internal pure returns (bytes32) {
        return sha256(
            abi.encodePacked("holdfast", uint8(6), "delete", uint8(1), networkId, agreement)
        );
    }

    /// @notice Whether the renter of these terms (14 words), whose digest this is, gave them up.
    function isReleased(
        bytes32 networkId,
        bytes32 digest_,
        bytes memory words,
        bytes memory signature
    ) internal view returns (bool) {
        bytes32 network;
        address renter;
        assembly ("memory-safe") {
            network := mload(add(words, 32))
            renter := mload(add(words, 96))
        }
        return words.length == 448 && digestOf(words) == digest_ && network == networkId
            && signedByRenter(renter, releaseDigest(networkId, digest_), signature);
    }

    /// The one deterministic CBOR form of an unsigned integer.
    function _cbor(uint64 value) private pure returns (bytes memory) {
        if (value < 24) return abi.encodePacked(uint8(value));
        if (value <= type(uint8).max) return abi.encodePacked(uint8(0x18), uint8(value));
        if (value <= type(uint16).max) return abi.encodePacked(uint8(0x19), uint16(value));
        if (value <= type(uint32).max) return abi.encodePacked(uint8(0x1a), uint32(value));
        return abi.encodePacked(uint8(0x1b), value);
    }
}
