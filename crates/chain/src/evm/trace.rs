//! Native transfers from inside contracts, out of the node's call traces.
//!
//! Only geth's `callTracer` is used: the Parity style counts the calls of a transaction otherwise, and the path of a call
//! names a deposit for ever, on whatever node it is seen.

use alloy::primitives::{Address, B256, U256};
use serde::Deserialize;

/// One value transfer inside a transaction that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) path: Box<[u32]>,
    pub(super) from: Address,
    pub(super) to: Address,
    pub(super) value: U256,
}

/// The transfers inside one transaction; `None` when the node gave up on tracing it.
pub(super) type Moves = (Option<B256>, Option<Vec<Moved>>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Traced {
    tx_hash: Option<B256>,
    result: Option<Frame>,
}

#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    from: Address,
    to: Option<Address>,
    value: Option<U256>,
    error: Option<String>,
    #[serde(default)]
    calls: Vec<Frame>,
}

/// Calls nest up to 1,024 deep, two levels of JSON each; anything deeper is not a trace.
const MAX_NESTING: usize = 2 * 1_024 + 16;
/// Enough for that nesting in a debug build.
const STACK_BYTES: usize = 64 << 20;

/// Reads the traces of a block.
pub(super) async fn read_block(json: String) -> Result<Vec<Moves>, String> {
    on_a_deep_stack(json, |json| {
        let traced: Vec<Traced> = parse(json)?;
        Ok(traced.iter().map(|traced| (traced.tx_hash, traced.result.as_ref().map(moves))).collect())
    })
    .await
}

/// Reads the trace of one transaction.
pub(super) async fn read_tx(json: String) -> Result<Vec<Moved>, String> {
    on_a_deep_stack(json, |json| Ok(moves(&parse::<Frame>(json)?))).await
}

/// Anyone can make a transaction whose calls nest as deep as the network allows, so reading it must neither fail nor
/// overflow the stack of a worker.
async fn on_a_deep_stack<T: Send + 'static>(
    json: String,
    read: impl FnOnce(&str) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    if nesting(&json) > MAX_NESTING {
        return Err("a trace nested deeper than calls can be".to_owned());
    }
    let reading = tokio::task::spawn_blocking(move || {
        let thread = std::thread::Builder::new().name("trace".to_owned()).stack_size(STACK_BYTES);
        let reader = thread.spawn(move || read(&json)).map_err(|error| error.to_string())?;
        reader.join().unwrap_or_else(|_| Err("the trace reader panicked".to_owned()))
    });
    reading.await.unwrap_or_else(|_| Err("the trace reader was stopped".to_owned()))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.disable_recursion_limit(); // bounded by MAX_NESTING
    T::deserialize(&mut reader).map_err(|error| format!("a trace we cannot read, in line {}", error.line()))
}

/// How deep arrays and objects nest.
fn nesting(json: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut escaped) = (0usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'{' | b'[' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The transfers of a trace below its outermost call, whose value is the transaction's own.
fn moves(root: &Frame) -> Vec<Moved> {
    let mut found = Vec::new();
    if root.error.is_none() {
        children(root, &mut Vec::new(), &mut found);
    }
    found
}

fn children(frame: &Frame, path: &mut Vec<u32>, found: &mut Vec<Moved>) {
    for (ix, call) in (0u32..).zip(&frame.calls) {
        // What failed took everything inside it back.
        if call.error.is_some() {
            continue;
        }
        path.push(ix);
        // DELEGATECALL shows its caller's value and CALLCODE pays itself. Value forced on us by SELFDESTRUCT has no
        // sender who could be credited: the reconciler finds it.
        let pays = matches!(call.kind.as_str(), "CALL" | "CREATE" | "CREATE2");
        if let (true, Some(to), Some(value)) = (pays, call.to, call.value)
            && !value.is_zero()
        {
            found.push(Moved { path: path.as_slice().into(), from: call.from, to, value });
        }
        children(call, path, found);
        path.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Address {
        Address::with_last_byte(last)
    }

    fn frame(kind: &str, to: u8, value: u64, error: &str, calls: &str) -> String {
        let error = if error.is_empty() { String::new() } else { format!(r#""error":"{error}","#) };
        format!(
            r#"{{"type":"{kind}","from":"{}","to":"{}","value":"0x{value:x}",{error}"input":"0x7b5b7b","calls":[{calls}]}}"#,
            address(1),
            address(to)
        )
    }

    #[tokio::test]
    async fn only_value_that_really_moved_is_found() {
        let calls = [
            frame("CALL", 2, 5, "", ""),                                             // [0]
            frame("CALL", 2, 6, "execution reverted", &frame("CALL", 3, 7, "", "")), // [1] and all inside: undone
            frame("DELEGATECALL", 2, 8, "", &frame("CALL", 3, 9, "", "")),           // [2] no, [2, 0] yes
            frame("STATICCALL", 2, 0, "", ""),                                       // [3]
            frame("SELFDESTRUCT", 2, 10, "", ""),                                    // [4] forced
            frame("CREATE2", 4, 11, "", &frame("CALL", 3, 0, "", "")),               // [5]; [5, 0] moves nothing
        ];
        let json = frame("CALL", 9, 100, "", &calls.join(","));
        let moved = |path: &[u32], to: u8, value: u64| Moved {
            path: path.into(),
            from: address(1),
            to: address(to),
            value: U256::from(value),
        };
        let expected = vec![moved(&[0], 2, 5), moved(&[2, 0], 3, 9), moved(&[5], 4, 11)];
        assert_eq!(read_tx(json.clone()).await, Ok(expected.clone()));

        let block = format!(r#"[{{"txHash":"{}","result":{json}}},{{"error":"execution timeout"}}]"#, B256::ZERO);
        assert_eq!(read_block(block).await, Ok(vec![(Some(B256::ZERO), Some(expected)), (None, None)]));

        let reverted = frame("CALL", 9, 100, "execution reverted", &calls.join(","));
        assert_eq!(read_tx(reverted).await, Ok(vec![]));
    }

    #[tokio::test]
    async fn calls_may_nest_as_deep_as_the_network_allows_and_no_deeper() {
        let nested = |depth: usize| (0..depth).fold(String::new(), |inner, _| frame("CALL", 2, 1, "", &inner));
        let moved = read_tx(nested(1_024)).await.expect("a trace");
        assert_eq!(moved.last().map(|moved| moved.path.len()), Some(1_023));
        assert!(read_tx(nested(1_100)).await.is_err());
        assert!(read_tx("[".repeat(1_000_000)).await.is_err());
        assert!(read_tx(r#"{"type":"CALL"}"#.to_owned()).await.is_err());
    }
}
