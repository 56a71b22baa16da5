//! After a restore: nothing new is signed until every network was searched for what the journal does not have.
//!
//! The engine starts in recovery when a follower has seen more than the journal has; a payout driver asks for it when the
//! network has seen more nonces of a wallet. The drivers adopt what they find, and take every nonce with a filler that may
//! have been signed for: bytes that no node of ours shows may still lie in some pool, and would pay again what is paid anew,
//! perhaps out of another wallet. When nothing is left, recovery ends.

use tokengine_core::{Command, NetworkIx};

use crate::pay::Driver;
use crate::{Books, Error};
use tokengine_chain::Accounts;

/// Ends recovery if every network was searched. Returns whether there is recovery still.
///
/// # Errors
/// Those of asking any network: as long as one does not answer, nothing is known about it, and recovery goes on.
pub async fn pass<B: Books, N: Accounts>(books: &B, drivers: &[(NetworkIx, &Driver<B, N>)]) -> Result<bool, Error> {
    let look = |state: &tokengine_core::State| {
        let networks: Vec<NetworkIx> = state.networks().map(|(ix, _)| ix).collect();
        state.recovery().map(|_| networks)
    };
    let Some(networks) = books.query(look).await? else { return Ok(false) };
    // A network in the books that nobody works cannot be searched.
    if networks.iter().any(|ix| !drivers.iter().any(|(at, _)| at == ix)) {
        return Ok(true);
    }
    for (ix, driver) in drivers {
        if !driver.is_searched(*ix).await? {
            return Ok(true);
        }
    }
    let reason = "every nonce that may have been signed for is used and in the journal, on every network";
    books.submit(Command::EndRecovery { reason: reason.into() }).await?.ok();
    tracing::warn!("Recovery has ended: {reason}");
    Ok(false)
}
