//! The ids through their public face: vectors that must pass, vectors that must not, and properties of any text.

mod invalid;
mod properties;
#[cfg(feature = "serde")]
mod serde_form;
mod valid;

use tokengine_caip::{AccountId, AssetId, ChainId, Error};

/// Reads any of the three ids and prints it; which one is seen by its separators.
fn canonical(text: &str) -> Result<String, Error> {
    if text.contains('/') {
        text.parse().map(|id: AssetId| id.to_string())
    } else if text.matches(':').count() == 2 {
        text.parse().map(|id: AccountId| id.to_string())
    } else {
        text.parse().map(|id: ChainId| id.to_string())
    }
}
