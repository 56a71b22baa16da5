// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

/// Refuses the native coin, until it is told otherwise.
contract RefusingPayee {
    bool public refusing = true;

    function refuse(bool yes) external {
        refusing = yes;
    }

    receive() external payable {
        require(!refusing, "refused");
    }
}

/// Takes the native coin only with more gas than a plain transfer has, as smart wallets do: it writes to storage.
contract HungryPayee {
    uint256 public received;
    uint256 public payments;

    receive() external payable {
        received += msg.value;
        payments++;
    }
}
