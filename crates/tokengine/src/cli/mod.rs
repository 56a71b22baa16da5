//! The command line.

mod client;
mod operator;

use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use client::{AccountArgs, AskArgs, ClientArgs, DepositArgs, PayoutArgs, TransferArgs, WithdrawArgs};
pub(crate) use operator::{HandArgs, OnceArgs, OperatorCommand, PauseArgs, SuspenseCommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Takes custody of tokens on many networks, keeps who owns what, and pays out again.
#[derive(Debug, Parser)]
#[command(name = "tokengine", version, after_help = crate::exit::HELP, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// The configuration file.
    #[arg(long, short, global = true, env = "TOKENGINE_CONFIG", default_value = "tokengine.toml")]
    pub(crate) config: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented configuration to begin with; never over another file.
    Init,
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Run the engine.
    Serve(ServeArgs),
    /// Show it all on two networks of its own: deposits, a transfer across, withdrawals, a reorg, and books that balance.
    Demo(DemoArgs),
    /// Make, list and import keys, and make API keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Tell a running engine of a deposit, so that it looks at once.
    Deposit(DepositArgs),
    /// Withdraw from an account.
    Withdraw(WithdrawArgs),
    /// Withdraw what a deposit brings, in one call.
    Transfer(TransferArgs),
    /// What an account has.
    Balance(AccountArgs),
    /// What happened to an account.
    History(AccountArgs),
    /// The operator's hand on a running engine.
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Check every byte of the journal, replay it, and prove the books.
    Verify(DataArgs),
    /// Build the read model anew from the journal. The engine must not be running.
    Rebuild(DataArgs),
    /// Ask a running engine to compare its wallets with the books now, and wait for what it finds.
    Reconcile(ClientArgs),
    /// Copy the journal into an empty folder, while the engine runs or not.
    Backup(CopyArgs),
    /// Make a data folder out of a backup or an archive. The next start searches the networks before it signs anything.
    Restore(CopyArgs),
    /// Print the OpenAPI description of the doors.
    Openapi,
    /// Print completions for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Report every mistake at once, keys included.
    Check,
    /// Print every value that is used and where it comes from; no secrets.
    Print,
    /// Print the documentation of every key, as Markdown.
    #[command(hide = true)]
    Docs,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// The data folder, instead of `engine.data`.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Where the doors listen, instead of `api.listen`.
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Where probes and metrics listen, instead of `api.health_listen`.
    #[arg(long)]
    pub(crate) health_listen: Option<SocketAddr>,
    /// How log lines look, instead of `telemetry.log`.
    #[arg(long)]
    pub(crate) log: Option<LogArg>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogArg {
    Text,
    Json,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DemoArgs {
    /// Leave when done, with 0 only if everything held.
    #[arg(long)]
    pub(crate) exit: bool,
    /// Keep the data in this folder, which must be new or empty.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Where the page listens.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: Option<SocketAddr>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DataArgs {
    /// The data folder, instead of `engine.data`.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct CopyArgs {
    /// `backup`: the empty folder to copy to. `restore`: the backup or archive to copy from.
    pub(crate) folder: PathBuf,
    /// The data folder, instead of `engine.data`.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key, or a family of keys, in a new encrypted keystore.
    New {
        /// Its name.
        name: String,
        /// A family for deposit addresses: a new mnemonic.
        #[arg(long)]
        family: bool,
        #[command(flatten)]
        file: KeystoreArgs,
    },
    /// The keys of the configuration and their addresses.
    List,
    /// The address of a key, such as `hot-1` or `deposits/17`.
    Address {
        /// Which key.
        key: String,
    },
    /// Put a private key or a mnemonic that you have into a new encrypted keystore.
    Import {
        /// Its name.
        name: String,
        /// The file with the secret.
        #[arg(long, conflicts_with = "from_env", required_unless_present = "from_env")]
        from_file: Option<PathBuf>,
        /// The environment variable with the secret.
        #[arg(long)]
        from_env: Option<String>,
        /// The secret is a mnemonic, not a private key.
        #[arg(long)]
        mnemonic: bool,
        #[command(flatten)]
        file: KeystoreArgs,
    },
    /// Make an API key. The engine must not be running; a running one makes keys at its doors.
    ApiKey {
        /// The operator's name for it.
        #[arg(long)]
        name: String,
        /// What it may do: `admin:*`, `withdrawals:create`, ..., or `all`.
        #[arg(long, value_delimiter = ',', required = true)]
        scopes: Vec<String>,
        /// Write it to this new file, for its owner only, instead of printing it.
        #[arg(long)]
        out: Option<PathBuf>,
        /// The data folder, instead of `engine.data`.
        #[arg(long)]
        data: Option<PathBuf>,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct KeystoreArgs {
    /// The keystore file, instead of `keys/<name>.json` beside the configuration.
    #[arg(long)]
    pub(crate) keystore: Option<PathBuf>,
    /// The file with its password. Without any, a password is made and kept in `secrets/<name>`, beside the configuration.
    #[arg(long, conflicts_with = "password_env")]
    pub(crate) password_file: Option<PathBuf>,
    /// The environment variable with its password.
    #[arg(long)]
    pub(crate) password_env: Option<String>,
    /// Make a password first and write it to `--password-file`, which must not exist.
    #[arg(long, requires = "password_file")]
    pub(crate) make_password: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
