//! The workers with a real engine against real nodes. A node that lies or fails is a faulting proxy before one.

mod cases;
mod deposits;
mod faults;
mod payouts;
mod reconcile;
mod recovery;
mod refused;
mod reorgs;
mod sweeps;
mod world;
