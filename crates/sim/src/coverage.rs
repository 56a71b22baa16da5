//! What must come up in a campaign: each fault, each refusal, each step of a payout. What never came up proves nothing.

use tokengine_core::{Event, Rejection};

use crate::counts::Counts;
use crate::net::Fault;
use crate::plan::FAULTS;

/// From so many seeds on, a counter at zero fails the campaign.
pub const ENOUGH_SEEDS: u64 = 500;

/// Every step of a payout, a sweep or a credit that the checks tell apart.
const STEPS: &[&str] = &[
    "payout held",
    "payout settled-inside",
    "payout waiting:turn",
    "payout waiting:liquidity",
    "payout waiting:gas",
    "payout waiting:paused",
    "payout waiting:fee",
    "payout waiting:token",
    "payout waiting:network",
    "payout cancelled",
    "payout cancel-requested",
    "payout dispatched",
    "sweep dispatched",
    "top-up dispatched",
    "payout signed",
    "payout outbid",
    "payout cancel-signed",
    "payout sent",
    "payout seen",
    "payout seen-reverted",
    "payout unseen",
    "payout final",
    "payout final-reverted",
    "payout final-cancelled",
    "payout dead",
    "credit account",
    "credit new-account",
    "credit equity",
    "credit refill",
    "credit suspense SenderIsContract",
    "credit suspense BelowMinimum",
    "credit suspense AboveMaximum",
    "credit suspense DepositsOff",
    "credit suspense NotForAccounts",
    "client races",
    "client repeats",
    "client changes-content",
    "client hangs-up",
    "client long-polls",
    "start from-snapshot",
    "start from-journal",
    "start tail-cut",
    "start clean",
    "history-bit-flipped",
    "reconciled",
];

/// Refusals that no run can meet, and why.
const NEVER: &[(Rejection, &str)] = &[
    (Rejection::UnknownClass, TOKENS),
    (Rejection::UnknownProgram, TOKENS),
    (Rejection::UnknownHook, TOKENS),
    (Rejection::UnsupportedStandard, TOKENS),
    (Rejection::ClassPaused, TOKENS),
    (Rejection::TokenFrozen, TOKENS),
    (Rejection::BelowMinBalance, TOKENS),
    (Rejection::OperationReused, TOKENS),
    (Rejection::OperationInvalid, TOKENS),
];

/// Why what belongs to token programs is not met.
const TOKENS: &str = "no run has token classes; the core's own model tries their operations";

/// Faults and events that no run can meet, and why.
const NEVER_NAMED: &[(&str, &str)] = &[
    ("event ClassCreated", TOKENS),
    ("event ClassChanged", TOKENS),
    ("event ClassPaused", TOKENS),
    ("event Operated", TOKENS),
    ("event OperationFailed", TOKENS),
];

/// The names of all counters that must not stay at zero.
pub fn required() -> Vec<String> {
    let refusals = Rejection::ALL.iter().filter(|rejection| !NEVER.iter().any(|(never, _)| never == *rejection));
    let mut names: Vec<String> = FAULTS.iter().chain(STEPS).map(ToString::to_string).collect();
    names.extend(Fault::ALL.iter().map(|fault| fault.name().to_owned()));
    names.extend(refusals.map(|rejection| format!("refused {}", rejection.code())));
    names.extend(Event::KINDS.iter().map(|(_, _, name)| format!("event {name}")));
    names.retain(|name| !NEVER_NAMED.iter().any(|(never, _)| never == name));
    names
}

/// Those that stayed at zero.
pub fn missing(counts: &Counts) -> Vec<String> {
    required().into_iter().filter(|name| counts.of(name) == 0).collect()
}
