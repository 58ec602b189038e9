// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Agreement, Agreements} from "../src/Agreements.sol";
import {Escrow} from "../src/Escrow.sol";
import {Token} from "../src/Token.sol";
import {Fixture} from "./Fixture.sol";
import {ProofsDouble} from "./ProofsDouble.sol";

/// Beside a vault: an escrow, a judge of proofs that does as it is told, and signed agreements.
abstract contract AgreementFixture is Fixture {
    bytes32 internal constant NETWORK = bytes32("test network");
    address internal constant COLD = address(0xC01D);
    uint64 internal constant CLAIM_EPOCHS = 7;

    ProofsDouble internal proofs;
    Escrow internal escrow;

    function setUp() public virtual override {
        super.setUp();
        proofs = new ProofsDouble();
        escrow =
            new Escrow(address(token), address(proofs), address(factory), NETWORK, CLAIM_EPOCHS);
        fundRenter(1_000 ether);
    }

    /// Gives the renter `amount` more and lets the escrow take anything.
    function fundRenter(uint256 amount) internal {
        vm.deal(renter, amount);
        vm.startPrank(renter);
        token.deposit{value: amount}();
        token.approve(address(escrow), type(uint256).max);
        vm.stopPrank();
    }

    /// Terms of pay mode 1 that start in the next epoch: 1 MiB at a price that does not divide.
    function terms(uint64 number, uint64 epochs) internal view returns (Agreement memory a) {
        uint64 start = proofs.currentPeriod() + 1;
        a.networkId = NETWORK;
        a.agreementId = bytes32(uint256(number));
        (a.renter, a.host, a.payout) = (renter, host, COLD);
        a.shardId = keccak256(abi.encode("shard", number));
        (a.shardLen, a.price) = (1 << 20, 1_000_000_007);
        (a.startEpoch, a.endEpoch) = (start, start + epochs);
        a.payMode = 1;
    }

    function digestOf(Agreement memory a) internal view returns (bytes32) {
        return Agreements.digest(a);
    }

    function open(Agreement memory a) internal {
        bytes32 digest = digestOf(a);
        vm.prank(renter);
        escrow.open(a, signed(RENTER_KEY, digest), signed(HOST_KEY, digest), type(uint256).max);
    }

    function refuse(Agreement memory a, bytes memory reason) internal {
        bytes32 digest = digestOf(a);
        bytes memory renterSig = signed(RENTER_KEY, digest);
        bytes memory hostSig = signed(HOST_KEY, digest);
        vm.prank(renter);
        vm.expectRevert(reason);
        escrow.open(a, renterSig, hostSig, type(uint256).max);
    }

    /// The host proves `epoch` with the agreement in its dataset.
    function prove(Agreement memory a, uint64 epoch) internal {
        proofs.hold(a.host, digestOf(a), true);
        proofs.prove(a.host, epoch, a.shardLen);
    }

    function toEpoch(uint64 epoch) internal {
        vm.roll(uint256(epoch) * proofs.PERIOD_BLOCKS());
    }

    function list(uint64 epoch) internal pure returns (uint64[] memory epochs) {
        epochs = new uint64[](1);
        epochs[0] = epoch;
    }
}
