//! The networks outside: blocks, memory pools, fees, reorgs, and the nodes that tell of them, honestly or not.
//!
//! # What the rest of the simulator relies on
//! - [`World::new`] takes a generator ([`crate::rng::Rng`]) and the networks' settings. Nothing else is random, nothing
//!   asks a clock, and no map with a random order is iterated.
//! - `world.advance(now)` is called with the virtual time (milliseconds since 1970, never going back) before anything
//!   looks at a network. It mines the blocks that are due, moves `safe` and `finalized`, reorganizes, and delivers what
//!   was sent. It wakes every question that waits for a later time and is due.
//! - `world.next_due()` is the next virtual time at which something of it happens by itself (a block, a delayed answer), so
//!   that the scheduler can jump there.
//! - `world.node(network, endpoint)` is an `impl chain::Node + chain::Accounts + Clone + 'static`. A question may be
//!   answered at once or wait (then its future is pending until `advance` reaches its time and wakes it): the scheduler
//!   drops futures at any point.
//! - What the operator and outsiders do on a network: `world.pay(network, from, to, asset, amount)` puts an outsider's payment
//!   into the memory pool; faucets; contracts that refuse, freeze, or pay from inside.
//! - What is true on a network, for the invariants only, never for the workers: balances of an address at the final block, all
//!   payments into or out of a set of addresses with transaction, place, and whether final, nonces used and by what bytes.
//! - Faults are on or off: `world.quiet()` ends all of them, after which nodes answer truly and soon, and no reorg comes.
