//! The operator's own routes: reading what only the operator may see, and the operator's hand.

mod hand;
mod keys;
mod look;
mod losses;

pub use hand::{
    AssignRequest, BlockIn, FundingRequest, PauseRequest, ReasonRequest, ResumeAssetRequest, ResumeNetworkRequest,
    SettleOwedRequest,
};
pub use keys::{KeyRequest, NewKeyView};
pub(crate) use look::{books, wallets};
pub use losses::{ClearFinalRequest, ClearUnmatchedRequest, WriteOffRequest};

use crate::app::Shared;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn all() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(hand::announce_funding))
        .routes(routes!(look::pauses))
        .routes(routes!(hand::pause))
        .routes(routes!(hand::resume))
        .routes(routes!(hand::freeze))
        .routes(routes!(hand::unfreeze))
        .routes(routes!(hand::settle_owed))
        .routes(routes!(hand::thaw))
        .routes(routes!(hand::resume_network))
        .routes(routes!(hand::resume_asset))
        .routes(routes!(losses::list_shortages))
        .routes(routes!(losses::write_off))
        .routes(routes!(losses::list_finals))
        .routes(routes!(losses::clear_final))
        .routes(routes!(losses::list_unmatched))
        .routes(routes!(losses::clear_unmatched))
        .routes(routes!(look::suspense))
        .routes(routes!(hand::assign))
        .routes(routes!(hand::retry))
        .routes(routes!(hand::cancel))
        .routes(routes!(hand::reconcile))
        .routes(routes!(look::work_list))
        .routes(routes!(look::all_books))
        .routes(routes!(look::all_wallets))
        .routes(routes!(look::audit))
}
