//! What a node of a network answers, and what a remote signer answers: over HTTP, from a server that says what the input says.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokengine_chain::evm::tx::{Draft, Payload, Signature};
use tokengine_chain::evm::{EvmConfig, EvmNode};
use tokengine_chain::fees::{DataFee, Fees};
use tokengine_chain::{Accounts as _, Asset, At, BlockId, Call, Node as _, Receivers};
use tokengine_core::{Address, Amount, BlockHash, BlockRef, TxId};
use tokengine_keys::{EvmAddress, RemoteSigner, SignRequest, Signer as _};
use tokio::runtime::Runtime;

use crate::{Shape, Target};

/// The answers of anvil 1.7.1 about a block with a native payment and a token's.
const ANVIL: &str = include_str!("anvil.json");
const RECEIVER: &str = "0x00000000219ab540356cBB839Cbe05303d7705Fa";

/// The server is in this process: only a machine that stands still answers later.
const PATIENCE: Duration = Duration::from_secs(20);

/// An input is a JSON object with the result of each method (or `{"$error": ..}`), or else the bytes of every answer.
pub(super) struct Answers {
    said: Arc<Mutex<Vec<u8>>>,
    node: EvmNode,
    signer: RemoteSigner,
    rt: Runtime,
}

impl Answers {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let said = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&said);
        // Ends with the process: there is one for a target, and a target lives as long.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let said = Arc::clone(&shared);
                std::thread::spawn(move || {
                    // A client that hangs up is no fault of the server's.
                    let _ = serve(stream, &said);
                });
            }
        });
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut config = EvmConfig::new("node", &url);
        config.timeout = PATIENCE;
        config.max_response_bytes = 1 << 20;
        let node = EvmNode::new(&config).expect("a good address");
        let signer =
            RemoteSigner::new(&url, super::keys::signer().evm_address(), None, PATIENCE).expect("a good address");
        Self { said, node, signer, rt }
    }
}

fn serve(stream: TcpStream, said: &Mutex<Vec<u8>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut incoming = BufReader::new(stream);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while incoming.read_line(&mut line)? > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        incoming.read_exact(&mut body)?;
        let answer = said.lock().map(|said| answer(&said, &body)).unwrap_or_default();
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        out.write_all(&[head.into_bytes(), answer].concat())?;
    }
}

fn answer(said: &[u8], asked: &[u8]) -> Vec<u8> {
    let (Ok(Value::Object(said)), Ok(asked)) = (serde_json::from_slice(said), serde_json::from_slice::<Value>(asked))
    else {
        return said.to_vec();
    };
    let one = |call: &Value| {
        let result = said.get(call["method"].as_str().unwrap_or_default()).cloned().unwrap_or_default();
        match result.get("$error") {
            Some(error) => json!({"jsonrpc": "2.0", "id": call["id"], "error": error}),
            None => json!({"jsonrpc": "2.0", "id": call["id"], "result": result}),
        }
    };
    let answer = match &asked {
        Value::Array(calls) => calls.iter().map(one).collect(),
        call => one(call),
    };
    answer.to_string().into_bytes()
}

fn address(text: &str) -> Address {
    Address::new(text).expect("short")
}

impl Answers {
    /// Asks everything once; the answers may be anything but a panic.
    async fn ask(&self, probe: bool) -> String {
        let (node, signer) = (&self.node, &self.signer);
        let block = field(ANVIL, "/eth_getBlockByHash/hash").parse::<BlockHash>().expect("a hash");
        let parent = field(ANVIL, "/eth_getBlockByHash/parentHash").parse::<BlockHash>().expect("a hash");
        let tx = field(ANVIL, "/eth_getTransactionReceipt/transactionHash").parse::<TxId>().expect("a hash");
        let contract: EvmAddress = field(ANVIL, "/eth_getTransactionReceipt/to").parse().expect("an address");
        let (receiver, contract) = (address(RECEIVER), address(&contract.to_string()));
        let to = Receivers::few([receiver.clone()], [contract.clone()]);
        let head = BlockRef { height: 2, hash: block, parent };
        let call = Call { from: receiver.clone(), to: contract.clone(), value: Amount::new(1), input: vec![1, 2, 3] };
        let mut told = String::new();
        macro_rules! ask {
            ($($question:expr),* $(,)?) => {$(
                match $question.await {
                    Ok(_) => told.push('+'),
                    Err(error) => {
                        // What a person reads must not be as long as what a liar sends.
                        assert!(error.to_string().len() < 2_000, "a long error: {error}");
                        told += &super::kind(error.code());
                    }
                }
            )*};
        }
        ask!(
            node.identity(),
            node.heads(),
            node.block(BlockId::Height(2)),
            node.block(BlockId::Hash(block)),
            node.blocks(2, 3),
            node.payments(block, &to),
            node.payments_of(tx, &to),
            node.status(tx),
            node.send(&[1, 2, 3]),
            node.balance(&receiver, &Asset::Native, At::Latest),
            node.balance(&receiver, &Asset::Contract(contract.clone()), At::Height(2)),
            node.nonce_at(&receiver, At::Latest),
            node.who_used_nonce(&receiver, 0, 0, &head),
            node.code(&contract, At::Latest),
            node.pinned_code(&contract, At::Latest),
            node.estimate(&call),
            node.suggestion(),
            node.data_fee(DataFee::OpStack, &[1, 2, 3]),
            node.valid_signature(&contract, [7; 32], &[1; 65], At::Latest),
            signer.sign(&SignRequest::of(draft().preimage().expect("an EIP-1559 transaction"))),
        );
        // Half of all the questions, so it is asked less often.
        if probe {
            ask!(node.probe(&contract, std::slice::from_ref(&receiver), block));
        }
        told
    }
}

/// A transaction for the remote signer.
fn draft() -> Draft {
    let fees = Fees::Dynamic { max_fee: 20_000_000_000, priority: 1_000_000_000 };
    Payload::native(&address(RECEIVER), Amount::new(1)).draft(31_337, 7, 21_000, fees)
}

fn field(json: &str, pointer: &str) -> String {
    let document: Value = serde_json::from_str(json).expect("the file is JSON");
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no {pointer}")).to_owned()
}

impl Target for Answers {
    fn name(&self) -> &'static str {
        "rpc"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        let signature = super::keys::signer().sign_now(&draft().signing_hash().expect("a hash"));
        let signature = Signature { r: signature.r(), s: signature.s(), y_parity: signature.y_parity() };
        let signed = draft().signed(&signature, &address(&super::keys::signer().evm_address().to_string()));
        let mut good: Value = serde_json::from_str(ANVIL).expect("the file is JSON");
        let raw = super::keys::hex(&signed.expect("signed").raw);
        good["eth_signTransaction"] = json!({"raw": raw, "tx": {}});
        let mut refused: Value = serde_json::from_str(ANVIL).expect("the file is JSON");
        for method in ["eth_call", "debug_traceBlockByHash", "eth_sendRawTransaction", "eth_feeHistory"] {
            refused[method] = json!({"$error": {"code": -32000, "message": "execution reverted", "data": "0x"}});
        }
        let bare = br#"{"jsonrpc":"2.0","id":0,"result":"0x1"}"#;
        vec![good.to_string().into_bytes(), refused.to_string().into_bytes(), bare.to_vec(), b"[]".to_vec()]
    }

    fn shape(&self) -> Shape {
        Shape::Json
    }

    fn words(&self) -> &'static [&'static str] {
        &["0x", "0x0", "latest", "$error", "0x1", "null", "-32000", "execution reverted", "nonce too low"]
    }

    fn memory(&self) -> usize {
        // Connections, buffers and the client of every node.
        32 << 20
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        *self.said.lock().expect("the server does not panic") = input.to_vec();
        self.rt.block_on(self.ask(input.len().is_multiple_of(4)))
    }
}
