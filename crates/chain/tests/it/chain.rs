//! What the other modules share: a real network, our view of it, and a key of ours.

use std::future::Future;
use std::time::Duration;

use tokengine_chain::evm::tx::{Draft, Payload, Signature, Signed};
use tokengine_chain::evm::{EvmConfig, EvmNode};
use tokengine_chain::fees::Fees;
use tokengine_chain::{BlockId, Network, Node, Rules};
use tokengine_core::{Address, BlockHash, BlockRef, TxId};
use tokengine_keys::{LocalSigner, Secret};
use tokengine_testkit::{Anvil, AnvilOptions, Arg, Artifact, artifact};

pub(crate) const CHAIN_ID: u64 = 31337;
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn anvil() -> Anvil {
    Anvil::start(AnvilOptions::default()).expect("anvil starts")
}

/// With a block for each transaction, and then only when told.
pub(crate) fn by_hand(anvil: &Anvil) {
    anvil.set_automine(false).expect("is set");
}

pub(crate) fn config(url: &str) -> EvmConfig {
    EvmConfig::new("node", url)
}

/// A node that has said who it is, and so what it offers.
pub(crate) async fn node(url: &str) -> EvmNode {
    let node = EvmNode::new(&config(url)).expect("a good address");
    node.identity().await.expect("it answers");
    node
}

pub(crate) fn network(urls: &[&str], quorum: u8) -> Network<EvmNode> {
    let nodes = urls.iter().map(|url| EvmNode::new(&config(url)).expect("a good address")).collect();
    let rules =
        Rules { quorum, rest: Duration::from_millis(20), longest_rest: Duration::from_millis(100), ..Rules::default() };
    Network::new(&format!("eip155:{CHAIN_ID}"), nodes, rules).expect("good rules")
}

/// An address of anvil's, with its checksum.
pub(crate) fn address(text: &str) -> Address {
    let bytes: tokengine_keys::EvmAddress = text.parse().expect("an address");
    Address::new(&bytes.to_checksum(None)).expect("short")
}

pub(crate) fn tx(hash: &str) -> TxId {
    hash.parse().expect("a hash")
}

pub(crate) fn deploy(anvil: &Anvil, name: &str, args: &[Arg]) -> (String, Artifact) {
    let artifact = artifact(name).expect("it compiles");
    (anvil.deploy(&artifact, args).expect("it deploys"), artifact)
}

/// Calls a contract and waits until that is in a block.
pub(crate) fn invoke(anvil: &Anvil, from: &str, on: &(String, Artifact), function: &str, args: &[Arg]) -> String {
    let hash = anvil.invoke(from, &on.0, &on.1, function, args).expect("is sent");
    anvil.wait_success(&hash).expect("succeeds");
    hash
}

/// The block a transaction is in.
pub(crate) fn block_of(anvil: &Anvil, hash: &str) -> BlockHash {
    anvil.wait_receipt(hash).expect("is mined")["blockHash"].as_str().expect("a hash").parse().expect("a hash")
}

pub(crate) async fn block_at(node: &EvmNode, height: u64) -> BlockRef {
    node.block(BlockId::Height(height)).await.expect("answers").expect("is there").at
}

/// Tries again until it works or the time is over.
pub(crate) async fn eventually<T, Fut: Future<Output = Option<T>>>(what: &str, attempt: impl Fn() -> Fut) -> T {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        if let Some(found) = attempt().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "never came: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A funded account whose key we have.
pub(crate) struct Wallet {
    signer: LocalSigner,
}

impl Wallet {
    pub(crate) fn of(anvil: &Anvil, account: usize) -> Self {
        let key = Secret::new(anvil.private_keys()[account].clone());
        Self { signer: LocalSigner::from_hex(&key).expect("a key") }
    }

    pub(crate) fn address(&self) -> Address {
        Address::new(&self.signer.evm_address().to_checksum(None)).expect("short")
    }

    pub(crate) fn sign_hash(&self, hash: &[u8; 32]) -> tokengine_keys::RecoverableSignature {
        self.signer.sign_now(hash)
    }

    pub(crate) fn sign(&self, draft: &Draft) -> Signed {
        let signature = self.signer.sign_now(&draft.signing_hash().expect("a good draft"));
        let (r, s, y_parity) = (signature.r(), signature.s(), signature.y_parity());
        draft.signed(&Signature { r, s, y_parity }, &self.address()).expect("it is what was signed")
    }

    pub(crate) fn pay(&self, payload: Payload, nonce: u64, fees: Fees) -> Signed {
        self.sign(&payload.draft(CHAIN_ID, nonce, 100_000, fees))
    }
}

pub(crate) fn dynamic(max_gwei: u128, priority_gwei: u128) -> Fees {
    Fees::Dynamic { max_fee: max_gwei * GWEI, priority: priority_gwei * GWEI }
}
