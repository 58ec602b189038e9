// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Vm} from "./Vm.sol";
import {Fixture} from "./Fixture.sol";

/// The text of a peer id against the account of its key; encoded here by plain long division.
contract PeerIdTest is Fixture {
    bytes internal constant ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    uint256 internal constant ORDER =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function base58(bytes memory raw) internal pure returns (string memory) {
        uint256 zeros;
        while (zeros < raw.length && raw[zeros] == 0) ++zeros;
        bytes memory reversed;
        bool rest = true;
        while (rest) {
            uint256 carry;
            rest = false;
            for (uint256 i = 0; i < raw.length; ++i) {
                carry = carry * 256 + uint8(raw[i]);
                raw[i] = bytes1(uint8(carry / 58));
                if (carry >= 58) rest = true;
                carry %= 58;
            }
            reversed = abi.encodePacked(ALPHABET[carry], reversed);
        }
        for (; zeros > 0; --zeros) {
            reversed = abi.encodePacked("1", reversed);
        }
        return string(reversed);
    }

    function idOf(uint8 parity, uint256 x) internal pure returns (string memory) {
        return base58(abi.encodePacked(hex"002508021221", parity, x));
    }

    function test_published_ids_have_their_accounts() public view {
        same(factory.accountOf(RENTER_ID), renter);
        same(factory.accountOf(HOST_ID), host);
    }

    function testFuzz_any_key_is_found_in_its_id(uint256 key) public {
        Vm.Wallet memory wallet = vm.createWallet(key % (ORDER - 1) + 1);
        string memory id = idOf(uint8(2 + (wallet.publicKeyY & 1)), wallet.publicKeyX);
        same(factory.accountOf(id), wallet.addr);
    }

    function testFuzz_other_parity_is_another_account(uint256 key) public {
        Vm.Wallet memory wallet = vm.createWallet(key % (ORDER - 1) + 1);
        string memory id = idOf(uint8(3 - (wallet.publicKeyY & 1)), wallet.publicKeyX);
        require(factory.accountOf(id) != wallet.addr, "parity must count");
    }

    function testFuzz_a_changed_character_never_names_the_same_account(uint256 where, bytes1 with)
        public
        view
    {
        bytes memory id = bytes(RENTER_ID);
        where %= id.length;
        vm.assume(id[where] != with);
        id[where] = with;
        try factory.accountOf(string(id)) returns (address found) {
            require(found != renter, "two texts for one key");
        } catch {}
    }

    function refused(string memory id, bytes memory reason) internal {
        vm.expectRevert(reason);
        factory.accountOf(id);
    }

    function test_texts_that_are_no_secp256k1_ids_are_refused() public {
        refused("", "PeerId: wrong length or first digit");
        refused(string.concat(RENTER_ID, "1"), "PeerId: wrong length or first digit");
        refused(string.concat("1", RENTER_ID), "PeerId: wrong length or first digit");
        refused(
            "12D3KooWGzxzKZYveHXtpG6AsrUJBcWxHBFS2HsEoGTxrMLvKXtf",
            "PeerId: wrong length or first digit"
        );
        refused(
            "26Uiu2HAmEWQnHq2jLKJypwVnVoQeFCULuyop6atvq2eWjYSUjzNi",
            "PeerId: wrong length or first digit"
        );
        refused("16Uiu2HAmEWQnHq2jLKJypwVnVoQeFCULuyop6atvq2eWjYSUjzN0", "PeerId: not base58");
        refused("16Uiu2HAmEWQnHq2jLKJypwVnVoQeFCULuyop6atvq2eWjYSUjzNO", "PeerId: not base58");
        refused("16Uiu2HAmEWQnHq2jLKJypwVnVoQeFCULuyop6atvq2eWjYSUjzN ", "PeerId: not base58");
        refused(
            "1zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
            "PeerId: not a secp256k1 peer id"
        );
        refused(
            "11111111111111111111111111111111111111111111111111111",
            "PeerId: not a secp256k1 peer id"
        );
    }

    function test_malformed_keys_are_refused() public {
        refused(idOf(4, 1), "PeerId: key is malformed");
        refused(idOf(2, type(uint256).max), "PeerId: key is malformed");
        // x = 5 has no point on the curve.
        refused(idOf(2, 5), "PeerId: key is not on the curve");
    }
}
