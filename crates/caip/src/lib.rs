#![doc = include_str!("../README.md")]
#![deny(clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]

mod account;
mod asset;
mod chain;
mod error;
mod escape;
mod grammar;
mod profile;
mod text_id;

pub use account::AccountId;
pub use asset::AssetId;
pub use chain::ChainId;
pub use error::Error;
pub use escape::{escape, unescape};
pub use profile::eip155::eip55;
