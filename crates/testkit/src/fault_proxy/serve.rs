//! The proxy's connections: one thread each, one call after another.

use std::{
    io::{self, BufReader, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Call, Fault, Shared};
use crate::http::{self, Message};

/// What the node gets to answer. A test that wants a timeout sets a fault.
const UPSTREAM_WITHIN: Duration = Duration::from_secs(60);

/// The node behind the proxy: its host and port, and its path.
type Target = (String, String);

/// What becomes of a call.
enum Outcome {
    Answer(Value),
    /// The whole answer over HTTP, not only that of one call.
    Raw(u16, Vec<u8>),
    /// No answer: the connection is closed.
    Cut,
}

/// Takes connections until the proxy is dropped.
pub(super) fn accept(listener: &TcpListener, shared: &Arc<Shared>, target: &Target) {
    for stream in listener.incoming() {
        let mut state = shared.lock();
        if state.stopped {
            return;
        }
        // A connection that failed before it began concerns nobody.
        let Ok(stream) = stream else { continue };
        if state.dark {
            drop(stream);
            continue;
        }
        let Ok(handle) = stream.try_clone() else { continue };
        state.connected += 1;
        let id = state.connected;
        state.connections.insert(id, handle);
        drop(state);
        let (shared, target) = (Arc::clone(shared), target.clone());
        thread::spawn(move || {
            // An error here is a client that went away, or the connection being cut: both end it.
            let _ = converse(&stream, &shared, &target);
            let _ = stream.shutdown(Shutdown::Both);
            shared.lock().connections.remove(&id);
        });
    }
}

fn converse(mut stream: &TcpStream, shared: &Shared, target: &Target) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = Message::read(&mut reader)? {
        let (status, body) = match answer(&request, shared, target) {
            Outcome::Answer(value) => (200, value.to_string().into_bytes()),
            Outcome::Raw(status, body) => (status, body),
            Outcome::Cut => return Ok(()),
        };
        let head =
            format!("HTTP/1.1 {status} \r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.into_bytes(), body].concat())?;
        if request.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            break;
        }
    }
    Ok(())
}

fn answer(request: &Message, shared: &Shared, target: &Target) -> Outcome {
    match serde_json::from_slice::<Value>(&request.body) {
        Ok(Value::Array(calls)) => {
            let mut answers = Vec::with_capacity(calls.len());
            for call in &calls {
                match one(call, shared, target) {
                    Outcome::Answer(value) => answers.push(value),
                    other => return other,
                }
            }
            Outcome::Answer(Value::Array(answers))
        }
        Ok(call) => one(&call, shared, target),
        // Not ours to understand: the node says what it thinks of it.
        Err(_) => match http::post(&target.0, request.path(), &request.body, UPSTREAM_WITHIN) {
            Ok(answer) => Outcome::Raw(answer.status(), answer.body),
            Err(_) => Outcome::Cut,
        },
    }
}

fn one(call: &Call, shared: &Shared, target: &Target) -> Outcome {
    let fault = shared.lock().next_fault(call);
    match fault {
        None => forward(call, target),
        Some(Fault::DelayCall(time)) => {
            if stay(shared, Some(time)) {
                forward(call, target)
            } else {
                Outcome::Cut
            }
        }
        Some(Fault::DelayAnswer(time)) => {
            let answer = forward(call, target);
            if stay(shared, Some(time)) { answer } else { Outcome::Cut }
        }
        Some(Fault::Hang) => {
            stay(shared, None);
            Outcome::Cut
        }
        Some(Fault::DropCall) => Outcome::Cut,
        Some(Fault::DropAnswer) => {
            forward(call, target);
            Outcome::Cut
        }
        Some(Fault::AskTwice) => {
            let first = forward(call, target);
            forward(call, target);
            first
        }
        Some(Fault::Error { code, message }) => {
            Outcome::Answer(json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": code, "message": message}}))
        }
        Some(Fault::Status(status)) => Outcome::Raw(status, Vec::new()),
        Some(Fault::Garbage(bytes)) => {
            forward(call, target);
            Outcome::Raw(200, bytes)
        }
        Some(Fault::Ask(rewrite)) => {
            let mut other = call.clone();
            rewrite(&mut other);
            forward(&other, target)
        }
        Some(Fault::Answer(rewrite)) => match forward(call, target) {
            Outcome::Answer(honest) => Outcome::Answer(rewrite(call, honest)),
            other => other,
        },
        Some(Fault::Instead(invent)) => {
            Outcome::Answer(json!({"jsonrpc": "2.0", "id": call["id"], "result": invent(call)}))
        }
    }
}

fn forward(call: &Call, target: &Target) -> Outcome {
    let Ok(answer) = http::post(&target.0, &target.1, call.to_string().as_bytes(), UPSTREAM_WITHIN) else {
        return Outcome::Cut;
    };
    match serde_json::from_slice(&answer.body) {
        Ok(value) => Outcome::Answer(value),
        Err(_) => Outcome::Raw(answer.status(), answer.body),
    }
}

/// Waits so long, or without end. `false` means that the call is given up: dark, stopped, or a hang that was healed.
fn stay(shared: &Shared, time: Option<Duration>) -> bool {
    let started = Instant::now();
    let mut state = shared.lock();
    let heals = state.heals;
    loop {
        if state.stopped || state.dark {
            return false;
        }
        let left = time.map(|time| time.saturating_sub(started.elapsed()));
        // A delay that was healed ends early and well; what hangs is given up.
        if state.heals != heals {
            return time.is_some();
        }
        if left.is_some_and(|left| left.is_zero()) {
            return true;
        }
        let unlocked = shared.changed.wait_timeout(state, left.unwrap_or(Duration::from_secs(1)));
        state = unlocked.unwrap_or_else(std::sync::PoisonError::into_inner).0;
    }
}
