//! The routes, each with its line in the OpenAPI document: what is not described does not answer.

mod accounts;
mod deposits;
mod events;
mod links;
mod listed;
pub(crate) mod moves;
pub(crate) mod operator;
mod signing;
mod transfers;
mod withdrawals;

pub use accounts::{DepositAddressRequest, OpenAccountRequest};
pub use deposits::ClaimRequest;
pub use events::EventsView;
pub use links::{LinkRequest, LinkView};
pub use moves::{BatchRequest, BatchView, MoveRequest, MoveResult, MoveView};
pub use operator::{
    AssignRequest, BlockIn, ClearFinalRequest, ClearUnmatchedRequest, FundingRequest, KeyRequest, NewKeyView,
    PauseRequest, ReasonRequest, ResumeAssetRequest, ResumeNetworkRequest, SettleOwedRequest, WriteOffRequest,
};
pub use signing::SigningRequest;
pub use withdrawals::{CancelRequest, CancelView, QuoteRequest};

use crate::app::Shared;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Everything under `/v1`.
pub(crate) fn all() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(listed::networks))
        .routes(routes!(listed::tokens))
        .routes(routes!(listed::assets))
        .routes(routes!(accounts::open))
        .routes(routes!(accounts::get))
        .routes(routes!(accounts::balances))
        .routes(routes!(accounts::history))
        .routes(routes!(accounts::deposit_address))
        .routes(routes!(links::link))
        .routes(routes!(deposits::claim, deposits::list))
        .routes(routes!(deposits::get))
        .routes(routes!(deposits::get_claim))
        .routes(routes!(withdrawals::create, withdrawals::list))
        .routes(routes!(withdrawals::quote))
        .routes(routes!(withdrawals::typed_data))
        .routes(routes!(withdrawals::get))
        .routes(routes!(withdrawals::cancel))
        .routes(routes!(transfers::create, transfers::list))
        .routes(routes!(transfers::get))
        .routes(routes!(moves::create))
        .routes(routes!(moves::batch))
        .routes(routes!(signing::to_sign))
        .routes(routes!(events::follow))
        .merge(operator::all())
}
