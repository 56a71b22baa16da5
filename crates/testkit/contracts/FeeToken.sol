// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Takes a share of every transfer (in hundredths of a percent), so that less arrives than was sent.
contract FeeToken is ERC20 {
    uint256 public immutable feeBps;
    address public immutable collector;

    constructor(uint256 feeBps_, address collector_) ERC20("Fee on transfer", "FEE") {
        feeBps = feeBps_;
        collector = collector_;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) || to == address(0) ? 0 : amount * feeBps / 10_000;
        super._update(from, to, amount - fee);
        if (fee > 0) super._update(from, collector, fee);
    }
}
