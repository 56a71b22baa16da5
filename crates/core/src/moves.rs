//! The fast path: a plain move decided, encoded and taken in at once.
//!
//! **It has no rules of its own.** It calls the same rules as [`State::decide`], writes the same bytes as
//! [`crate::Record::encode`] and changes the same rows as [`State::evolve`]; it only looks each thing up once, and builds no
//! event on the way. Whatever is not a new, allowed move it leaves to them, and changes nothing.

use crate::command::Command;
use crate::event::{Event, Record, Subject};
use crate::exchange::requests::Answer;
use crate::ids::{AccountIx, Time, TokenIx};
use crate::model::{Principal, Request};
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

        self.position = self.position.next();
        self.at = now;
        self.requests.forget(now);
        self.ledger.transfer(from, to, token, amount);
        let answer = Answer { position: self.position, subject: Subject::Event, refused: None::<Rejection> };
        self.requests.remember_at(place, request, &answer);
        Some(answer)
    }

    /// Brings into the cache what deciding these commands will look at, so that their waits for memory overlap instead of
    /// following each other. It changes nothing, and takes no more than [`State::AHEAD`] of them.
    #[inline]
    pub fn touch<'a>(&self, commands: impl IntoIterator<Item = &'a Command>) {
        // Three short loops: a processor looks ahead a few hundred instructions, so the fewer there are between two
        // waits, the more of them overlap.
        let (mut hashes, mut accounts, mut count) = ([0; AHEAD], [AccountIx(0); 2 * AHEAD], 0usize);
        for command in commands.into_iter().take(AHEAD) {
            if let Command::Move { request, from, to, .. } = command {
                hashes[count] = self.requests.hash(request);
                accounts[count.saturating_mul(2)] = *from;
                accounts[count.saturating_mul(2).saturating_add(1)] = *to;
                count = count.saturating_add(1);
            }
        }
        let seen = self.requests.touch(&hashes[..count]) ^ self.ledger.touch(&accounts[..count.saturating_mul(2)]);
        std::hint::black_box(seen);
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
