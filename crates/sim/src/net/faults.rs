//! Faults by name, and how often each was hit.

use std::collections::{BTreeMap, BTreeSet};

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Something that goes wrong on a network.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Fault {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in the coverage counters.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

faults! {
    /// No answer before the client gives up.
    Silent = "node-silent",
    /// No connection.
    Unreachable = "node-unreachable",
    /// Asked too often.
    Limited = "node-rate-limited",
    /// An error instead of an answer.
    Refused = "node-refused",
    /// An answer that cannot be read.
    Garbled = "node-garbled",
    /// An answer that a reorg cut in two.
    Moved = "node-moved",
    /// An answer that takes its time.
    Late = "node-late",
    /// An answer that was true when the question was put.
    Stale = "node-stale",
    /// A node some blocks behind.
    Lag = "node-lags",
    /// A node that stays where it is, on whatever fork.
    Stuck = "node-stuck",
    /// A node that is away for a while.
    Down = "node-down",
    /// A node that takes long for everything.
    Slow = "node-slow",
    /// A node that says it is of another network.
    Impostor = "node-of-another-network",
    /// "Not found" for what exists.
    NotFound = "node-not-found",
    /// State that is no longer kept.
    Pruned = "node-pruned",
    /// A block that could not be traced.
    Untraced = "node-untraced",
    /// Taken, and never passed on.
    SendSwallowed = "send-swallowed",
    /// Passed on, and answered with an error.
    SendUnheard = "send-error-after",
    /// Passed on much later.
    SendLate = "send-late",
    /// Passed on twice, the second time much later.
    SendTwice = "send-twice",
    /// Refused, and nothing done.
    SendLost = "send-lost",
    /// A waiting transaction is forgotten by all.
    Evicted = "pool-evicted",
    /// All waiting transactions are.
    PoolLost = "pool-lost",
    /// An outbid transaction comes back in the place of the one that outbid it.
    OutbidReturns = "pool-outbid-returns",
    /// Blocks are replaced.
    Reorg = "reorg",
    /// A transaction of a replaced block waits again.
    ReorgReturns = "reorg-tx-returns",
    /// A transaction of a replaced block is forgotten.
    ReorgVanishes = "reorg-tx-vanishes",
    /// Another transaction took the place of one of a replaced block.
    ReorgConflict = "reorg-tx-conflict",
    /// Blocks that were final are replaced.
    DeepReorg = "reorg-deep",
    /// No blocks for a while.
    Stall = "chain-stalls",
    /// Blocks, and none of them final.
    FinalityStall = "finality-stalls",
    /// Fees rise.
    FeeSpike = "fees-rise",
    /// A head that is none.
    LieHead = "lie-head",
    /// A block that is none.
    LieBlock = "lie-block",
    /// A transaction that failed is said to have succeeded, or the other way round.
    LieStatus = "lie-status",
    /// A transaction is said to be in another block, or in one at all.
    LieInclusion = "lie-inclusion",
    /// A deposit that never was.
    LieDeposit = "lie-deposit",
    /// A payment with another amount.
    LieAmount = "lie-amount",
    /// A payment left out.
    LieOmission = "lie-omission",
    /// Another nonce.
    LieNonce = "lie-nonce",
    /// Another user of a nonce.
    LieNonceUser = "lie-nonce-user",
    /// Another balance.
    LieBalance = "lie-balance",
    /// Other code.
    LieCode = "lie-code",
    /// Other facts about a token.
    LieToken = "lie-token",
    /// Another estimate.
    LieEstimate = "lie-estimate",
    /// Other fees.
    LieFees = "lie-fees",
    /// Another answer about a signature.
    LieSignature = "lie-signature",
    /// Another answer to bytes handed in.
    LieSend = "lie-send",
}

/// How often each fault came, and which never may.
#[derive(Clone, Debug)]
pub(super) struct Coverage {
    times: Vec<u64>,
    banned: BTreeSet<Fault>,
}

impl Default for Coverage {
    fn default() -> Self {
        Self { times: vec![0; Fault::ALL.len()], banned: BTreeSet::new() }
    }
}

impl Coverage {
    /// Whether a fault that is about to come may; if so, it is counted.
    pub(super) fn comes(&mut self, fault: Fault) -> bool {
        let comes = self.may(fault);
        self.times[fault as usize] += u64::from(comes);
        comes
    }

    /// Whether a fault may come.
    pub(super) fn may(&self, fault: Fault) -> bool {
        !self.banned.contains(&fault)
    }

    /// From now on it never comes.
    pub(super) fn ban(&mut self, fault: Fault) {
        self.banned.insert(fault);
    }

    /// Adds them up by name.
    pub(super) fn add_to(&self, sum: &mut BTreeMap<&'static str, u64>) {
        for (fault, times) in Fault::ALL.iter().zip(&self.times) {
            *sum.entry(fault.name()).or_default() += times;
        }
    }
}
