// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Vault} from "../src/Vault.sol";

/// A contract wallet with one key behind it, which it can change.
contract Wallet is IERC1271 {
    address public signer;

    constructor(address signer_) {
        signer = signer_;
    }

    function setSigner(address signer_) external {
        signer = signer_;
    }

    function isValidSignature(bytes32 digest, bytes calldata sig) external view returns (bytes4) {
        (address who, ECDSA.RecoverError err,) = ECDSA.tryRecover(digest, sig);
        bool good = err == ECDSA.RecoverError.NoError && who == signer;
        return good ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    function run(address target, bytes calldata data) external returns (bytes memory) {
        (bool done, bytes memory result) = target.call(data);
        require(done, "Wallet: call failed");
        return result;
    }
}

/// A token that answers nothing, as some old ones do.
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }
}

/// A token that calls the vault again while it pays.
contract ReentrantToken {
    mapping(address => uint256) public balanceOf;
    bytes public second;
    bool public secondPaid;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function arm(bytes calldata call_) external {
        second = call_;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        if (second.length != 0) (secondPaid,) = msg.sender.call(second);
        return true;
    }

    /// Cashes as this contract, so that a call from inside `transfer` has the right caller.
    function cash(Vault vault, address recipient, uint256 cumulative, bytes calldata sig) external {
        vault.multiTokenCashChequeBeneficiary(address(this), recipient, cumulative, sig);
    }
}

/// A contract wallet that wants to hurt whoever asks it: burns all gas (0), answers with a great
/// many bytes (1) or reverts with them (2).
contract HostileWallet {
    uint256 private immutable MODE;

    constructor(uint256 mode) {
        MODE = mode;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 mode = MODE;
        assembly {
            if iszero(mode) { for {} 1 {} {} }
            if eq(mode, 1) { return(0, 200000) }
            revert(0, 200000)
        }
    }

    function run(address target, bytes calldata data) external returns (bytes memory) {
        (bool done, bytes memory result) = target.call(data);
        require(done, "HostileWallet: call failed");
        return result;
    }
}

/// A token whose transfers revert with a great many bytes.
contract LongWindedToken {
    function balanceOf(address) external pure returns (uint256) {
        return 100 ether;
    }

    function transfer(address, uint256) external pure returns (bool) {
        assembly {
            revert(0, 100000)
        }
    }
}
