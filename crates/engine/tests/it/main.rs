//! The engine through its public face, on a disk in memory that fails, and on real files.

mod basics;
mod crash;
mod followers;
mod kill;
mod races;
mod room;
mod snapshots;
mod stepped;
mod world;
