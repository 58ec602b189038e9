// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title From a libp2p peer id to the account of its key
/// @notice A secp256k1 peer id is the base58 text of 39 bytes: 00 25 08 02 12 21 and the 33 bytes
/// of the compressed public key. The text therefore holds the whole key, and this library answers
/// with the account (the last 20 bytes of keccak256 of the uncompressed point) behind it.
/// One key has exactly one accepted text: any other length, alphabet, prefix, or a point that is
/// not on the curve is refused, so two texts can never stand for one identity.
/// Deliberately absent: other key types (ed25519, RSA); their ids are refused.
library PeerId {
    /// Text of 39 bytes with one leading zero byte: "1" and 52 digits.
    uint256 internal constant TEXT_LEN = 53;
    /// The bytes after the leading zero and before the key.
    uint256 private constant PREFIX = 0x2508021221;
    /// Order of the coordinate field, 2^256 - 2^32 - 977.
    uint256 private constant P = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F;
    /// 58^26, the weight of the upper half of the text.
    uint256 private constant HALF_WEIGHT = 58 ** 26;
    /// Digit of each character from "1" (0x31) to "z" (0x7a); 0xff marks characters outside the
    /// alphabet (0, I, O, l and punctuation).
    bytes private constant DIGITS = hex"000102030405060708ffffffffffffff"
        hex"090a0b0c0d0e0f10ff1112131415ff161718191a1b1c1d1e1f20ffffffffffff"
        hex"2122232425262728292a2bff2c2d2e2f30313233343536373839";

    /// @notice The account of the key inside `id`. Reverts when `id` is not a secp256k1 peer id.
    function account(string memory id) internal view returns (address) {
        (uint256 high, uint256 low) = _decode(bytes(id));
        // 304 bits: 40 of prefix, 8 of parity byte, 256 of x.
        require(high >> 8 == PREFIX, "PeerId: not a secp256k1 peer id");
        return fromCompressed(uint8(high), low);
    }

    /// @notice The account of the compressed point (`parity` 2 or 3, `x`).
    function fromCompressed(uint8 parity, uint256 x) internal view returns (address) {
        require((parity == 2 || parity == 3) && x < P, "PeerId: key is malformed");
        uint256 square = addmod(mulmod(mulmod(x, x, P), x, P), 7, P);
        uint256 y = _power(square, (P + 1) / 4);
        require(mulmod(y, y, P) == square, "PeerId: key is not on the curve");
        // The order of the curve's group is odd, so y is never zero and P - y has other parity.
        if (y & 1 != parity & 1) y = P - y;
        return address(uint160(uint256(keccak256(abi.encodePacked(x, y)))));
    }

    /// The number that the 52 digits after the leading "1" stand for, as high * 2^256 + low.
    function _decode(bytes memory text) private pure returns (uint256 high, uint256 low) {
        require(text.length == TEXT_LEN && text[0] == "1", "PeerId: wrong length or first digit");
        uint256 upper = _digits(text, 1);
        uint256 lower = _digits(text, 27);
        // 58^52 < 2^305: the product needs two words. Knuth's trick: the product modulo 2^256 - 1
        // and modulo 2^256 together give the upper word.
        uint256 wrapped = mulmod(upper, HALF_WEIGHT, type(uint256).max);
        unchecked {
            low = upper * HALF_WEIGHT;
            high = wrapped - low;
            if (wrapped < low) high -= 1;
            uint256 sum = low + lower;
            if (sum < low) high += 1;
            low = sum;
        }
    }

    /// 26 base58 digits from `from`; below 2^153, so nothing overflows.
    function _digits(bytes memory text, uint256 from) private pure returns (uint256 value) {
        bytes memory table = DIGITS;
        unchecked {
            for (uint256 i = from; i < from + 26; ++i) {
                uint256 place = uint256(uint8(text[i])) - 0x31;
                // A character below "1" wraps to a huge place and is refused here as well.
                require(place < table.length, "PeerId: not base58");
                uint256 digit = uint8(table[place]);
                require(digit < 58, "PeerId: not base58");
                value = value * 58 + digit;
            }
        }
    }

    /// base^exponent modulo P through the precompile of EIP-198.
    function _power(uint256 base, uint256 exponent) private view returns (uint256) {
        (bool done, bytes memory result) = address(5)
            .staticcall(abi.encode(uint256(32), uint256(32), uint256(32), base, exponent, P));
        require(done && result.length == 32, "PeerId: modexp is missing");
        return abi.decode(result, (uint256));
    }
}
