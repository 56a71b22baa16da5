//! What to offer for gas: the first time, and to replace what is stuck. Pure, in whole wei per gas.
//!
//! Never above the operator's cap: a payout that would need more waits, visibly, until the network calms down.

use std::fmt;

use tokengine_core::Amount;

/// What a transaction offers for gas, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fees {
    /// EIP-1559.
    Dynamic {
        /// The most it pays, base fee included.
        max_fee: u128,
        /// What of it goes to the block's maker, at most.
        priority: u128,
    },
    /// Networks without a base fee.
    Legacy {
        /// What it pays.
        gas_price: u128,
    },
}

impl Fees {
    /// The most it pays, in wei per gas.
    pub fn max_per_gas(&self) -> u128 {
        match self {
            Self::Dynamic { max_fee, .. } => *max_fee,
            Self::Legacy { gas_price } => *gas_price,
        }
    }

    /// The most a transaction with that gas limit and data fee can cost, in base units; `None` above 128 bits.
    pub fn worst_cost(&self, gas_limit: u64, data_fee: Amount) -> Option<Amount> {
        Amount::new(self.max_per_gas().checked_mul(u128::from(gas_limit))?).checked_add(data_fee)
    }
}

/// What gas costs now, as a node says, in wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// The base fee of the next block; `None` where the network has none.
    pub base_fee: Option<u128>,
    /// What block makers take on top of it now.
    pub priority: u128,
    /// What the node would put into a legacy transaction.
    pub gas_price: u128,
}

/// What a network charges besides gas for the bytes of a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataFee {
    /// Nothing.
    #[default]
    None,
    /// As the OP stack: its gas price oracle is asked, and receipts say `l1Fee`.
    OpStack,
}

/// The operator's rules for one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Never use EIP-1559, even where blocks have a base fee.
    pub legacy: bool,
    /// The most to offer, in wei per gas.
    pub cap: u128,
    /// The least to offer the block's maker, in wei per gas.
    pub priority_floor: u128,
    /// The most to offer the block's maker, in wei per gas.
    pub priority_cap: u128,
    /// How far the base fee may rise before a transaction is stuck, in percent of it.
    pub headroom_percent: u16,
    /// By how much each fee field rises when a transaction is replaced, in tenths of a percent. Nodes want at least
    /// 100, on all fields.
    pub bump_per_mille: u16,
    /// What is charged besides gas.
    pub data_fee: DataFee,
}

impl Default for Policy {
    /// EIP-1559 with room for the base fee to double, replacement at +12.5 %, and a cap of 500 gwei.
    fn default() -> Self {
        const GWEI: u128 = 1_000_000_000;
        Self {
            legacy: false,
            cap: 500 * GWEI,
            priority_floor: 0,
            priority_cap: 50 * GWEI,
            headroom_percent: 100,
            bump_per_mille: 125,
            data_fee: DataFee::None,
        }
    }
}

/// The network wants more than the operator allows. The payout waits; it is never silently dearer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StuckFee {
    /// What would be needed, in wei per gas.
    pub needed: u128,
    /// What is allowed, in wei per gas.
    pub cap: u128,
}

impl fmt::Display for StuckFee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the network wants {} wei per gas, above the cap of {}", self.needed, self.cap)
    }
}

impl std::error::Error for StuckFee {}

/// The first offer.
///
/// # Errors
/// [`StuckFee`] when not even the next block could take it under the cap.
pub fn first(policy: &Policy, now: &Suggestion) -> Result<Fees, StuckFee> {
    let within =
        |needed: u128| if needed > policy.cap { Err(StuckFee { needed, cap: policy.cap }) } else { Ok(needed) };
    let Some(base_fee) = now.base_fee.filter(|_| !policy.legacy) else {
        return Ok(Fees::Legacy { gas_price: within(now.gas_price.max(policy.priority_floor))? });
    };
    let priority = now.priority.min(policy.priority_cap).max(policy.priority_floor);
    let needed = within(base_fee.saturating_add(priority))?;
    let headroom = share(base_fee, u128::from(policy.headroom_percent), 100);
    Ok(Fees::Dynamic { max_fee: needed.saturating_add(headroom).min(policy.cap), priority })
}

/// The offer that replaces `old` with the same nonce: every field rises by the policy's step, and at least to what a
/// first offer would be now, so that the replacement is neither refused nor stuck again at once.
///
/// # Errors
/// [`StuckFee`] when the step does not fit under the cap.
pub fn bump(policy: &Policy, old: &Fees, now: &Suggestion) -> Result<Fees, StuckFee> {
    // One more than the share: nodes want strictly more, also of a field that is zero.
    let raised = |fee: u128| {
        let step = share(fee, u128::from(policy.bump_per_mille), 1_000).max(1);
        fee.saturating_add(step)
    };
    let fresh = first(policy, now).ok();
    let within =
        |needed: u128| if needed > policy.cap { Err(StuckFee { needed, cap: policy.cap }) } else { Ok(needed) };
    match *old {
        Fees::Legacy { gas_price } => {
            let fresh = fresh.map_or(0, |fees| fees.max_per_gas());
            Ok(Fees::Legacy { gas_price: within(raised(gas_price))?.max(fresh) })
        }
        Fees::Dynamic { max_fee, priority } => {
            let least = within(raised(max_fee).max(raised(priority)))?;
            let (fresh_max, fresh_priority) = match fresh {
                Some(Fees::Dynamic { max_fee, priority }) => (max_fee, priority),
                _ => (0, 0),
            };
            let max_fee = least.max(fresh_max);
            Ok(Fees::Dynamic { max_fee, priority: raised(priority).max(fresh_priority).min(max_fee) })
        }
    }
}

/// Whether a transaction with these fees cannot enter the next block.
pub fn is_stuck(fees: &Fees, now: &Suggestion) -> bool {
    now.base_fee.is_some_and(|base_fee| fees.max_per_gas() < base_fee)
}

/// `part / of` of a fee, rounded up.
fn share(fee: u128, part: u128, of: u128) -> u128 {
    match fee.checked_mul(part) {
        Some(product) => product.div_ceil(of),
        None => (fee / of).saturating_mul(part), // so large that rounding does not matter; far above any cap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Policy = Policy {
        legacy: false,
        cap: 1_000,
        priority_floor: 1,
        priority_cap: 50,
        headroom_percent: 100,
        bump_per_mille: 125,
        data_fee: DataFee::None,
    };

    fn now(base_fee: u128, priority: u128) -> Suggestion {
        Suggestion { base_fee: Some(base_fee), priority, gas_price: base_fee + priority }
    }

    fn dynamic(max_fee: u128, priority: u128) -> Fees {
        Fees::Dynamic { max_fee, priority }
    }

    /// Case F13: no base fee, no tip, a fee by the operator's choice. Case F6: the cap.
    #[test]
    fn the_first_offer_leaves_room_and_stays_under_the_cap() {
        for (case, now, expected) in [
            ("room for the base fee to double", now(100, 10), Ok(dynamic(210, 10))),
            ("a greedy suggestion is capped", now(100, 5_000), Ok(dynamic(250, 50))),
            ("no tip is still a tip of the floor", now(100, 0), Ok(dynamic(201, 1))),
            ("less room under the cap", now(900, 50), Ok(dynamic(1_000, 50))),
            ("no room at all: exactly the cap", now(990, 10), Ok(dynamic(1_000, 10))),
            ("above the cap it waits", now(991, 10), Err(StuckFee { needed: 1_001, cap: 1_000 })),
            (
                "nothing overflows",
                Suggestion { base_fee: Some(u128::MAX), priority: u128::MAX, gas_price: 0 },
                Err(StuckFee { needed: u128::MAX, cap: 1_000 }),
            ),
            (
                "a network without base fee",
                Suggestion { base_fee: None, priority: 0, gas_price: 70 },
                Ok(Fees::Legacy { gas_price: 70 }),
            ),
        ] {
            assert_eq!(first(&RULES, &now), expected, "{case}");
        }
        let legacy = Policy { legacy: true, ..RULES };
        assert_eq!(first(&legacy, &now(100, 10)), Ok(Fees::Legacy { gas_price: 110 }), "by the operator's choice");
    }

    #[test]
    fn a_replacement_rises_in_every_field() {
        for (case, old, now, expected) in [
            ("both by 12.5 %, rounded up", dynamic(200, 10), now(50, 5), Ok(dynamic(225, 12))),
            ("at least to what a first offer is", dynamic(200, 10), now(300, 40), Ok(dynamic(640, 40))),
            ("a tip of zero rises too", dynamic(200, 0), now(50, 0), Ok(dynamic(225, 1))),
            ("up to the cap", dynamic(888, 10), now(50, 5), Ok(dynamic(999, 12))),
            ("not above it", dynamic(889, 10), now(50, 5), Err(StuckFee { needed: 1_001, cap: 1_000 })),
            (
                "a spike above the cap does not stop a small step",
                dynamic(200, 10),
                now(5_000, 10),
                Ok(dynamic(225, 12)),
            ),
            (
                "legacy",
                Fees::Legacy { gas_price: 80 },
                Suggestion { base_fee: None, priority: 0, gas_price: 10 },
                Ok(Fees::Legacy { gas_price: 90 }),
            ),
        ] {
            assert_eq!(bump(&RULES, &old, &now), expected, "{case}");
        }
    }

    #[test]
    fn what_cannot_enter_the_next_block_is_stuck() {
        assert!(is_stuck(&dynamic(99, 1), &now(100, 1)));
        assert!(!is_stuck(&dynamic(100, 1), &now(100, 1)));
        assert!(!is_stuck(&Fees::Legacy { gas_price: 1 }, &Suggestion { base_fee: None, priority: 0, gas_price: 9 }));
    }

    /// Case F13: what a network takes for data besides gas.
    #[test]
    fn the_worst_cost_covers_gas_and_data() {
        assert_eq!(dynamic(10, 1).worst_cost(21_000, Amount::new(5)), Some(Amount::new(210_005)));
        assert_eq!(dynamic(u128::MAX, 1).worst_cost(2, Amount::ZERO), None);
    }

    proptest::proptest! {
        #[test]
        fn a_replacement_is_never_refused_as_underpriced_and_never_above_the_cap(
            max_fee in 0u128..2_000, priority in 0u128..2_000, base_fee in 0u128..2_000, tip in 0u128..2_000,
        ) {
            let old = dynamic(max_fee, priority.min(max_fee));
            let Ok(Fees::Dynamic { max_fee: new_max, priority: new_priority }) = bump(&RULES, &old, &now(base_fee, tip))
            else { return Ok(()) };
            proptest::prop_assert!(new_max <= RULES.cap && new_priority <= new_max);
            proptest::prop_assert!(new_max > max_fee && new_max * 1_000 >= max_fee * 1_125);
            let old_priority = priority.min(max_fee);
            proptest::prop_assert!(new_priority > old_priority && new_priority * 1_000 >= old_priority * 1_125);
        }
    }
}
