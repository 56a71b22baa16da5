//! What an operator says to a running engine.

use super::ClientArgs;
use clap::{Args, Subcommand};

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// What needs a person, most urgent first.
    Work(ClientArgs),
    /// Pause everything, a network or an asset: no credits, no withdrawals. What is sent goes on to its end.
    Pause(PauseArgs),
    /// End a pause that the operator made.
    Resume(PauseArgs),
    /// Let a network go on that the engine halted.
    ResumeNetwork {
        /// The network, by its CAIP-2 id.
        network: String,
        /// Search again from this block, when the blocks that were searched last are gone for good. It lies before the fork.
        #[arg(long, requires_all = ["hash", "parent"])]
        height: Option<u64>,
        /// That block's hash.
        #[arg(long, requires = "height")]
        hash: Option<String>,
        /// The hash of the block before it.
        #[arg(long, requires = "height")]
        parent: Option<String>,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Let an asset go on that the engine stopped. Its contract is looked at again.
    ResumeAsset {
        /// The asset, by its CAIP-19 id.
        asset: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Say that a payment to one of your wallets brings your own funds. Say it before the payment is final.
    Funding {
        /// The network, by its CAIP-2 id.
        #[arg(long)]
        network: String,
        /// The transaction that pays.
        #[arg(long)]
        transaction: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Freeze an account: nothing may be taken from it.
    Freeze {
        /// A CAIP-10 id, or the name of an account that the operator named.
        account: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Unfreeze an account.
    Unfreeze {
        /// A CAIP-10 id, or the name of an account that the operator named.
        account: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Let a wallet sign again that the engine froze.
    Thaw {
        /// The wallet: its number, its address, or its CAIP-10 id.
        wallet: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Take what an account owes after a reversal out of what it has free.
    SettleOwed {
        /// A CAIP-10 id, or the name of an account that the operator named.
        account: String,
        /// Of what.
        #[arg(long)]
        token: String,
        /// How much, as a decimal number.
        #[arg(long)]
        amount: String,
        #[command(flatten)]
        once: OnceArgs,
    },
    /// What wallets hold less than the books say.
    Shortages(ClientArgs),
    /// Book what is missing from a wallet as your loss. With the last of it the asset is paid out again.
    WriteOff {
        /// The asset, by its CAIP-19 id.
        asset: String,
        /// The wallet: its number, its address, or its CAIP-10 id.
        #[arg(long)]
        wallet: String,
        /// How much, as a decimal number: no more than was found missing.
        #[arg(long)]
        amount: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Final transactions of ours that a deep reorganisation took.
    Finals(ClientArgs),
    /// Say that a final transaction of ours that a reorganisation took will not come back. What it moved goes to suspense.
    ClearFinal {
        /// The network, by its CAIP-2 id.
        network: String,
        /// The transaction.
        transaction: String,
        /// What used its nonce made the same payment: nothing comes back.
        #[arg(long)]
        paid: bool,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Payments found after a restore that nothing in the books asked for. A withdrawal of just that is settled as it.
    Unmatched(ClientArgs),
    /// Say that such a payment is nobody's withdrawal: you have borne it, and the next one like it is sent.
    ClearUnmatched {
        /// The network, by its CAIP-2 id.
        network: String,
        /// The transaction.
        transaction: String,
        #[command(flatten)]
        hand: HandArgs,
    },
    /// Take back a withdrawal of any account, if that is still possible.
    Cancel {
        /// The withdrawal's id.
        withdrawal: String,
        #[command(flatten)]
        once: OnceArgs,
    },
    /// Amounts that nobody owns yet.
    #[command(subcommand)]
    Suspense(SuspenseCommand),
    /// The operator's wallets and what they hold.
    Wallets(ClientArgs),
    /// Every token's books: what is owed beside what is held.
    Books {
        /// Add up every account and wallet as well. Nothing else runs meanwhile.
        #[arg(long)]
        prove: bool,
        #[command(flatten)]
        client: ClientArgs,
    },
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SuspenseCommand {
    /// All of them, oldest first.
    List(ClientArgs),
    /// Give one to an account, or to the operator.
    Assign {
        /// Its id.
        id: String,
        /// The account that gets it.
        #[arg(long, conflicts_with = "equity", required_unless_present = "equity")]
        account: Option<String>,
        /// The operator gets it.
        #[arg(long)]
        equity: bool,
        #[command(flatten)]
        hand: HandArgs,
    },
}

/// A command that is carried out once.
#[derive(Clone, Debug, Args)]
pub(crate) struct OnceArgs {
    /// The request's key, a UUIDv7. Repeat a request whose outcome is unknown with the same one. Made anew by default.
    #[arg(long)]
    pub(crate) key: Option<uuid::Uuid>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
}

/// A command that is carried out once, with the reason that the journal keeps.
#[derive(Clone, Debug, Args)]
pub(crate) struct HandArgs {
    /// Why, for those who read the journal later.
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) once: OnceArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct PauseArgs {
    /// `all`, a network by its CAIP-2 id, or an asset by its CAIP-19 id.
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) hand: HandArgs,
}
