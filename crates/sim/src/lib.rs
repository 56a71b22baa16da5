//! A simulator of the whole: engine, journal, workers and networks on one thread, one virtual clock and one seed.
//!
//! What runs is the product's own code: `core` decides, `engine` writes, `journal` keeps its bytes on a disk that loses
//! power, `workers` ask `chain`, and `chain` asks simulated nodes. Only the disk, the clock, the networks and the clients
//! are made up, and each of them fails in every way that it is allowed to.
//!
//! The same seed is the same run, byte for byte.

pub mod campaign;
pub mod check;
pub mod counts;
pub mod coverage;
mod exec;
pub mod mutant;
pub mod net;
pub mod plan;
pub mod rng;
pub mod run;
pub mod shrink;
pub mod story;
