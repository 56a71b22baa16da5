//! What is fuzzed.

mod api;
mod journal;
mod keys;
mod rpc;
mod state;
mod text;

use crate::Target;

/// Some start an engine or a server, which only those need that are run.
pub type Make = fn() -> Box<dyn Target>;

/// A target's name, and how it is made.
pub const ALL: &[(&str, Make)] = &[
    ("caip", || Box::new(text::Caip)),
    ("words", || Box::new(text::Words)),
    ("event", || Box::new(state::Events)),
    ("snapshot", || Box::new(state::Snapshot)),
    ("journal", || Box::new(journal::Segment::new())),
    ("keystore", || Box::new(keys::Keystores)),
    ("signature", || Box::new(keys::Signatures)),
    ("transaction", || Box::new(keys::Transactions)),
    ("rpc", || Box::new(rpc::Answers::start())),
    ("http", || Box::new(api::Doors::open())),
];

/// The kind of an answer, without what it quotes: the first words of a text, digits left out.
fn kind(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).take(60).collect()
}
