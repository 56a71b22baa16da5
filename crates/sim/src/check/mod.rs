//! What has to hold after every event, checked against what the networks truly show and against books of its own.
//!
//! It follows the journal as any follower does: what is durable, in order. Nothing here asks a worker or a node.

mod end;
mod payouts;

use std::collections::BTreeMap;

use tokengine_core::*;
use tokengine_engine::Feed;

pub use self::end::Unsettled;
use self::payouts::Payouts;
use crate::counts::Tally;
use crate::net::World;
use crate::story::Story;

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule, as a stable word.
    pub rule: &'static str,
    /// What was seen.
    pub what: String,
}

impl Violation {
    /// That rule did not hold.
    pub fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { rule, what: what.into() }
    }
}

/// Ends a check with a violation unless something holds.
macro_rules! hold {
    ($rule:literal, $holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err($crate::check::Violation::new($rule, format!($($what)+)));
        }
    };
}
pub(crate) use hold;

/// A credit that stands.
#[derive(Clone, Debug)]
struct Credit {
    asset: AssetIx,
    wallet: WalletIx,
    amount: Amount,
}

/// The checks' own books.
pub struct Checker {
    /// Every durable event taken in, one after the other, by the product's own rules.
    state: State,
    credits: BTreeMap<DepositKey, Credit>,
    payouts: Payouts,
    /// Requests that were answered for ever: by whom, under which key, with which content.
    requests: BTreeMap<(Principal, u128), Request>,
    /// How many signed transactions of each network were looked at.
    received: Vec<usize>,
    tally: Tally,
    story: Story,
}

impl Checker {
    /// Before the first event.
    pub fn new(seed: u64, networks: usize, tally: Tally, story: Story) -> Self {
        Self {
            state: State::new(seed),
            credits: BTreeMap::new(),
            payouts: Payouts::default(),
            requests: BTreeMap::new(),
            received: vec![0; networks],
            tally,
            story,
        }
    }

    /// The durable state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Up to where everything was taken in.
    pub fn position(&self) -> Position {
        self.state.position()
    }

    /// Takes in everything that became durable, and what the nodes were sent.
    ///
    /// # Errors
    /// The first rule that does not hold.
    pub fn observe(&mut self, feed: &mut Feed, world: &World) -> Result<(), Violation> {
        loop {
            let records = feed.ready(64).map_err(|error| Violation::new("journal-readable", error.to_string()))?;
            if records.is_empty() {
                return self.sent(world);
            }
            for (position, record) in records {
                hold!("no-gap", position == self.position().next(), "{position} comes after {}", self.position());
                self.take(&record, world)?;
            }
        }
    }

    fn take(&mut self, record: &Record, world: &World) -> Result<(), Violation> {
        let event = &record.event;
        self.tally.hit(format!("event {}", event.name()));
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        self.story.note(&bytes);
        self.story.tell(|| format!("  #{} {}", self.position().next(), short(event)));
        hold!("time", record.at >= self.state.at(), "an event of {:?} after one of {:?}", record.at, self.state.at());
        if let Some(request) = event.request() {
            // What is remembered of a request is forgotten with its key's time, never while the key is good.
            let known = self.requests.insert((request.principal, request.key), *request);
            let twice = known.filter(|_| {
                !matches!(
                    event,
                    Event::PayoutHeld { transfer: Some(_), .. } | Event::PayoutSettledInside { transfer: Some(_), .. }
                )
            });
            hold!(
                "I6 one-effect-a-request",
                twice.is_none(),
                "{} for {request:?}, which was answered before",
                event.name()
            );
        }
        self.deposits(event, world)?;
        self.payouts.take(event, &self.state, world, &self.tally)?;
        self.state.evolve(record);
        self.state
            .check_books()
            .map_err(|error| Violation::new("I1 books-balance", format!("after {}: {error}", short(event))))
    }

    fn deposits(&mut self, event: &Event, world: &World) -> Result<(), Violation> {
        match event {
            Event::DepositCredited { key, asset, wallet, amount, block, to, .. } => {
                let credit = Credit { asset: *asset, wallet: *wallet, amount: *amount };
                let twice = self.credits.insert(key.clone(), credit).is_some();
                hold!("I2 credit-once", !twice, "{key:?} was credited before");
                let policy = self.state.asset(*asset).map(|asset| asset.rules.finality_for(*amount));
                final_enough(
                    world,
                    key.network,
                    block,
                    policy.unwrap_or(Finality::Finalized),
                    "I5 credit-after-finality",
                )?;
                self.tally.hit(match to {
                    CreditTo::Account(_) => "credit account".into(),
                    CreditTo::NewAccount(_) => "credit new-account".into(),
                    CreditTo::Suspense(reason) => format!("credit suspense {reason:?}"),
                    CreditTo::Equity => "credit equity".into(),
                    CreditTo::Refill(_) => "credit refill".to_owned(),
                });
            }
            Event::DepositReversed { key, .. } => {
                let known = self.credits.remove(key).is_some();
                hold!("reverse-what-was-credited", known, "{key:?} was not credited");
                let there = world.place(row_of(key.network), &key.tx).filter(|place| place.success);
                self.tally.hit("deposit reversed");
                // In another block it may have done something else.
                let block = self
                    .state
                    .network(key.network)
                    .and_then(|row| row.recent.iter().find(|credit| credit.key == *key))
                    .map(|credit| credit.block);
                let gone = there.is_none_or(|place| Some(place.block) != block);
                hold!("reverse-only-what-is-gone", gone, "{key:?} is reversed, and its block is there");
            }
            _ => {}
        }
        Ok(())
    }

    /// Only journaled bytes are ever sent, and only when they are durable.
    fn sent(&mut self, world: &World) -> Result<(), Violation> {
        for network in 0..self.received.len() {
            let (new, end) = world.received(network, self.received[network]);
            self.received[network] = end;
            for tx in new {
                let known = self.payouts.is_signed(network, &tx);
                hold!(
                    "I4 journaled-before-sent",
                    known,
                    "network {network} was sent {tx}, which is in no durable attempt"
                );
            }
        }
        Ok(())
    }

    /// The recovered state holds everything that was durable, and is what a replay of it gives.
    ///
    /// # Errors
    /// If it is not.
    pub fn reopened(&mut self, feed: &mut Feed, state: &State, world: &World) -> Result<(), Violation> {
        hold!(
            "durable-survives",
            state.position() >= self.position(),
            "recovered {}, and {} was durable",
            state.position(),
            self.position()
        );
        self.observe(feed, world)?;
        self.same_as(state)
    }

    /// Two ways to the same state.
    ///
    /// # Errors
    /// If they differ.
    pub fn same_as(&self, state: &State) -> Result<(), Violation> {
        hold!("I7 same-state", state.position() == self.position(), "at {} and {}", state.position(), self.position());
        hold!(
            "I7 same-state",
            state.digest() == self.state.digest(),
            "the live state at {} is not that of a replay",
            state.position()
        );
        Ok(())
    }

    /// An answer left: what it says must be durable.
    ///
    /// # Errors
    /// If it is not.
    pub fn answered(&self, position: Position) -> Result<(), Violation> {
        hold!("answer-after-durable", position <= self.position(), "answered {position}, durable {}", self.position());
        Ok(())
    }
}

/// Whether a block once lay as deep as a policy asks: a deeper reorg may have taken it since, but not before.
pub(crate) fn final_enough(
    world: &World,
    network: NetworkIx,
    block: &BlockRef,
    policy: Finality,
    rule: &'static str,
) -> Result<(), Violation> {
    let Some(ever) = world.ever(row_of(network), &block.hash) else {
        return Err(Violation::new(rule, format!("{block:?} was never a block of network {network:?}")));
    };
    let enough = match policy {
        Finality::Confirmations(needed) => ever.confirmations >= u64::from(needed) || ever.finalized,
        Finality::Safe => ever.safe || ever.finalized,
        Finality::Finalized => ever.finalized,
    };
    if enough {
        Ok(())
    } else {
        Err(Violation::new(rule, format!("{block:?} lay {ever:?}, and the policy is {policy:?}")))
    }
}

/// Networks are numbered alike everywhere.
pub(crate) fn row_of(network: NetworkIx) -> usize {
    usize::from(network.0)
}

/// An event in one line.
fn short(event: &Event) -> String {
    let text = match event {
        Event::AttemptSigned { dispatch, attempt } => {
            format!(
                "AttemptSigned {{ dispatch: {dispatch:?}, {:?} {} max {} tip {} }}",
                attempt.kind, attempt.tx, attempt.fee_cap, attempt.tip
            )
        }
        Event::BlocksScanned { network, blocks } => match (blocks.first(), blocks.last()) {
            (Some(first), Some(last)) => {
                format!("BlocksScanned {{ {network:?}, {}..={} {} }}", first.height, last.height, last.hash)
            }
            _ => format!("BlocksScanned {{ {network:?}, none }}"),
        },
        event => format!("{event:?}"),
    };
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
