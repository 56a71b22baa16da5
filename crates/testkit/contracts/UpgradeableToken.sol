// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ERC1967Utils} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Utils.sol";

/// The first implementation behind a [TokenProxy]: an ordinary token with 6 decimals. Anyone may mint and upgrade.
contract TokenV1 {
    // The storage of both versions, in this order.
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    function name() external pure returns (string memory) {
        return "Upgradeable";
    }

    function symbol() external pure returns (string memory) {
        return "UPG";
    }

    function decimals() external pure virtual returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        totalSupply += amount;
        balanceOf[to] += amount;
        emit Transfer(address(0), to, amount);
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        _move(msg.sender, to, amount);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        allowance[from][msg.sender] -= amount;
        _move(from, to, amount);
        return true;
    }

    function approve(address spender, uint256 amount) external returns (bool) {
        allowance[msg.sender][spender] = amount;
        emit Approval(msg.sender, spender, amount);
        return true;
    }

    function upgradeTo(address implementation) external {
        ERC1967Utils.upgradeToAndCall(implementation, "");
    }

    function _move(address from, address to, uint256 amount) internal virtual {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        emit Transfer(from, to, amount);
    }
}

/// The second implementation: other decimals, and a tenth of every transfer vanishes.
contract TokenV2 is TokenV1 {
    function decimals() external pure override returns (uint8) {
        return 18;
    }

    function _move(address from, address to, uint256 amount) internal override {
        uint256 burnt = amount / 10;
        totalSupply -= burnt;
        balanceOf[from] -= burnt;
        emit Transfer(from, address(0), burnt);
        super._move(from, to, amount - burnt);
    }
}

/// The address that stays the same while what is behind it changes.
contract TokenProxy is ERC1967Proxy {
    constructor(address implementation) ERC1967Proxy(implementation, "") {}

    /// An implementation without an initializer is fine here: nothing can be taken over in a test.
    function _unsafeAllowUninitialized() internal pure override returns (bool) {
        return true;
    }
}
