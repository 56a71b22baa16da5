//! An EVM node of our own: anvil, on a free loopback port, with its data in a temporary folder.
//!
//! This file starts, stops and restarts it; what acts on its chain is in `anvil/chain.rs`, what sends transactions and uses
//! contracts in `anvil/send.rs`.

mod chain;
mod send;

use std::{fs, path::PathBuf, process::Command, time::Duration};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Error, Process, Rpc, npm, peers::Progress, wait_for};

/// A loaded machine with two cores needs some seconds; longer than this is a fault.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// When a new block comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mining {
    /// As soon as there is a transaction.
    Instant,
    /// Every so often, whether there are transactions or not; milliseconds are the finest.
    Every(Duration),
    /// Only when [`Anvil::mine`] is called.
    Manual,
}

/// How a node is started.
#[derive(Clone, Debug)]
pub struct AnvilOptions {
    /// The EIP-155 chain id.
    pub chain_id: u64,
    /// When a new block comes.
    pub mining: Mining,
    /// Blocks in an epoch: `safe` is one epoch behind the head, `finalized` two.
    pub slots_in_an_epoch: u64,
    /// The BIP-39 phrase of the funded accounts; anvil's well-known one by default.
    pub mnemonic: Option<String>,
    /// How many accounts have coins from the start.
    pub accounts: u32,
    /// The port, or `None` for any that is free.
    pub port: Option<u16>,
    /// A file with a chain to start from, as [`Anvil::saved_chain`] names it.
    pub state: Option<PathBuf>,
    /// Further arguments for the program.
    pub extra_args: Vec<String>,
}

impl Default for AnvilOptions {
    /// Chain 31337, a block for each transaction, `finalized` 4 blocks behind the head, ten funded accounts.
    fn default() -> Self {
        Self {
            chain_id: 31337,
            mining: Mining::Instant,
            slots_in_an_epoch: 2,
            mnemonic: None,
            accounts: 10,
            port: None,
            state: None,
            extra_args: Vec::new(),
        }
    }
}

impl AnvilOptions {
    /// The default with another chain id.
    #[must_use]
    pub fn chain(chain_id: u64) -> Self {
        Self { chain_id, ..Self::default() }
    }

    /// The same with another rule for new blocks.
    #[must_use]
    pub fn mining(self, mining: Mining) -> Self {
        Self { mining, ..self }
    }
}

/// A running node. It ends, and its data with it, when this is dropped or when we end in any other way.
#[derive(Debug)]
pub struct Anvil {
    rpc: Rpc,
    port: u16,
    accounts: Vec<String>,
    keys: Vec<String>,
    options: AnvilOptions,
    program: PathBuf,
    /// `None` while it is stopped.
    process: Option<Process>,
    /// Dropped last: the process writes there.
    folder: TempDir,
}

impl Anvil {
    /// Installs the node if it is not there yet, starts it, and returns when it answers.
    ///
    /// # Errors
    /// Those of [`crate::install`], and [`Error::Start`] with the end of its log.
    pub fn start(options: AnvilOptions) -> Result<Self, Error> {
        let package = npm::ensure(&npm::ANVIL, &mut |_: &Progress| {})?;
        let folder = tempfile::tempdir().map_err(Error::io("creating a folder for anvil"))?;
        let mut anvil = Self {
            rpc: Rpc::new(""),
            port: 0,
            accounts: Vec::new(),
            keys: Vec::new(),
            program: npm::anvil_program(&package),
            process: None,
            folder,
            options,
        };
        anvil.launch(anvil.options.port.unwrap_or(0), anvil.options.state.clone())?;
        Ok(anvil)
    }

    /// Where it answers: `http://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> &str {
        self.rpc.url()
    }

    /// The port it listens on; the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its EIP-155 chain id.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.options.chain_id
    }

    /// The addresses of its funded accounts, which it signs for.
    #[must_use]
    pub fn accounts(&self) -> &[String] {
        &self.accounts
    }

    /// The private keys of its funded accounts, in the same order, in hexadecimal with `0x`.
    #[must_use]
    pub fn private_keys(&self) -> &[String] {
        &self.keys
    }

    /// The client that the methods here use.
    #[must_use]
    pub fn client(&self) -> &Rpc {
        &self.rpc
    }

    /// Asks it any question; `params` is an array.
    ///
    /// # Errors
    /// Those of [`Rpc::call`].
    pub fn rpc(&self, method: &str, params: Value) -> Result<Value, Error> {
        self.rpc.call(method, params)
    }

    /// Ends it at once, as a power cut would. Its chain is gone, but for what [`Anvil::stop`] kept earlier.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Stops it answering without closing its port: connections hang until [`Anvil::thaw`].
    pub fn freeze(&mut self) {
        if let Some(process) = &mut self.process {
            process.freeze();
        }
    }

    /// Lets it answer again after [`Anvil::freeze`].
    pub fn thaw(&mut self) {
        if let Some(process) = &mut self.process {
            process.thaw();
        }
    }

    /// Stops it, keeping its chain in its folder; [`Anvil::resume`] goes on from there.
    ///
    /// # Errors
    /// [`Error::Start`] when it does not end and write its chain within 30 s. It is gone then all the same.
    pub fn stop(&mut self) -> Result<(), Error> {
        let Some(mut process) = self.process.take() else { return Ok(()) };
        // A frozen process would not hear that it should end.
        process.thaw();
        let ended = process.terminate(READY_WITHIN);
        if ended.is_some() && self.saved_chain().exists() {
            return Ok(());
        }
        Err(Error::Start { peer: "anvil (stopping)".to_owned(), output: process.log_tail() })
    }

    /// Starts it again on the same port, from the chain that [`Anvil::stop`] kept, else from an empty one.
    ///
    /// # Errors
    /// [`Error::Start`] with the end of its log, also when another process has taken its port.
    pub fn resume(&mut self) -> Result<(), Error> {
        if self.process.is_none() {
            let saved = self.saved_chain();
            let state = saved.exists().then_some(saved).or_else(|| self.options.state.clone());
            self.launch(self.port, state)?;
        }
        Ok(())
    }

    /// Stops it and starts it again with the same chain on the same port.
    ///
    /// # Errors
    /// Those of [`Anvil::stop`] and [`Anvil::resume`].
    pub fn restart(&mut self) -> Result<(), Error> {
        self.stop()?;
        self.resume()
    }

    /// The end of what it printed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.process.as_ref().map(Process::log_tail).unwrap_or_default()
    }

    /// The id of its process, or `None` while it is stopped.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// The file that [`Anvil::stop`] writes its chain to (blocks, transactions, accounts). It goes when this is dropped.
    #[must_use]
    pub fn saved_chain(&self) -> PathBuf {
        self.folder.path().join("chain.state")
    }

    fn launch(&mut self, port: u16, state: Option<PathBuf>) -> Result<(), Error> {
        let log = self.folder.path().join("anvil.log");
        // A log of an earlier run would answer for this one.
        let _ = fs::remove_file(&log);
        let mut command = Command::new(&self.program);
        // Its own home: it keeps a cache below it, which tests must not share.
        command.env("HOME", self.folder.path()).current_dir(self.folder.path()).args(["--color", "never"]);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--chain-id", &self.options.chain_id.to_string()]);
        command.args(["--accounts", &self.options.accounts.to_string()]);
        command.args(["--slots-in-an-epoch", &self.options.slots_in_an_epoch.to_string()]);
        match self.options.mining {
            Mining::Instant => {}
            Mining::Every(time) => drop(command.args(["--block-time", &format!("{:.3}", time.as_secs_f64())])),
            Mining::Manual => drop(command.arg("--no-mining")),
        }
        if let Some(mnemonic) = &self.options.mnemonic {
            command.args(["--mnemonic", mnemonic]);
        }
        if let Some(state) = state {
            command.arg("--load-state").arg(state);
        }
        command.arg("--dump-state").arg(self.saved_chain());
        command.args(&self.options.extra_args);
        let mut process = Process::spawn("anvil", &mut command, &log)?;
        // Port 0 lets the kernel choose, so that no two nodes ever want the same; the log says which it was.
        let listening = wait_for("anvil listening", READY_WITHIN, || {
            let ended = process.exit_status().is_some();
            let port = listening_port(&process.log());
            (ended || port.is_some()).then_some(port)
        });
        let Ok(Some(port)) = listening else {
            return Err(Error::Start { peer: "anvil".to_owned(), output: process.log_tail() });
        };
        self.rpc = Rpc::new(format!("http://127.0.0.1:{port}"));
        self.port = port;
        wait_for("anvil answering", READY_WITHIN, || self.rpc.call("eth_chainId", json!([])).ok())
            .map_err(|_| Error::Start { peer: "anvil".to_owned(), output: process.log_tail() })?;
        self.keys = private_keys(&process.log());
        self.process = Some(process);
        self.accounts = strings(&self.rpc("eth_accounts", json!([]))?);
        Ok(())
    }
}

fn listening_port(log: &str) -> Option<u16> {
    let line = log.lines().find_map(|line| line.strip_prefix("Listening on "))?;
    line.rsplit(':').next()?.trim().parse().ok()
}

fn private_keys(log: &str) -> Vec<String> {
    let keys = log.lines().skip_while(|line| *line != "Private Keys").skip(1);
    keys.take_while(|line| *line != "Wallet")
        .filter_map(|line| line.split_once(") "))
        .map(|(_, key)| key.trim().to_owned())
        .collect()
}

fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
