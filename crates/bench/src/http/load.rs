//! Clients that cost little: keep-alive connections on one thread, requests made beforehand but for their keys.

use super::serve::Child;
use crate::world::Dice;
use std::error::Error;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokengine_engine::system_clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Accounts that move among each other.
pub(crate) const ACCOUNTS: u32 = 10_000;
/// Different bodies that a client sends in turn.
const BODIES: usize = 64;

pub(crate) struct Load<'a> {
    pub(crate) server: &'a Child,
    pub(crate) connections: usize,
    /// In one request; one goes to the plain route.
    pub(crate) moves: usize,
}

/// What a run came to.
pub(crate) struct Run {
    /// Nanoseconds of each request, sorted.
    times: Vec<u64>,
    took: Duration,
    /// Seconds that the clients and the server computed.
    computed: f64,
}

impl Run {
    pub(crate) fn a_second(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    /// Microseconds computed for a request, on both sides.
    pub(crate) fn computed_each(&self) -> f64 {
        self.computed * 1e6 / self.times.len() as f64
    }

    pub(crate) fn micros(&self, part: f64) -> f64 {
        let at = (self.times.len() as f64 * part) as usize;
        self.times.get(at.min(self.times.len().saturating_sub(1))).map_or(f64::NAN, |nanos| *nanos as f64 / 1e3)
    }
}

type Broken = Box<dyn Error + Send + Sync>;

impl Load<'_> {
    pub(crate) fn run(&self, time: Duration) -> Result<Run, Box<dyn Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let clients: Vec<Client> = (0..self.connections).map(|number| Client::new(self, number as u64)).collect();
        let computed = || crate::cpu::of_thread() + self.server.computed();
        let before = computed();
        let start = Instant::now();
        let until = start + time;
        let times = runtime.block_on(async {
            let tasks: Vec<_> =
                clients.into_iter().map(|client| runtime.spawn(client.run(self.server.address, until))).collect();
            let mut times = Vec::new();
            for task in tasks {
                times.append(&mut task.await??);
            }
            Ok::<_, Broken>(times)
        });
        let mut times = times.map_err(|broken| broken.to_string())?;
        let took = start.elapsed();
        times.sort_unstable();
        Ok(Run { times, took, computed: computed() - before })
    }
}

struct Client {
    /// Whole requests, and where the key stands in them.
    requests: Vec<Vec<u8>>,
    key_at: usize,
    dice: Dice,
}

impl Client {
    fn new(load: &Load, number: u64) -> Self {
        let mut dice = Dice::new(number << 32 ^ system_clock().0);
        let path = if load.moves == 1 { "/v1/moves" } else { "/v1/moves/batch" };
        let requests: Vec<Vec<u8>> = (0..if load.moves == 1 { BODIES } else { 4 })
            .map(|_| {
                let body = body(&mut dice, load.moves);
                format!(
                    "POST {path} HTTP/1.1\r\nhost: {}\r\nidempotency-key: 00000000-0000-7000-8000-000000000000\r\n\
                     authorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    load.server.address,
                    load.server.key,
                    body.len(),
                )
                .into_bytes()
            })
            .collect();
        let name = b"idempotency-key: ";
        let found = requests[0].windows(name.len()).position(|bytes| bytes == name).expect("it was just written");
        Self { requests, key_at: found + name.len(), dice }
    }

    async fn run(mut self, address: SocketAddr, until: Instant) -> Result<Vec<u64>, Broken> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (mut times, mut buffer, mut turn) = (Vec::with_capacity(1 << 16), vec![0; 256 << 10], 0);
        loop {
            let start = Instant::now();
            if start >= until {
                return Ok(times);
            }
            let random = u128::from(self.dice.next()) << 64 | u128::from(self.dice.next());
            let request = &mut self.requests[turn];
            write_key(&mut request[self.key_at..self.key_at + 36], system_clock().0, random);
            turn = (turn + 1) % self.requests.len();
            let request = &self.requests[turn.checked_sub(1).unwrap_or(self.requests.len() - 1)];
            stream.write_all(request).await?;
            let mut filled = 0;
            while !is_whole(&buffer[..filled])? {
                if filled == buffer.len() {
                    buffer.resize(buffer.len() * 2, 0);
                }
                match stream.read(&mut buffer[filled..]).await? {
                    0 => return Err("the server hung up".into()),
                    some => filled += some,
                }
            }
            times.push(u64::try_from(start.elapsed().as_nanos())?);
        }
    }
}

/// Whether a whole answer is there; one that refuses ends the run.
fn is_whole(answer: &[u8]) -> Result<bool, Broken> {
    let Some(head) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { return Ok(false) };
    if !answer.starts_with(b"HTTP/1.1 20") {
        return Err(String::from_utf8_lossy(answer).into());
    }
    let name = b"content-length: ";
    let at = answer[..head].windows(name.len()).position(|bytes| bytes.eq_ignore_ascii_case(name));
    let digits = &answer[at.ok_or("an answer without a length")? + name.len()..];
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).fold(0, |sum, b| sum * 10 + usize::from(b - b'0'));
    Ok(answer.len() >= head + 4 + length)
}

/// A UUIDv7 of now.
fn write_key(out: &mut [u8], now: u64, random: u128) {
    let key = u128::from(now) << 80 | 7 << 76 | (random & ((1 << 76) - 1)) & !(0b11 << 62) | 0b10 << 62;
    let (mut at, digits) = (0, b"0123456789abcdef");
    for nibble in (0..32).rev() {
        if matches!(at, 8 | 13 | 18 | 23) {
            at += 1;
        }
        out[at] = digits[(key >> (4 * nibble)) as usize & 0xf];
        at += 1;
    }
}

fn body(dice: &mut Dice, moves: usize) -> String {
    let mut one = || {
        let from = dice.next() % u64::from(ACCOUNTS);
        let to = (from + 1 + dice.next() % u64::from(ACCOUNTS - 1)) % u64::from(ACCOUNTS);
        let amount = 1 + dice.next() % 1000;
        format!(
            r#"{{"token":"coin","from":"customer-{}","to":"customer-{}","amount":{{"base_units":"{amount}"}}}}"#,
            from + 1,
            to + 1
        )
    };
    if moves == 1 {
        return one();
    }
    let mut text = String::from(r#"{"moves":["#);
    for number in 0..moves {
        let comma = if number == 0 { "" } else { "," };
        let _ = write!(text, "{comma}{}", one()); // a String takes everything
    }
    text + "]}"
}
