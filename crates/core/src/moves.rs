//! The fast path: a plain move decided, encoded and taken in at once.
//!
//! **It has no rules of its own.** It calls the same rules as [`State::decide`], writes the same bytes as
//! [`crate::Record::encode`] and changes the same rows as [`State::evolve`]; it only looks each thing up once, and builds no
//! event on the way. Whatever is not a new, allowed move it leaves to them, and changes nothing.

use crate::command::Command;
use crate::event::{Event, Record, Subject};
use crate::exchange::requests::Answer;
use crate::ids::{AccountIx, Fingerprint, KeyIx, Time, TokenIx};
use crate::model::{Principal, Request};
use crate::wire::DecodeError;
use crate::{Amount, Rejection, State};

/// Commands that [`State::touch`] looks at together.
const AHEAD: usize = State::AHEAD;

impl State {
    /// So many commands at a time are worth a [`State::touch`]: what they need fits the cache.
    pub const AHEAD: usize = 64;

    /// If the command is a move that is neither refused nor asked for again: takes it in, appends its record to `out`, and
    /// gives the answer. Else nothing happens; [`State::decide`] then says what it comes to.
    #[inline]
    pub fn take_move(&mut self, command: &Command, now: Time, out: &mut Vec<u8>) -> Option<Answer> {
        let &Command::Move { ref request, token, from, to, amount, authority } = command else { return None };
        if self.ledger.is_guarded(token) {
            return None;
        }
        let now = now.max(self.at);
        // A request of an account may have been made by another that was joined to it since.
        if let Principal::Account(account) = request.principal
            && self.ledger.joined(account).next().is_some()
        {
            return None;
        }
        let place = self.requests.place_for(request, now)?;
        let (from, to) = self.check_move(token, (from, to), amount, authority).ok()?;
        encode(now, request, token, (from, to), amount, out);

        let answer = self.take_in(now, (from, to), token, amount);
        self.requests.remember_at(place, request, &answer);
        Some(answer)
    }

    #[inline]
    fn take_in(&mut self, at: Time, (from, to): (AccountIx, AccountIx), token: TokenIx, amount: Amount) -> Answer {
        self.position = self.position.next();
        self.at = self.at.max(at);
        self.requests.forget(self.at);
        self.ledger.transfer_plain(from, to, token, amount);
        Answer { position: self.position, subject: Subject::Event, refused: None::<Rejection> }
    }

    /// Takes in records as the journal has them, the next ones first looked at together.
    ///
    /// # Errors
    /// [`DecodeError`] of the record after [`State::position`]; all before it were taken in.
    pub fn replay<'a>(&mut self, mut records: impl Iterator<Item = &'a [u8]>) -> Result<(), DecodeError> {
        let mut window = [&[][..]; AHEAD];
        loop {
            let mut count = 0usize;
            for (slot, bytes) in window.iter_mut().zip(&mut records) {
                *slot = bytes;
                count = count.saturating_add(1);
            }
            let Some(some) = window.get(..count).filter(|some| !some.is_empty()) else { return Ok(()) };
            let moves = some.iter().filter_map(|bytes| Moved::decode(bytes));
            self.touch_all(moves.map(|moved| (moved.request, moved.from, moved.to)));
            for bytes in some {
                match Moved::decode(bytes) {
                    Some(moved) if !self.ledger.is_guarded(moved.token) => {
                        let parties = (moved.from, moved.to);
                        let answer = self.take_in(moved.at, parties, moved.token, moved.amount);
                        self.requests.remember(moved.request, answer);
                    }
                    _ => drop(self.evolve(&Record::decode(bytes)?)),
                }
            }
        }
    }

    /// Brings into the cache what deciding these commands will look at, so that their waits for memory overlap instead of
    /// following each other. It changes nothing, and takes no more than [`State::AHEAD`] of them.
    #[inline]
    pub fn touch<'a>(&self, commands: impl IntoIterator<Item = &'a Command>) {
        self.touch_all(commands.into_iter().filter_map(|command| match command {
            Command::Move { request, from, to, .. } => Some((*request, *from, *to)),
            _ => None,
        }));
    }

    #[inline]
    fn touch_all(&self, moves: impl Iterator<Item = (Request, AccountIx, AccountIx)>) {
        // Short loops: a processor looks ahead a few hundred instructions, so the fewer there are between two waits, the
        // more of them overlap.
        let (mut hashes, mut parties, mut count) = ([0; AHEAD], [[AccountIx(0); 2]; AHEAD], 0usize);
        for ((request, from, to), (hash, both)) in moves.zip(hashes.iter_mut().zip(&mut parties)) {
            *hash = self.requests.hash(&request);
            *both = [from, to];
            count = count.saturating_add(1);
        }
        let seen = self.requests.touch(&hashes[..count]) ^ self.ledger.touch(parties[..count].as_flattened());
        std::hint::black_box(seen);
    }
}

/// A move as the journal has it, if a key or an account asked for it: the one form that is read without a detour.
struct Moved {
    at: Time,
    request: Request,
    token: TokenIx,
    from: AccountIx,
    to: AccountIx,
    amount: Amount,
}

impl Moved {
    #[inline]
    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; BYTES] = bytes.try_into().ok()?;
        let u32_at = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let u128_at = |at: usize| Some(u128::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let principal = match bytes[8..12] {
            [23, 0, 1, 0] => Principal::Key(KeyIx(u32_at(12)?)),
            [23, 0, 1, 1] => Principal::Account(AccountIx(u32_at(12)?)),
            _ => return None,
        };
        Some(Self {
            at: Time(u64::from_le_bytes(*bytes.first_chunk()?)),
            request: Request { principal, key: u128_at(16)?, content: Fingerprint(u128_at(32)?) },
            token: TokenIx(u32_at(48)?),
            from: AccountIx(u32_at(52)?),
            to: AccountIx(u32_at(56)?),
            amount: Amount::new(u128_at(60)?),
        })
    }
}

/// Bytes of the record of a move that a key or an account asked for.
const BYTES: usize = 76;

/// The same bytes as [`Record::encode`] of [`Event::Moved`], put together before they are appended.
#[inline]
fn encode(
    at: Time,
    request: &Request,
    token: TokenIx,
    (from, to): (AccountIx, AccountIx),
    amount: Amount,
    out: &mut Vec<u8>,
) {
    let (kind, principal) = match request.principal {
        Principal::Key(key) => (0, key.0),
        Principal::Account(account) => (1, account.0),
        Principal::Operator => {
            let event = Event::Moved { request: *request, token, from, to, amount };
            return Record { at, event }.encode(out);
        }
    };
    let mut bytes = [0; BYTES];
    bytes[0..8].copy_from_slice(&at.0.to_le_bytes());
    bytes[8..11].copy_from_slice(&[23, 0, 1]); // the event's tag and version
    bytes[11] = kind;
    bytes[12..16].copy_from_slice(&principal.to_le_bytes());
    bytes[16..32].copy_from_slice(&request.key.to_le_bytes());
    bytes[32..48].copy_from_slice(&request.content.0.to_le_bytes());
    bytes[48..52].copy_from_slice(&token.0.to_le_bytes());
    bytes[52..56].copy_from_slice(&from.0.to_le_bytes());
    bytes[56..60].copy_from_slice(&to.0.to_le_bytes());
    bytes[60..76].copy_from_slice(&amount.base_units().to_le_bytes());
    out.extend_from_slice(&bytes);
}
