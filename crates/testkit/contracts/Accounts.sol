// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// A wallet that is a contract: its signatures are those of its owner, who may change and take their word with them.
contract ContractWallet is IERC1271 {
    address public owner;
    bool public invalidating;

    constructor(address owner_) {
        owner = owner_;
    }

    receive() external payable {}

    function setOwner(address owner_) external {
        owner = owner_;
    }

    /// Makes every signature invalid at once, also those given before.
    function invalidate(bool yes) external {
        invalidating = yes;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer, ECDSA.RecoverError error,) = ECDSA.tryRecover(hash, signature);
        bool valid = !invalidating && error == ECDSA.RecoverError.NoError && signer == owner;
        return valid ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }

    /// Acts as the wallet: a transfer from here has the wallet as its sender.
    function execute(address to, uint256 value, bytes calldata data) external payable returns (bytes memory) {
        (bool done, bytes memory answer) = to.call{value: value}(data);
        require(done, "call failed");
        return answer;
    }
}
