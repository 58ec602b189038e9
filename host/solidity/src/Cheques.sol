// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title What a cheque is: the bytes an issuer signs, and whether it did
/// @notice Equal to BTFS's to the byte: domain ("Vault", "1.0", chain id) without a verifying
/// contract, a `Cheque` for the default token and a `MultiTokenCheque` for every other one, so one
/// claim never has two forms. Keeps no state and moves nothing; docs/formats/contracts.md has the
/// vectors.
abstract contract Cheques {
    bytes32 public constant EIP712DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId)");
    bytes32 public constant CHEQUE_TYPEHASH =
        keccak256("Cheque(address vault,address beneficiary,uint256 cumulativePayout)");
    bytes32 public constant MULTI_TOKEN_CHEQUE_TYPEHASH = keccak256(
        "MultiTokenCheque(address token,address vault,address beneficiary,uint256 cumulativePayout)"
    );
    bytes32 private constant NAME_HASH = keccak256("Vault");
    bytes32 private constant VERSION_HASH = keccak256("1.0");

    /// The chain of the deployment and its domain separator, which is used as long as that is the
    /// chain the code runs on.
    uint256 private immutable CHAIN;
    bytes32 private immutable SEPARATOR;
    /// The token of the single-token functions; the same for all vaults of a factory.
    address public immutable token;

    constructor(address token_) {
        token = token_;
        CHAIN = block.chainid;
        SEPARATOR = _separator();
    }

    /// @notice The digest an issuer signs for a cheque of `_token`.
    function chequeDigest(address _token, address beneficiary, uint256 cumulativePayout)
        public
        view
        returns (bytes32)
    {
        bytes32 claim = _token == token
            ? keccak256(abi.encode(CHEQUE_TYPEHASH, address(this), beneficiary, cumulativePayout))
            : keccak256(
                abi.encode(
                    MULTI_TOKEN_CHEQUE_TYPEHASH,
                    _token,
                    address(this),
                    beneficiary,
                    cumulativePayout
                )
            );
        return keccak256(abi.encodePacked(hex"1901", domainSeparator(), claim));
    }

    /// @notice Follows the chain id: after a fork old cheques hold on one side only.
    function domainSeparator() public view returns (bytes32) {
        return block.chainid == CHAIN ? SEPARATOR : _separator();
    }

    /// The issuer's key first: asking whether the issuer has code costs more than recovering the
    /// key. Only when that fails the issuer is asked as a contract wallet (ERC-1271).
    function _signed(address who, bytes32 digest, bytes calldata sig) internal view returns (bool) {
        if (sig.length == 65) {
            (address signer, ECDSA.RecoverError err,) =
                ECDSA.tryRecover(digest, uint8(sig[64]), bytes32(sig[0:32]), bytes32(sig[32:64]));
            if (err == ECDSA.RecoverError.NoError && signer == who) return true;
        }
        return SignatureChecker.isValidERC1271SignatureNow(who, digest, sig);
    }

    function _separator() private view returns (bytes32) {
        return keccak256(abi.encode(EIP712DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid));
    }
}
