//! Sending transactions from accounts that the node signs for, and using contracts.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Anvil, chain::hex};
use crate::{
    Error,
    abi::{self, Arg},
    contracts::Artifact,
    rpc::quantity,
    wait_for,
};

/// A block of the slowest network we start comes well within this.
const MINED_WITHIN: Duration = Duration::from_secs(30);

impl Anvil {
    /// Sends the native coin, in wei, and returns the hash at once.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`]; `from` must be one of its accounts or impersonated.
    pub fn send(&self, from: &str, to: &str, wei: u128) -> Result<String, Error> {
        self.send_transaction(json!({"from": from, "to": to, "value": hex(wei)}))
    }

    /// Sends a transaction given as `eth_sendTransaction` wants it, and returns the hash at once.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`].
    pub fn send_transaction(&self, transaction: Value) -> Result<String, Error> {
        let hash = self.rpc("eth_sendTransaction", json!([transaction]))?;
        hash.as_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::Unexpected { what: "the hash of a transaction".to_owned(), got: hash.to_string() })
    }

    /// Waits until a transaction is in a block and returns its receipt, whether it succeeded or not.
    ///
    /// # Errors
    /// [`Error::Timeout`] when no block has it within 30 s; a node that mines by hand must be told to first.
    pub fn wait_receipt(&self, hash: &str) -> Result<Value, Error> {
        // A receipt may be null for some milliseconds after its block is there.
        wait_for(&format!("the receipt of {hash}"), MINED_WITHIN, || self.receipt(hash).ok().flatten())
    }

    /// Waits like [`Anvil::wait_receipt`] and insists on success.
    ///
    /// # Errors
    /// Also [`Error::Unexpected`] with the receipt of a transaction that reverted.
    pub fn wait_success(&self, hash: &str) -> Result<Value, Error> {
        let receipt = self.wait_receipt(hash)?;
        if receipt["status"] == "0x1" {
            return Ok(receipt);
        }
        Err(Error::Unexpected { what: format!("success of {hash}"), got: receipt.to_string() })
    }

    /// Deploys a contract from its first account, waits for it, and returns its address.
    ///
    /// # Errors
    /// Those of [`Anvil::wait_success`] and of encoding the arguments.
    pub fn deploy(&self, artifact: &Artifact, args: &[Arg]) -> Result<String, Error> {
        self.deploy_with_value(artifact, args, 0)
    }

    /// Deploys a contract like [`Anvil::deploy`], giving its constructor so many wei.
    ///
    /// # Errors
    /// Those of [`Anvil::deploy`].
    pub fn deploy_with_value(&self, artifact: &Artifact, args: &[Arg], wei: u128) -> Result<String, Error> {
        let mut code = artifact.bytecode.clone();
        code.extend(abi::encode(args)?);
        let from = &self.accounts()[0];
        let hash = self.send_transaction(json!({"from": from, "data": abi::to_hex(&code), "value": hex(wei)}))?;
        let receipt = self.wait_success(&hash)?;
        receipt["contractAddress"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Error::Unexpected { what: "the address of a contract".to_owned(), got: receipt.to_string() })
    }

    /// Sends a call of a contract's function (`"mint(address,uint256)"`) and returns the hash at once.
    ///
    /// # Errors
    /// Those of [`Artifact::call`] and [`Anvil::rpc`]. A call that reverts is no error here: it gets into a block, and its receipt says so.
    pub fn invoke(
        &self,
        from: &str,
        contract: &str,
        artifact: &Artifact,
        function: &str,
        args: &[Arg],
    ) -> Result<String, Error> {
        self.send_transaction(json!({"from": from, "to": contract, "data": artifact.call(function, args)?}))
    }

    /// Sends a call like [`Anvil::invoke`] with so much gas and without an estimate.
    ///
    /// # Errors
    /// Those of [`Artifact::call`] and [`Anvil::rpc`].
    pub fn invoke_with_gas(
        &self,
        from: &str,
        contract: &str,
        artifact: &Artifact,
        function: &str,
        args: &[Arg],
        gas: u64,
    ) -> Result<String, Error> {
        let data = artifact.call(function, args)?;
        self.send_transaction(json!({"from": from, "to": contract, "data": data, "gas": hex(gas)}))
    }

    /// Asks a contract's function without a transaction and returns the bytes of its answer.
    ///
    /// # Errors
    /// Those of [`Artifact::call`] and [`Anvil::rpc`].
    pub fn ask(&self, contract: &str, artifact: &Artifact, function: &str, args: &[Arg]) -> Result<Vec<u8>, Error> {
        let data = artifact.call(function, args)?;
        let answer = self.rpc("eth_call", json!([{"to": contract, "data": data}, "latest"]))?;
        answer
            .as_str()
            .and_then(abi::from_hex)
            .ok_or_else(|| Error::Unexpected { what: format!("the answer of {function}"), got: answer.to_string() })
    }

    /// What an address has of an ERC-20 token, in base units.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`]; [`Error::Unexpected`] when the contract has no `balanceOf`.
    pub fn erc20_balance(&self, token: &str, owner: &str) -> Result<u128, Error> {
        let data = erc20_call("70a08231", &[Arg::from(owner)])?;
        let answer = self.rpc("eth_call", json!([{"to": token, "data": data}, "latest"]))?;
        // A word has 64 digits where a quantity has none in front; what is above 128 bits is refused.
        quantity(&json!(format!("0x{}", answer.as_str().unwrap_or_default().trim_start_matches("0x"))))
    }

    /// Sends an ERC-20 token, in base units, and returns the hash at once.
    ///
    /// # Errors
    /// Those of [`Anvil::rpc`]. A transfer that reverts is no error here: it gets into a block, and its receipt says so.
    pub fn erc20_transfer(&self, token: &str, from: &str, to: &str, amount: u128) -> Result<String, Error> {
        let data = erc20_call("a9059cbb", &[Arg::from(to), Arg::Uint(amount)])?;
        self.send_transaction(json!({"from": from, "to": token, "data": data}))
    }
}

/// A call by its four-byte selector: `balanceOf(address)` and `transfer(address,uint256)` are the same in every token,
/// also in one that we did not compile.
fn erc20_call(selector: &str, args: &[Arg]) -> Result<String, Error> {
    Ok(format!("0x{selector}{}", abi::to_hex(&abi::encode(args)?).trim_start_matches("0x")))
}
