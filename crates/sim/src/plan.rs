//! What a run is made from: a seed, and how much of what there is of everything. Shrinking makes it smaller.

use std::collections::BTreeSet;

use crate::mutant::Mutant;

/// Everything that a run depends on. The same plan is the same run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where all chance comes from.
    pub seed: u64,
    /// What each client does before it stops.
    pub operations: u32,
    /// How many clients there are.
    pub clients: u32,
    /// How long faults come, in virtual seconds.
    pub chaos_s: u64,
    /// How long everything may take to settle when no more faults come, in virtual seconds.
    pub peace_s: u64,
    /// Kinds of faults that never come, by name.
    pub without: BTreeSet<String>,
    /// A planted bug.
    pub mutant: Option<Mutant>,
}

impl Plan {
    /// The usual run of that seed.
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            operations: 14,
            clients: 6,
            chaos_s: 900,
            peace_s: 4 * 3_600,
            without: BTreeSet::new(),
            mutant: None,
        }
    }

    /// Whether that kind of fault may come.
    pub fn allows(&self, fault: &str) -> bool {
        !self.without.contains(fault)
    }

    /// The arguments that repeat it.
    pub fn arguments(&self) -> String {
        let usual = Self::new(self.seed);
        let mut text = format!("--seed {}", self.seed);
        for (name, value, usual) in [
            ("operations", u64::from(self.operations), u64::from(usual.operations)),
            ("clients", u64::from(self.clients), u64::from(usual.clients)),
            ("chaos", self.chaos_s, usual.chaos_s),
            ("peace", self.peace_s, usual.peace_s),
        ] {
            if value != usual {
                text.push_str(&format!(" --{name} {value}"));
            }
        }
        if !self.without.is_empty() {
            let without: Vec<&str> = self.without.iter().map(String::as_str).collect();
            text.push_str(&format!(" --without {}", without.join(",")));
        }
        if let Some(mutant) = self.mutant {
            text.push_str(&format!(" --mutant {}", mutant.name()));
        }
        text
    }
}

/// What goes wrong with the process, its disk and its clock. The networks have faults of their own.
pub const FAULTS: &[&str] = &[
    "crash-killed",
    "crash-power-lost",
    "crash-in-a-write",
    "crash-in-a-start",
    "sync-fails",
    "disk-full",
    "restart-in-order",
    "clock-forward",
    "clock-back",
];
