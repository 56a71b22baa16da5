//! The program as its users run it: a process, its files, its exit codes and its ports.

mod access;
mod cli;
mod concurrency;
mod crash;
mod exchange;
mod full;
mod hand;
mod kill;
mod linear;
mod metrics;
mod nodes;
mod operation;
mod page;
mod program;
mod races;
mod reorgs;
mod schemathesis;
mod secrets;
mod serve;
mod terminal;
mod traces;
mod world;
