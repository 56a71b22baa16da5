// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

/// Claims to be any token it likes, and writes whatever log it is told to: nothing ever moves.
contract FakeToken {
    string public name;
    string public symbol;
    uint8 public decimals;

    event Transfer(address indexed from, address indexed to, uint256 value);

    constructor(string memory name_, string memory symbol_, uint8 decimals_) {
        name = name_;
        symbol = symbol_;
        decimals = decimals_;
    }

    function forge(address from, address to, uint256 amount) external {
        emit Transfer(from, to, amount);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        emit Transfer(msg.sender, to, amount);
        return true;
    }

    function balanceOf(address) external pure returns (uint256) {
        return type(uint256).max;
    }
}
