//! The store against the engine's own state, over the same events; and against everything that can happen to its file.

mod compare;
mod faults;
mod follow;
mod kill;
mod lists;
mod stories;
mod token;
mod tries;
mod world;
