//! The core by its public face: behaviour as tables, the invariants as properties, the bytes as golden vectors.
#![allow(clippy::arithmetic_side_effects)]

mod accounts;
mod config;
mod deposits;
mod dispatches;
mod golden;
mod late;
mod memory;
mod moves;
mod operator;
mod outside;
mod payouts;
mod properties;
mod requests;
mod token;
mod token_model;
mod token_vectors;
mod transfers;
mod tries;
mod unmatched;
mod world;
