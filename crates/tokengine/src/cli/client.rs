//! What a client of a running engine says.

use clap::Args;
use std::path::PathBuf;

/// How a client reaches an engine.
#[derive(Clone, Debug, Args)]
pub(crate) struct ClientArgs {
    /// The engine's doors.
    #[arg(long, env = "TOKENGINE_URL", default_value = "http://127.0.0.1:8700")]
    pub(crate) url: String,
    /// The file with the API key; else the variable TOKENGINE_API_KEY is read.
    #[arg(long)]
    pub(crate) api_key_file: Option<PathBuf>,
}

/// How a request that moves money is made, once.
#[derive(Clone, Debug, Args)]
pub(crate) struct AskArgs {
    /// The request's key, a UUIDv7. Repeat a request whose outcome is unknown with the same one. Made anew by default.
    #[arg(long)]
    pub(crate) key: Option<uuid::Uuid>,
    /// Wait so many seconds for the end.
    #[arg(long, default_value_t = 0)]
    pub(crate) wait: u64,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DepositArgs {
    /// The network, by its CAIP-2 id.
    #[arg(long)]
    pub(crate) network: String,
    /// The transaction that paid.
    #[arg(long)]
    pub(crate) transaction: String,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

/// What is paid out.
#[derive(Clone, Debug, Args)]
pub(crate) struct PayoutArgs {
    /// Whose tokens: a CAIP-10 id, or the name of an account that the operator named.
    #[arg(long)]
    pub(crate) account: String,
    /// What is paid, by its CAIP-19 id.
    #[arg(long)]
    pub(crate) asset: String,
    /// How much arrives, as a decimal number.
    #[arg(long)]
    pub(crate) amount: String,
    /// Who receives: an address on the asset's network.
    #[arg(long)]
    pub(crate) to: String,
    /// The most that may be taken as fee, as a decimal number of the token; by default what a quote says.
    #[arg(long)]
    pub(crate) max_fee: Option<String>,
    /// Your own name for it: permanent and unique within the account.
    #[arg(long)]
    pub(crate) external_id: Option<String>,
    /// Sign with this key of the configuration, as the account's owner. Without it the API key must have the right.
    #[arg(long)]
    pub(crate) sign_with: Option<String>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct WithdrawArgs {
    #[command(flatten)]
    pub(crate) payout: PayoutArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TransferArgs {
    /// The network of the deposit, by its CAIP-2 id.
    #[arg(long)]
    pub(crate) network: String,
    /// The transaction that deposits.
    #[arg(long)]
    pub(crate) transaction: String,
    #[command(flatten)]
    pub(crate) payout: PayoutArgs,
    #[command(flatten)]
    pub(crate) ask: AskArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct AccountArgs {
    /// A CAIP-10 id, or the name of an account that the operator named.
    pub(crate) account: String,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}
