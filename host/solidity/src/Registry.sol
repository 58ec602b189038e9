// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

import {DelayedOwner} from "./DelayedOwner.sol";

/// @title Where the network's contracts are, and which code they had when they were entered
/// @notice One lookup for clients and for the chain guard: name to address, version and code hash.
/// What enters: the owner's entries. A new name counts at once (nobody relied on it before); a
/// changed one after `ownerDelay` blocks of notice, and only if the code is still the proposed one.
/// Versions of a name start at 1 and rise by one.
/// Deliberately absent: removal; calls through the registry.
contract Registry is DelayedOwner {
    /// What is known under one name.
    struct Entry {
        address addr;
        uint64 version;
        bytes32 codehash;
    }

    /// One line of the whole list.
    struct Row {
        string name;
        address addr;
        uint64 version;
        bytes32 codehash; // as entered
        bytes32 present; // as it is now; another value means the code changed under the entry
        uint64 changeAt; // block from which a proposed change may be accepted; 0 when there is none
    }

    /// Most names, so that reading all of them stays possible.
    uint256 public constant NAMES_MAX = 64;
    /// Longest name in bytes.
    uint256 public constant NAME_LEN_MAX = 32;

    event Registered(string name, address indexed addr, uint64 version, bytes32 codehash);
    event UpdateProposed(string name, address indexed addr, bytes32 codehash, uint64 readyAt);
    event UpdateCancelled(string name);

    string[] private names;
    mapping(string name => Entry) private entries;
    mapping(string name => Entry) private proposals;
    /// Block from which the proposal for a name may be applied; zero when there is none.
    mapping(string name => uint64) public readyAt;

    constructor(address owner_, uint64 delay) DelayedOwner(owner_, delay) {}

    // ---- reading ----------------------------------------------------------------------------

    /// @notice The entry of `name`; reverts for an unknown one.
    function get(string calldata name)
        external
        view
        returns (address addr, uint64 version, bytes32 codehash)
    {
        Entry memory entry = entries[name];
        require(entry.version != 0, "Registry: unknown name");
        return (entry.addr, entry.version, entry.codehash);
    }

    /// @notice The proposal for `name`; all zero when there is none.
    function proposed(string calldata name)
        external
        view
        returns (address addr, uint64 version, bytes32 codehash)
    {
        Entry memory entry = proposals[name];
        return (entry.addr, entry.version, entry.codehash);
    }

    /// @notice Whether the code at the entry's address still has the recorded hash.
    function verify(string calldata name) external view returns (bool) {
        Entry memory entry = entries[name];
        return entry.version != 0 && entry.addr.codehash == entry.codehash;
    }

    /// @notice Everything in one call, in order of entry: what an endpoint guard compares before it
    /// trusts an endpoint, and what it watches for announced changes. At most NAMES_MAX rows.
    function all() external view returns (Row[] memory rows) {
        rows = new Row[](names.length);
        for (uint256 i = 0; i < rows.length; ++i) {
            string memory name = names[i];
            Entry memory entry = entries[name];
            rows[i] = Row(
                name, entry.addr, entry.version, entry.codehash, entry.addr.codehash, readyAt[name]
            );
        }
    }

    function count() external view returns (uint256) {
        return names.length;
    }

    function nameAt(uint256 index) external view returns (string memory) {
        return names[index];
    }

    // ---- writing ----------------------------------------------------------------------------

    /// @notice Enters a new name.
    function register(string calldata name, address addr) external onlyOwner {
        require(bytes(name).length > 0 && bytes(name).length <= NAME_LEN_MAX, "Registry: bad name");
        require(entries[name].version == 0, "Registry: name is taken");
        require(names.length < NAMES_MAX, "Registry: full");
        names.push(name);
        _enter(name, Entry(addr, 1, _codehash(addr)));
    }

    /// @notice Announces another address for a known name; replaces an earlier proposal.
    function propose(string calldata name, address addr) external onlyOwner {
        uint64 version = entries[name].version;
        require(version != 0, "Registry: unknown name");
        bytes32 codehash = _codehash(addr);
        proposals[name] = Entry(addr, version + 1, codehash);
        readyAt[name] = _readyAt();
        emit UpdateProposed(name, addr, codehash, readyAt[name]);
    }

    /// @notice Takes a proposal back.
    function cancel(string calldata name) external onlyOwner {
        require(readyAt[name] != 0, "Registry: nothing proposed");
        _forget(name);
        emit UpdateCancelled(name);
    }

    /// @notice Puts a proposal in force once its notice is over.
    function accept(string calldata name) external onlyOwner {
        uint64 ready = readyAt[name];
        require(ready != 0, "Registry: nothing proposed");
        require(block.number >= ready, "Registry: too early");
        Entry memory entry = proposals[name];
        require(entry.addr.codehash == entry.codehash, "Registry: code changed");
        _forget(name);
        _enter(name, entry);
    }

    // ---- inside -----------------------------------------------------------------------------

    function _enter(string calldata name, Entry memory entry) private {
        entries[name] = entry;
        emit Registered(name, entry.addr, entry.version, entry.codehash);
    }

    function _forget(string calldata name) private {
        delete proposals[name];
        delete readyAt[name];
    }

    function _codehash(address addr) private view returns (bytes32) {
        require(addr.code.length > 0, "Registry: address has no code");
        return addr.codehash;
    }
}
