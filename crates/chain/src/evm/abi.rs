//! The few contract calls and the one event that we speak.

alloy::sol! {
    event Transfer(address indexed from, address indexed to, uint256 value);
    function transfer(address to, uint256 value) returns (bool);
    function balanceOf(address owner) returns (uint256);
    function decimals() returns (uint8);
    function symbol() returns (string);
    function totalSupply() returns (uint256);
    /// Of Multicall3.
    struct Call3 { address target; bool allowFailure; bytes callData; }
    struct Told { bool success; bytes returnData; }
    function aggregate3(Call3[] calls) returns (Told[] told);
    function getEthBalance(address owner) returns (uint256);
    /// EIP-1271.
    function isValidSignature(bytes32 digest, bytes signature) returns (bytes4);
    /// Of a beacon.
    function implementation() returns (address);
    /// Of the OP stack's gas price oracle.
    function getL1Fee(bytes unsigned) returns (uint256);
}
