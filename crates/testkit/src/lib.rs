//! Real peers for tests and for the demo: installed from the package registries, started on loopback, and stopped again.
//!
//! - [`install`] fetches what is missing, once, pinned by version, into a folder of its own ([`peers::folder`]).
//! - [`Anvil`] is an EVM node whose blocks, reorganisations and balances the test decides.
//! - [`contracts`] compiles honest and ill-behaved tokens, and what surrounds them.
//! - [`FaultProxy`] stands before a node and makes it slow, silent, forgetful or a liar, on purpose and countably.
//! - [`Browser`] shows pages to a real Chromium.
//! - [`Schemathesis`] asks a server everything that its OpenAPI document allows and forbids.
//! - [`Process`] is how all of them run, and how a test runs a program of its own: nothing started here outlives us.
//!
//! Everything blocks and nothing needs an async runtime. A peer that cannot start is an error, never a reason to skip.

pub mod abi;
mod anvil;
pub mod browser;
pub mod contracts;
mod error;
mod fault_proxy;
mod http;
mod npm;
pub mod peers;
pub mod process;
mod python;
mod rpc;
mod wait;

pub use self::{
    abi::Arg,
    anvil::{Anvil, AnvilOptions, Mining},
    browser::Browser,
    contracts::{Artifact, artifact},
    error::Error,
    fault_proxy::{Call, Fault, FaultProxy},
    peers::{Peer, Progress, install, print_progress},
    process::Process,
    python::Schemathesis,
    rpc::{Rpc, quantity},
    wait::{free_port, wait_for, wait_until},
};
pub use tempfile::TempDir;
