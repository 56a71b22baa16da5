//! What is measured event by event: how long deposits and withdrawals take, what gas costs, how deep reorgs go.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use tokengine_core::{
    Amount, DepositKey, Dispatch, DispatchId, Event, PayoutId, Position, Purpose, Record, State, Time, WalletIx,
};
use tokengine_engine::{Handle, Sink, SinkError};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfNetwork {
    network: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reorg {
    network: String,
    depth: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Stage {
    network: String,
    stage: &'static str,
}

type Durations = Family<OfNetwork, Histogram, fn() -> Histogram>;

fn buckets() -> Histogram {
    // From the time of a fast network to that of a finalized head on a slow day, in seconds.
    Histogram::new([0.1, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0, 14_400.0])
}

/// The measurements.
#[derive(Clone)]
pub(crate) struct Timings {
    credited: Durations,
    paid: Durations,
    stages: Family<Stage, Histogram, fn() -> Histogram>,
    reorgs: Family<Reorg, Counter>,
    gas: Family<OfNetwork, Counter<f64, AtomicU64>>,
}

impl Timings {
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let timings = Self {
            credited: Family::new_with_constructor(buckets),
            paid: Family::new_with_constructor(buckets),
            stages: Family::new_with_constructor(buckets),
            reorgs: Family::default(),
            gas: Family::default(),
        };
        let text = "Seconds from the first sight of a deposit until it was credited";
        registry.register("deposit_detect_to_credit_seconds", text, timings.credited.clone());
        let text = "Seconds from the request of a withdrawal until its transaction was final";
        registry.register("withdrawal_request_to_final_seconds", text, timings.paid.clone());
        let text = "Seconds a withdrawal was in a stage: held, dispatched, signed, sent, seen";
        registry.register("withdrawal_stage_seconds", text, timings.stages.clone());
        registry.register("chain_reorg", "Reorganisations that took searched blocks away", timings.reorgs.clone());
        registry.register("fee_spent", "Gas paid, in whole units of the network's coin", timings.gas.clone());
        timings
    }
}

/// Follows the journal from the moment of the start, and keeps what is under way.
pub(crate) struct Watch {
    timings: Timings,
    cursor: Position,
    open: Open,
}

/// What began and has not ended.
#[derive(Default)]
struct Open {
    deposits: HashMap<DepositKey, Time>,
    payouts: HashMap<PayoutId, Held>,
    dispatches: HashMap<DispatchId, Slot>,
    /// Each wallet's network.
    wallets: HashMap<WalletIx, usize>,
    networks: Vec<Network>,
}

/// A withdrawal that has not ended.
#[derive(Clone, Copy)]
struct Held {
    /// When it was asked for.
    at: Time,
    /// Since when it waits for a nonce.
    waits: Time,
}

/// A nonce in use.
#[derive(Clone, Copy)]
struct Slot {
    wallet: WalletIx,
    payout: Option<PayoutId>,
    stage: &'static str,
    /// Since when it is in that stage; nothing where nobody saw it begin.
    since: Option<Time>,
}

impl Slot {
    fn of(dispatch: &Dispatch) -> Self {
        let signed = dispatch.attempts.first();
        let sent = signed.and_then(|attempt| attempt.sent_at);
        let (stage, since) = match (&dispatch.seen, sent, signed) {
            (Some(_), ..) => ("seen", None),
            (None, Some(at), _) => ("sent", Some(at)),
            (None, None, Some(attempt)) => ("signed", Some(attempt.signed_at)),
            (None, None, None) => ("dispatched", Some(dispatch.opened_at)),
        };
        Self { wallet: dispatch.wallet, payout: payout_of(&dispatch.purpose), stage, since }
    }
}

fn payout_of(purpose: &Purpose) -> Option<PayoutId> {
    match purpose {
        Purpose::Payout(payout) => Some(*payout),
        Purpose::Sweep { .. } | Purpose::TopUp { .. } | Purpose::Noop => None,
    }
}

#[derive(Clone)]
struct Network {
    id: String,
    coin_decimals: u8,
    head: u64,
}

impl Open {
    fn of(state: &State) -> Self {
        let coin = |native: Option<_>| native.and_then(|ix| state.asset(ix)).map_or(18, |asset| asset.decimals);
        let network = |network: &tokengine_core::Network| Network {
            id: network.id.to_string(),
            coin_decimals: coin(network.native),
            head: network.head().map_or(0, |block| block.height),
        };
        Self {
            deposits: state.pending_deposits().map(|p| (p.deposit.key.clone(), p.seen_at)).collect(),
            payouts: state.payouts().map(|(id, p)| (id, Held { at: p.held_at, waits: p.held_at })).collect(),
            dispatches: state.dispatches().map(|(id, dispatch)| (id, Slot::of(dispatch))).collect(),
            wallets: state.wallets().map(|(ix, wallet)| (ix, wallet.network.row())).collect(),
            networks: state.networks().map(|(_, row)| network(row)).collect(),
        }
    }
}

impl Watch {
    /// Begins where the journal ends now.
    pub(crate) async fn begin(handle: &Handle, timings: Timings) -> Result<Self, tokengine_engine::Error> {
        let (cursor, open) = handle.query(|state: &State| (state.position(), Open::of(state))).await?;
        Ok(Self { timings, cursor, open })
    }

    fn label(&self, network: usize) -> OfNetwork {
        OfNetwork { network: self.open.networks.get(network).map(|row| row.id.clone()).unwrap_or_default() }
    }

    fn seconds(from: Time, to: Time) -> f64 {
        std::time::Duration::from_millis(to.ms_since(from)).as_secs_f64()
    }

    /// A withdrawal was in a stage for so long.
    fn stayed(&self, wallet: WalletIx, stage: &'static str, from: Time, to: Time) {
        let network = self.open.wallets.get(&wallet).copied().unwrap_or(usize::MAX);
        let of = Stage { network: self.label(network).network, stage };
        self.timings.stages.get_or_create(&of).observe(Self::seconds(from, to));
    }

    /// A nonce in use goes on, if it is where it goes on from.
    fn step(&mut self, dispatch: DispatchId, from: &'static str, to: &'static str, at: Time) {
        let Some(slot) = self.open.dispatches.get_mut(&dispatch).filter(|slot| slot.stage == from) else { return };
        let before = *slot;
        (slot.stage, slot.since) = (to, Some(at));
        if let (Some(_), Some(since)) = (before.payout, before.since) {
            self.stayed(before.wallet, from, since, at);
        }
    }

    /// Gas was paid on the wallet's network, which is returned.
    fn spent(&self, wallet: WalletIx, gas: Amount) -> OfNetwork {
        let network = self.open.wallets.get(&wallet).copied().unwrap_or(usize::MAX);
        let of = self.label(network);
        let decimals = self.open.networks.get(network).map_or(18, |row| row.coin_decimals);
        let spent: f64 = gas.to_decimal(decimals).parse().unwrap_or(0.0);
        self.timings.gas.get_or_create(&of).inc_by(spent);
        of
    }

    fn see(&mut self, record: &Record) {
        let at = record.at;
        match &record.event {
            Event::NetworkListed { id, .. } => {
                self.open.networks.push(Network { id: id.to_string(), coin_decimals: 18, head: 0 });
            }
            Event::AssetListed { network, decimals, contract, .. } => {
                if let (None, Some(row)) = (contract, self.open.networks.get_mut(network.row())) {
                    row.coin_decimals = *decimals;
                }
            }
            Event::WalletListed { network, .. } => {
                // Wallets are numbered in the order of listing.
                let ix = WalletIx::from_row(self.open.wallets.len());
                self.open.wallets.insert(ix, network.row());
            }
            Event::BlocksScanned { network, blocks } => {
                if let (Some(row), Some(last)) = (self.open.networks.get_mut(network.row()), blocks.last()) {
                    row.head = last.height;
                }
            }
            Event::ScanRewound { network, to } => {
                let row = self.open.networks.get_mut(network.row());
                let head = row.map_or(0, |row| std::mem::replace(&mut row.head, to.height));
                let depth = match head.saturating_sub(to.height) {
                    0 | 1 => "1",
                    2..=3 => "2-3",
                    4..=12 => "4-12",
                    _ => "more",
                };
                let network = self.label(network.row()).network;
                self.timings.reorgs.get_or_create(&Reorg { network, depth }).inc();
            }
            Event::DepositSeen { deposit } => {
                self.open.deposits.entry(deposit.key.clone()).or_insert(at);
            }
            Event::DepositDropped { key } => drop(self.open.deposits.remove(key)),
            Event::DepositCredited { key, .. } => {
                if let Some(seen) = self.open.deposits.remove(key) {
                    let of = self.label(key.network.row());
                    self.timings.credited.get_or_create(&of).observe(Self::seconds(seen, at));
                }
            }
            Event::PayoutHeld { payout, .. } => drop(self.open.payouts.insert(*payout, Held { at, waits: at })),
            Event::PayoutCancelled { payout, .. } | Event::PayoutPaidBefore { payout, .. } => {
                self.open.payouts.remove(payout);
            }
            Event::DispatchOpened { dispatch, wallet, purpose, .. } => {
                let payout = payout_of(purpose);
                if let Some(held) = payout.and_then(|payout| self.open.payouts.get(&payout).copied()) {
                    self.stayed(*wallet, "held", held.waits, at);
                }
                let slot = Slot { wallet: *wallet, payout, stage: "dispatched", since: Some(at) };
                self.open.dispatches.insert(*dispatch, slot);
            }
            // Of several attempts the first counts: the others take its place.
            Event::AttemptSigned { dispatch, .. } => self.step(*dispatch, "dispatched", "signed", at),
            Event::AttemptSent { dispatch, .. } => self.step(*dispatch, "signed", "sent", at),
            Event::DispatchSeen { dispatch, .. } => {
                let stage = self.open.dispatches.get(dispatch).map_or("", |slot| slot.stage);
                if stage != "seen" {
                    self.step(*dispatch, stage, "seen", at);
                }
            }
            Event::DispatchUnseen { dispatch } => self.step(*dispatch, "seen", "sent", at),
            Event::DispatchFinal { dispatch, gas, .. } => {
                self.step(*dispatch, "seen", "final", at);
                let Some(slot) = self.open.dispatches.remove(dispatch) else { return };
                let of = self.spent(slot.wallet, *gas);
                if let Some(held) = slot.payout.and_then(|payout| self.open.payouts.remove(&payout)) {
                    self.timings.paid.get_or_create(&of).observe(Self::seconds(held.at, at));
                }
            }
            Event::DispatchAdopted { dispatch, wallet, purpose, gas, .. } => {
                self.spent(*wallet, *gas);
                let slot = self.open.dispatches.remove(dispatch).and_then(|slot| slot.payout);
                if let Some(payout) = slot.or_else(|| payout_of(purpose.as_ref()?)) {
                    self.open.payouts.remove(&payout);
                }
            }
            Event::DispatchDead { dispatch, .. } => {
                let payout = self.open.dispatches.remove(dispatch).and_then(|slot| slot.payout);
                if let Some(held) = payout.and_then(|payout| self.open.payouts.get_mut(&payout)) {
                    held.waits = at;
                }
            }
            _ => {}
        }
    }
}

impl Sink for Watch {
    fn cursor(&mut self) -> Result<Position, SinkError> {
        Ok(self.cursor)
    }

    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError> {
        for (position, record) in records {
            self.see(record);
            self.cursor = *position;
        }
        Ok(())
    }
}
