// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Token} from "../src/Token.sol";
import {Vault} from "../src/Vault.sol";
import {Fixture} from "./Fixture.sol";

/// Cheques made elsewhere: digests and signatures computed with ethers 6 for renter key 32 x 0x01,
/// host key 32 x 0x02, vault 20 x 0x33, cumulative 1331381000000000000. The vault under test is
/// put at that address, so each vector is hashed, checked and paid by the contract itself.
contract VectorsTest is Fixture {
    address internal constant AT = address(0x3333333333333333333333333333333333333333);
    address internal constant OTHER = 0x7b906030735435422675E0679bC02DAE7dFC71DA;
    uint256 internal constant AMOUNT = 1331381000000000000;

    Vault internal placed;

    function setUp() public override {
        super.setUp();
        vm.etch(AT, address(vault).code);
        placed = Vault(AT);
        vm.prank(address(factory));
        placed.init(renter, address(token));
        vm.etch(OTHER, address(token).code);
        fund(address(token), AT, renter, 2 * AMOUNT);
        fund(OTHER, AT, renter, 2 * AMOUNT);
    }

    function test_keys_have_the_published_addresses() public view {
        same(renter, 0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1);
        same(host, 0x5050A4F4b3f9338C3472dcC01A87C76A144b3c9c);
    }

    function test_type_hashes_are_those_of_btfs() public view {
        same(
            vault.EIP712DOMAIN_TYPEHASH(),
            0xc2f8787176b8ac6bf7215b4adcc1e069bf4ab82d9ab1df05a57a91d425935b6e
        );
        same(
            vault.CHEQUE_TYPEHASH(),
            0x797885ce783397eac54dfce7eb7e575a99b61d93125111f5fcc84780c6bb18b9
        );
        same(
            vault.MULTI_TOKEN_CHEQUE_TYPEHASH(),
            0x8c842092946feae38811135d7ff31dbe46e5f73d737c2a68f78c927b9eb40b61
        );
    }

    function test_domain_separators_are_those_of_btfs() public {
        vm.chainId(199);
        same(
            placed.domainSeparator(),
            0x23a6d3b97556c2d2de8a23dcc7e8a1778519946dd1f4c6e3a8eae8fdc8497b41
        );
        vm.chainId(1029);
        same(
            placed.domainSeparator(),
            0xd611f1f54a918b666d2b588303a80e2c5ea3fe56dccfd97ab051f4a0a1defedd
        );
    }

    function test_cheque_of_chain_199_is_paid() public {
        vm.chainId(199);
        same(
            placed.chequeDigest(address(token), host, AMOUNT),
            0x2de40379c19a71eb940811a00801ae865a8cded97e9b59278281872ec1e1feab
        );
        vm.prank(host);
        placed.cashChequeBeneficiary(
            host,
            AMOUNT,
            hex"e6df93a89f6d26f03c4ee5dcdc8eee476a60acf3fed47dbaf773a2c2ec2f4b0e"
            hex"1e59b84bceeef5af42ef6b89bc084ac1486a3cf328c2a27fb86851683f0d51de1c"
        );
        same(token.balanceOf(host), AMOUNT);
    }

    function test_cheque_of_chain_1029_is_paid() public {
        same(
            placed.chequeDigest(address(token), host, AMOUNT),
            0x8d6903f975aa68db204348ca528fd59b8d6710aa02d7e49457ebe56f3d986ca6
        );
        vm.prank(host);
        placed.cashChequeBeneficiary(
            host,
            AMOUNT,
            hex"9319eabbc618ecf4c84ed79d341d2937d43c6a0906c8b93a189f45102f58b1d3"
            hex"6a2bf353290b7fffafc6507b5fc2653f345cf2aa9154fd7ff4b1c7b8810629be1b"
        );
        same(token.balanceOf(host), AMOUNT);
    }

    function test_multi_token_cheque_of_chain_1029_is_paid() public {
        same(
            placed.chequeDigest(OTHER, host, AMOUNT),
            0x27c4382d977504e69fc9816c9ab25a53ee554ce42881a0e21f2fa1f6f8b32a93
        );
        vm.prank(host);
        placed.multiTokenCashChequeBeneficiary(
            OTHER,
            host,
            AMOUNT,
            hex"b3fa05e868322813dbc85d2256a92e0c7a07ef96e8fde72bfe1130032dc8dfa7"
            hex"2deabf8a994b8f5cfe557d0aaab804c77383ffdd0f40169f871c0d5763c254a21c"
        );
        same(Token(payable(OTHER)).balanceOf(host), AMOUNT);
    }
}
