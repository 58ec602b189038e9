// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {Token} from "../src/Token.sol";
import {Vault} from "../src/Vault.sol";
import {VaultFactory} from "../src/VaultFactory.sol";
import {Vm} from "./Vm.sol";

/// A renter with two vaults and two tokens, and three hosts, doing anything in any order. Keeps
/// its own books of what went in and out, and notes at once when something impossible happened.
contract Crowd {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    uint256 private constant RENTER_KEY = 0x11;
    uint64 private constant DELAY = 20;

    Token[2] public tokens;
    Vault[2] public vaults;
    address[3] public hosts;
    address public renter;
    VaultFactory public factory;
    /// First thing that must not happen; empty while all is well.
    string public wrong;
    /// How often each kind of thing succeeded, so that an idle run is noticed.
    mapping(string => uint256) public done;

    // Books by vault and token; the last index is the host.
    mapping(address => mapping(address => uint256)) public fundsIn;
    mapping(address => mapping(address => uint256)) public withdrawn;
    mapping(address => mapping(address => mapping(address => uint256))) public received;
    mapping(address => mapping(address => mapping(address => uint256))) public signedUpTo;
    mapping(address => mapping(address => uint256)) public requestedAt;
    mapping(address => mapping(address => mapping(address => uint256))) public promisedUntil;
    mapping(address => mapping(address => mapping(address => uint256))) public unlockAskedAt;

    constructor() {
        renter = vm.addr(RENTER_KEY);
        tokens = [new Token(), new Token()];
        factory = new VaultFactory(address(tokens[0]), DELAY);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(renter);
            vaults[i] = Vault(factory.deployVault(renter, address(0), bytes32(i), "", ""));
        }
        hosts = [vm.addr(0x21), vm.addr(0x22), vm.addr(0x23)];
    }

    // ---- what the runner calls --------------------------------------------------------------

    function deposit(uint256 pick, uint96 amount) external {
        (Vault vault, Token token,) = _pick(pick);
        _mint(token, amount);
        vm.startPrank(renter);
        token.approve(address(vault), amount);
        vault.multiTokenDeposit(address(token), amount);
        vm.stopPrank();
        fundsIn[address(vault)][address(token)] += amount;
        ++done["deposit"];
    }

    function give(uint256 pick, uint96 amount) external {
        (Vault vault, Token token,) = _pick(pick);
        _mint(token, amount);
        vm.prank(renter);
        token.transfer(address(vault), amount);
        fundsIn[address(vault)][address(token)] += amount;
    }

    function cash(uint256 pick, uint96 more) external {
        (Vault vault, Token token, address host) = _pick(pick);
        uint256 signed = signedUpTo[address(vault)][address(token)][host] + more;
        signedUpTo[address(vault)][address(token)][host] = signed;
        _cash(vault, token, host, signed);
    }

    function cashAgain(uint256 pick, uint256 part) external {
        (Vault vault, Token token, address host) = _pick(pick);
        uint256 signed = signedUpTo[address(vault)][address(token)][host];
        _cash(vault, token, host, signed == 0 ? 0 : part % (signed + 1));
    }

    /// One host cashes at both vaults in one call, with a cheque between them that one of the
    /// vaults must refuse.
    function cashBoth(uint256 pick, uint96 more) external {
        (, Token token, address host) = _pick(pick);
        VaultFactory.CashOrder[] memory orders = new VaultFactory.CashOrder[](3);
        uint256[2] memory could;
        for (uint256 i = 0; i < 2; ++i) {
            Vault vault = vaults[i];
            uint256 signed = signedUpTo[address(vault)][address(token)][host] + more / (i + 1);
            signedUpTo[address(vault)][address(token)][host] = signed;
            bytes memory sig = _sign(vault, token, host, signed);
            (uint256 own,,) = vault.lockOf(address(token), host);
            could[i] = own + vault.freeBalanceOf(address(token));
            orders[2 * i] =
                VaultFactory.CashOrder(address(vault), address(token), host, signed, sig);
        }
        orders[1] = orders[0];
        orders[1].vault = address(vaults[1]);
        vm.prank(host);
        (uint256[] memory payouts, bool[] memory accepted) = factory.cashMany(orders);
        if (accepted[1]) wrong = "a batch took another vault's cheque";
        for (uint256 i = 0; i < 2; ++i) {
            uint256 got = payouts[2 * i];
            if (got > could[i]) wrong = "a batch paid more than was there";
            received[address(vaults[i])][address(token)][host] += got;
            if (accepted[2 * i]) ++done["batch"];
        }
    }

    function cashElsewhere(uint256 pick) external {
        (Vault vault, Token token, address host) = _pick(pick);
        Vault other = vault == vaults[0] ? vaults[1] : vaults[0];
        uint256 amount = signedUpTo[address(vault)][address(token)][host] + 1;
        bytes memory sig = _sign(vault, token, host, amount);
        vm.prank(host);
        try other.multiTokenCashChequeBeneficiary(address(token), host, amount, sig) {
            wrong = "a cheque was cashed at another vault";
        } catch {}
    }

    function lock(uint256 pick, uint96 amount, uint16 length) external {
        (Vault vault, Token token, address host) = _pick(pick);
        uint64 until = uint64(vm.getBlockNumber()) + length % 100;
        vm.prank(renter);
        try vault.multiTokenLockDeposit(address(token), host, amount, until) {
            uint256 old = promisedUntil[address(vault)][address(token)][host];
            if (until > old) promisedUntil[address(vault)][address(token)][host] = until;
            unlockAskedAt[address(vault)][address(token)][host] = 0;
            ++done["lock"];
        } catch {}
    }

    function lockShare(uint256 pick, uint256 share) external {
        (Vault vault, Token token, address host) = _pick(pick);
        uint256 free = vault.freeBalanceOf(address(token));
        if (free == 0) return;
        uint64 until = uint64(vm.getBlockNumber() + share % 50);
        vm.prank(renter);
        vault.multiTokenLockDeposit(address(token), host, share % free + 1, until);
        uint256 old = promisedUntil[address(vault)][address(token)][host];
        if (until > old) promisedUntil[address(vault)][address(token)][host] = until;
        unlockAskedAt[address(vault)][address(token)][host] = 0;
        ++done["lock"];
    }

    function requestUnlock(uint256 pick) external {
        (Vault vault, Token token, address host) = _pick(pick);
        vm.prank(renter);
        try vault.requestUnlock(address(token), host) {
            unlockAskedAt[address(vault)][address(token)][host] = vm.getBlockNumber();
        } catch {}
    }

    function unlock(uint256 pick) external {
        (Vault vault, Token token, address host) = _pick(pick);
        vm.prank(renter);
        try vault.unlockDeposit(address(token), host) {
            uint256 asked = unlockAskedAt[address(vault)][address(token)][host];
            uint256 until = promisedUntil[address(vault)][address(token)][host];
            if (asked == 0 || vm.getBlockNumber() < asked + DELAY) {
                wrong = "unlocked without notice";
            }
            if (vm.getBlockNumber() <= until) wrong = "unlocked before the promised end";
            promisedUntil[address(vault)][address(token)][host] = 0;
            unlockAskedAt[address(vault)][address(token)][host] = 0;
            ++done["unlock"];
        } catch {}
    }

    function requestWithdraw(uint256 pick, uint96 amount) external {
        (Vault vault, Token token,) = _pick(pick);
        vm.prank(renter);
        vault.multiTokenRequestWithdraw(address(token), amount);
        requestedAt[address(vault)][address(token)] = amount == 0 ? 0 : vm.getBlockNumber();
    }

    function withdraw(uint256 pick, uint96 share) external {
        (Vault vault, Token token,) = _pick(pick);
        (uint256 asked,,) = vault.withdrawRequestOf(address(token));
        uint256 free = vault.freeBalanceOf(address(token));
        // Mostly an amount that can go, sometimes one unit more than is free.
        uint256 most = asked < free ? asked : free;
        uint256 amount = share % 8 == 0 ? most + 1 : (most == 0 ? 0 : share % (most + 1));
        uint256 locked = vault.totalLockedOf(address(token));
        vm.prank(renter);
        try vault.multiTokenWithdraw(address(token), amount) {
            if (amount == 0) return;
            withdrawn[address(vault)][address(token)] += amount;
            uint256 at = requestedAt[address(vault)][address(token)];
            if (at == 0 || vm.getBlockNumber() < at + DELAY) wrong = "withdrawn without notice";
            if (vm.getBlockNumber() > at + 2 * DELAY) wrong = "withdrawn after the request lapsed";
            if (vault.totalLockedOf(address(token)) != locked) wrong = "a withdrawal moved a lock";
            if (vault.totalbalanceOf(address(token)) < locked) wrong = "a lock was withdrawn";
            ++done["withdraw"];
        } catch {}
    }

    function wait(uint8 blocks) external {
        vm.roll(vm.getBlockNumber() + blocks % 32);
    }

    // ---- inside -----------------------------------------------------------------------------

    function _cash(Vault vault, Token token, address host, uint256 amount) private {
        bytes memory sig = _sign(vault, token, host, amount);
        uint256 paid = vault.multiTokensPaidOut(address(token), host);
        uint256 before = token.balanceOf(host);
        (uint256 own,,) = vault.lockOf(address(token), host);
        uint256 could = own + vault.freeBalanceOf(address(token));
        vm.prank(host);
        try vault.multiTokenCashChequeBeneficiary(address(token), host, amount, sig) {
            uint256 got = token.balanceOf(host) - before;
            received[address(vault)][address(token)][host] += got;
            if (amount <= paid) wrong = "a cheque was paid twice";
            uint256 due = amount - paid;
            if (got != (due < could ? due : could)) {
                wrong = "paid other than what is due and there";
            }
            bool short = vault.multiTokensBounced(address(token));
            if (got < due && !short) wrong = "a short payment left no record";
            ++done[got < due ? "bounce" : "cash"];
        } catch {
            if (amount > paid) wrong = "a good cheque was refused";
        }
    }

    function _sign(Vault vault, Token token, address host, uint256 amount)
        private
        view
        returns (bytes memory)
    {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(RENTER_KEY, vault.chequeDigest(address(token), host, amount));
        return abi.encodePacked(r, s, v);
    }

    function _mint(Token token, uint256 amount) private {
        vm.deal(renter, amount);
        vm.prank(renter);
        token.deposit{value: amount}();
    }

    function _pick(uint256 pick) private view returns (Vault, Token, address) {
        return (vaults[pick % 2], tokens[(pick >> 8) % 2], hosts[(pick >> 16) % 3]);
    }
}
