// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.28;

/// @title Wrapped native token for local networks
/// @notice What enters: native coins by `deposit` or by a plain transfer. What leaves: the same
/// coins by `withdraw`. One unit of this token is always backed by one unit held here.
/// Deliberately absent: owner, minting, fees, permit. A real network brings its own token.
contract Token {
    string public constant name = "Wrapped BTT";
    string public constant symbol = "WBTT";
    uint8 public constant decimals = 18;

    event Approval(address indexed src, address indexed guy, uint256 wad);
    event Transfer(address indexed src, address indexed dst, uint256 wad);
    event Deposit(address indexed dst, uint256 wad);
    event Withdrawal(address indexed src, uint256 wad);

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    receive() external payable {
        deposit();
    }

    /// @notice Wraps the native coins sent along.
    function deposit() public payable {
        balanceOf[msg.sender] += msg.value;
        emit Deposit(msg.sender, msg.value);
    }

    /// @notice Unwraps `wad` and sends it to the caller.
    function withdraw(uint256 wad) external {
        require(balanceOf[msg.sender] >= wad, "Token: balance too low");
        balanceOf[msg.sender] -= wad;
        emit Withdrawal(msg.sender, wad);
        // Balance is written first, so a receiver that calls back finds nothing more to take.
        (bool sent,) = msg.sender.call{value: wad}("");
        require(sent, "Token: receiver refused");
    }

    /// @notice Everything wrapped. Coins forced in by other means count too and belong to nobody.
    function totalSupply() external view returns (uint256) {
        return address(this).balance;
    }

    /// @notice Lets `guy` move up to `wad`; the largest number means without bound.
    function approve(address guy, uint256 wad) external returns (bool) {
        allowance[msg.sender][guy] = wad;
        emit Approval(msg.sender, guy, wad);
        return true;
    }

    /// @notice Moves `wad` from the caller to `dst`.
    function transfer(address dst, uint256 wad) external returns (bool) {
        return _move(msg.sender, dst, wad);
    }

    /// @notice Moves `wad` from `src` to `dst` within the caller's allowance.
    function transferFrom(address src, address dst, uint256 wad) external returns (bool) {
        if (src != msg.sender && allowance[src][msg.sender] != type(uint256).max) {
            require(allowance[src][msg.sender] >= wad, "Token: allowance too low");
            allowance[src][msg.sender] -= wad;
        }
        return _move(src, dst, wad);
    }

    function _move(address src, address dst, uint256 wad) private returns (bool) {
        uint256 have = balanceOf[src];
        require(have >= wad, "Token: balance too low");
        // Neither can wrap: all balances add up to coins held here.
        unchecked {
            balanceOf[src] = have - wad;
            balanceOf[dst] += wad;
        }
        emit Transfer(src, dst, wad);
        return true;
    }
}
