//! Keys as their users meet them: files, keyrings, and what must never be printed.

mod canary;
mod keyring;
mod keystore;
mod remote;
mod wallet;
