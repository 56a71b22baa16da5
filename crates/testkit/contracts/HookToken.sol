// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// What a receiver that is a contract is told before the balances change, as ERC-777 does.
interface ITokenReceiver {
    function tokensReceived(address from, uint256 amount) external;
}

/// A token that calls its receiver, which can call back while the transfer is under way.
contract HookToken is ERC20 {
    constructor() ERC20("Hook", "HOOK") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (from != address(0) && to.code.length > 0) {
            try ITokenReceiver(to).tokensReceived(from, amount) {} catch {}
        }
        super._update(from, to, amount);
    }
}

/// A receiver that uses the hook to make another call of its choice, once, from inside the transfer.
contract Reentrant is ITokenReceiver {
    address public target;
    bytes public data;
    uint256 public entered;
    bool public lastCallSucceeded;

    function arm(address target_, bytes calldata data_) external {
        target = target_;
        data = data_;
    }

    function tokensReceived(address, uint256) external {
        entered++;
        address armed = target;
        if (armed == address(0)) return;
        // Disarmed first: the call would otherwise enter here without end.
        target = address(0);
        (lastCallSucceeded,) = armed.call(data);
    }
}
