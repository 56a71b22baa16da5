// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

/// Pays several receivers in one transaction, as exchanges and routers do.
contract Splitter {
    using SafeERC20 for IERC20;

    receive() external payable {}

    /// From the caller's allowance: one log for each receiver.
    function payTokens(IERC20 token, address[] calldata to, uint256[] calldata amounts) external {
        for (uint256 i = 0; i < to.length; i++) token.safeTransferFrom(msg.sender, to[i], amounts[i]);
    }

    /// From the value of the call: internal transfers, which no log shows.
    function payNative(address[] calldata to, uint256[] calldata amounts) external payable {
        for (uint256 i = 0; i < to.length; i++) {
            (bool paid,) = to[i].call{value: amounts[i]}("");
            require(paid, "not paid");
        }
    }
}

/// Gives its value to an address that cannot refuse it and is not called: no trace of a call, no log.
contract Forcer {
    constructor(address payable to) payable {
        selfdestruct(to);
    }
}

/// Succeeds although what it called did not: the transaction has status 1, and nothing was paid.
contract InnerRevert {
    event Tried(bool succeeded);

    /// Pays in an inner call that reverts after the payment, and keeps the value.
    function tryNative(address payable to) external payable {
        try this.payAndRevert{value: msg.value}(to) {
            emit Tried(true);
        } catch {
            emit Tried(false);
        }
    }

    /// Moves tokens in an inner call that reverts after the transfer, log and all.
    function tryTokens(IERC20 token, address to, uint256 amount) external {
        try this.moveAndRevert(token, msg.sender, to, amount) {
            emit Tried(true);
        } catch {
            emit Tried(false);
        }
    }

    function payAndRevert(address payable to) external payable {
        (bool paid,) = to.call{value: msg.value}("");
        require(paid, "not paid");
        revert("after the payment");
    }

    function moveAndRevert(IERC20 token, address from, address to, uint256 amount) external {
        token.transferFrom(from, to, amount);
        revert("after the transfer");
    }
}
