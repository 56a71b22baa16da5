// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.26;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";

/// A collectible: its `Transfer` has the same first topic as a token's, but the number is a fourth topic, not an amount.
contract TestNft is ERC721 {
    constructor() ERC721("Test collectible", "NFT") {}

    function mint(address to, uint256 id) external {
        _mint(to, id);
    }
}
