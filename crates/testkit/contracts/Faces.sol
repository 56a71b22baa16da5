// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

/// The network's own coin as an ERC-20, as some networks offer it. Only reading works: moving coin takes the network itself.
contract CoinFace {
    string public constant name = "Coin";
    string public constant symbol = "COIN";
    uint8 public constant decimals = 18;
    uint256 public constant totalSupply = 10 ** 27;

    function balanceOf(address owner) external view returns (uint256) {
        return owner.balance;
    }
}

/// A second address of a token: whatever it is asked, the first one answers.
contract SecondFace {
    address private immutable first;

    constructor(address first_) {
        first = first_;
    }

    fallback(bytes calldata question) external returns (bytes memory) {
        (bool done, bytes memory answer) = first.call(question);
        require(done, "refused");
        return answer;
    }
}
