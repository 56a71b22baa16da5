//! Every key there is, with its default and what it means. The reader, the documentation and the template of `init` are
//! all made from this.

/// One part of the file.
pub(crate) struct Section {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// Of a section that may occur often: the key that names an entry.
    pub(crate) named_by: Option<&'static str>,
    /// What it is.
    pub(crate) doc: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [Key],
}

/// One key.
pub(crate) struct Key {
    /// Its name in the file.
    pub(crate) name: &'static str,
    /// What it takes, in words.
    pub(crate) takes: &'static str,
    /// Its default, as it would stand in the file; `None` when it has none.
    pub(crate) default: Option<&'static str>,
    /// It must be given.
    pub(crate) required: bool,
    /// Its value is never shown.
    pub(crate) secret: bool,
    /// What it means.
    pub(crate) doc: &'static str,
}

const fn key(name: &'static str, takes: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, takes, default: Some(default), required: false, secret: false, doc }
}

const fn optional(name: &'static str, takes: &'static str, doc: &'static str) -> Key {
    Key { name, takes, default: None, required: false, secret: false, doc }
}

const fn required(name: &'static str, takes: &'static str, doc: &'static str) -> Key {
    Key { name, takes, default: None, required: true, secret: false, doc }
}

const fn secret(key: Key) -> Key {
    Key { secret: true, ..key }
}

impl Section {
    /// As it stands in the file.
    pub(crate) fn heading(&self) -> String {
        let often = self.named_by.is_some() || self.name == "wallet";
        if often { format!("[[{}]]", self.name) } else { format!("[{}]", self.name) }
    }

    /// The section's key of that name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The section of that name.
pub(crate) fn section(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| section.name == name)
}

/// The section that a misspelt name is probably meant to be.
pub(crate) fn section_like(name: &str) -> Option<&'static Section> {
    SECTIONS.iter().find(|section| is_like(name, section.name))
}

/// One is probably the other misspelt: an edit or two away, in whatever case.
pub(crate) fn is_like(given: &str, name: &str) -> bool {
    let (given, name) = (given.to_lowercase().replace('-', "_"), name.replace('-', "_"));
    edits(&given, &name) <= if name.len() < 5 { 1 } else { 2 }
}

/// How many letters must be put in, left out or changed to make one text the other; two that changed places count once.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

/// All of them, in the order in which a person would write them.
pub(crate) const SECTIONS: &[Section] = &[
    Section {
        name: "engine",
        named_by: None,
        doc: "Where everything is kept. Relative paths are taken from the folder of the configuration file.",
        keys: &[
            key(
                "data",
                "a path",
                "\"data\"",
                "Folder of the journal, its snapshots and the read model. One process has it at a time.",
            ),
            key(
                "segment_mib",
                "MiB, 1 to 2048",
                "64",
                "Size of a journal file. A new data folder takes the reserve and three of these.",
            ),
            key("reserve_mib", "MiB", "64", "Room kept back so that payouts under way can finish on a full disk."),
            key(
                "snapshot_every",
                "a number of events",
                "1000000",
                "How often a snapshot is made; a start replays what came after the last one.",
            ),
            optional("archive", "a path", "Folder that sealed journal files are copied to, best on another disk."),
        ],
    },
    Section {
        name: "api",
        named_by: None,
        doc: "The doors: REST, events and the operator's page; probes and metrics on a port of their own.",
        keys: &[
            key(
                "listen",
                "address:port",
                "\"127.0.0.1:8700\"",
                "Where the doors listen. Put a TLS proxy in front before you open it to others.",
            ),
            key(
                "health_listen",
                "address:port",
                "\"127.0.0.1:8701\"",
                "Where `/livez`, `/readyz`, `/startupz` and `/metrics` listen.",
            ),
            key(
                "page",
                "\"off\", \"login\" or \"open\"",
                "\"login\"",
                "Who sees the operator's page: nobody, holders of a key with `page:read`, or everyone who reaches the port. `open` is for loopback only.",
            ),
            key(
                "secure_cookies",
                "true or false",
                "false",
                "Send the page's session cookie over TLS only. Turn it on when a TLS proxy stands in front.",
            ),
            key("rate_per_key", "requests a second", "200", "What one API key may ask on average; 0 sets no limit."),
            key("burst_per_key", "requests", "400", "What one API key may ask at once."),
            key("rate_per_address", "requests a second", "50", "What one address may ask on average; 0 sets no limit."),
            key("burst_per_address", "requests", "200", "What one address may ask at once."),
        ],
    },
    Section {
        name: "telemetry",
        named_by: None,
        doc: "Logs and traces. Metrics are always there, at `/metrics`.",
        keys: &[
            key("log", "\"text\" or \"json\"", "\"text\"", "How log lines look. They go to standard error."),
            key(
                "level",
                "a filter",
                "\"info\"",
                "`error`, `warn`, `info`, `debug` or `trace`, also by module: `info,tokengine_chain=debug`.",
            ),
            secret(optional(
                "otlp_endpoint",
                "a URL",
                "Where traces are sent, by OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`.",
            )),
        ],
    },
    Section {
        name: "deposits",
        named_by: None,
        doc: "Deposit addresses: one for an account on a network, on demand.",
        keys: &[optional(
            "key",
            "a name",
            "The family of keys (a `[[key]]` with `account` or `xpub`) that they come from. Without it none are given out.",
        )],
    },
    Section {
        name: "key",
        named_by: Some("name"),
        doc: "A key, or a family of keys. The secret is never in this file: it stands where `{ file = \"...\" }` or `{ env = \"...\" }` says.",
        keys: &[
            required("name", "1 to 32 of a-z, 0-9 and '-'", "What wallets call it. It is journaled, so it stays."),
            key(
                "stage",
                "\"active\" or \"retiring\"",
                "\"active\"",
                "A retiring key signs what is left to do, and takes nothing new.",
            ),
            optional(
                "address",
                "an address",
                "Refuse to start when the key has another address. Needed with `remote`.",
            ),
            optional("keystore", "a path", "An encrypted keystore file with one key, of ours, geth or Foundry."),
            optional("password", "where a secret is", "The password of `keystore` or `seed`."),
            secret(optional("private-key", "where a secret is", "A bare private key in hexadecimal.")),
            optional("seed", "a path", "An encrypted keystore file with a BIP-39 mnemonic."),
            secret(optional("mnemonic", "where a secret is", "A bare BIP-39 mnemonic.")),
            secret(optional("passphrase", "where a secret is", "The BIP-39 passphrase of `seed` or `mnemonic`.")),
            optional("path", "a BIP-32 path", "With `seed` or `mnemonic`: one key, such as `m/44'/60'/0'/0/0`."),
            optional("account", "a number", "With `seed` or `mnemonic`: the family `m/44'/60'/account'/0/index`."),
            optional("xpub", "an extended public key", "A family that can hand out addresses here and cannot spend."),
            optional(
                "remote",
                "a table",
                "A signing service: `{ url = \"...\", token = { env = \"...\" }, timeout-ms = 5000 }`.",
            ),
        ],
    },
    Section {
        name: "network",
        named_by: Some("id"),
        doc: "A network, and the nodes that are asked about it.",
        keys: &[
            required("id", "a CAIP-2 id", "Such as `eip155:1`."),
            required(
                "nodes",
                "a list of tables",
                "The nodes: `[{ name = \"own\", url = \"http://127.0.0.1:8545\" }]`. A URL that carries a key stands elsewhere: `url = { env = \"...\" }`. Further keys of a node: `timeout_ms` (10000), `max_concurrent` (16), `batch` (50; 1 for a node that takes none), `filter_limit` (256), `traces` (true).",
            ),
            key(
                "nodes_required",
                "a number of nodes",
                "1",
                "So many nodes must give the same answer before it counts.",
            ),
            optional(
                "genesis",
                "a hash",
                "Hash of block 0. Without it the first start takes what the nodes say, and every later start insists on that.",
            ),
            optional(
                "start_block",
                "a height",
                "First block whose payments count. Without it, those behind the finalized head of the very first start, or `reorg_depth` behind its newest block where there is none.",
            ),
            key(
                "reorg_depth",
                "blocks",
                "64",
                "Reorganisations up to this depth are ordinary; a deeper one halts the network until a person has looked.",
            ),
            key(
                "payout_finality",
                "blocks, \"safe\" or \"finalized\"",
                "\"finalized\"",
                "When a payout of ours is final. Not fewer blocks than `reorg_depth`: an ordinary reorganisation would take back a payment whose withdrawal is over.",
            ),
            key(
                "finalized",
                "\"node\" or \"depth\"",
                "\"node\"",
                "Where the finalized head comes from, which alone proves that a withdrawal failed or can never happen. `node`: the nodes tell it. `depth`: for a network whose nodes tell none; it is then the block that lies `reorg_depth` below the newest one, or `payout_finality` where that is a greater number of blocks, and wherever else `finalized` is asked for it is that block too.",
            ),
            key(
                "development",
                "true or false",
                "false",
                "A network of play money: a `payout_finality` below `reorg_depth` is told at every start, and not refused.",
            ),
            key(
                "max_in_flight",
                "transactions",
                "16",
                "So many transactions of one wallet may be sent and not yet in a block.",
            ),
            key(
                "max_fee_gwei",
                "a decimal",
                "\"500\"",
                "The most that is ever offered for a unit of gas. Above it payouts wait.",
            ),
            key("max_priority_fee_gwei", "a decimal", "\"50\"", "The most of it that is offered to the block's maker."),
            key("min_priority_fee_gwei", "a decimal", "\"0\"", "The least of it that is offered to the block's maker."),
            key("legacy_fees", "true or false", "false", "Never use EIP-1559."),
            key("data_fee", "\"none\" or \"op-stack\"", "\"none\"", "What the network charges besides gas."),
            key("poll_ms", "milliseconds", "1000", "How often nodes are asked for their heads."),
            key("scan_batch", "blocks", "32", "How many blocks are searched at once when catching up."),
            key(
                "replace_after_s",
                "seconds",
                "90",
                "A transaction that is in no block for so long is replaced by one that offers more.",
            ),
            key("claim_lookup_s", "seconds", "600", "A claimed transaction that no node knew for so long is refused."),
            key(
                "reconcile_every",
                "blocks",
                "100",
                "How often wallets are compared with the books; 0 for on demand only.",
            ),
            key(
                "reconcile_addresses",
                "addresses",
                "50000",
                "How many deposit addresses that hold nothing are compared each time, in their turn.",
            ),
            key(
                "probe_every",
                "blocks",
                "50",
                "How often contracts are compared with what was found when they were listed.",
            ),
            key("native_gas_cap", "gas", "100000", "The most gas for a payment of the native coin."),
            key("token_gas_cap", "gas", "200000", "The most gas for a payment of a token."),
            key(
                "sweep_max_cost",
                "a decimal of the coin",
                "\"0.005\"",
                "The most that sweeping tokens once may cost; above it the sweep waits.",
            ),
            key(
                "top_up_a_day",
                "a decimal of the coin",
                "\"1\"",
                "The most coin given to deposit addresses for gas within a day.",
            ),
        ],
    },
    Section {
        name: "wallet",
        named_by: None,
        doc: "A wallet of the operator's on one network.",
        keys: &[
            required("network", "a CAIP-2 id", "Where it is."),
            required(
                "role",
                "\"hot\", \"cold\", \"gas\" or \"retiring\"",
                "`hot` pays out; `cold` only receives; `gas` pays for sweeps; `retiring` was hot and is swept empty.",
            ),
            optional("key", "a name", "The key that signs for it; all but `cold` need one."),
            optional("address", "an address", "The address of a cold wallet; of others it is checked against the key."),
        ],
    },
    Section {
        name: "token",
        named_by: Some("id"),
        doc: "What accounts own. One token may stand for the same thing on several networks.",
        keys: &[
            required("id", "a name", "Your name for it, such as `usdx`."),
            required("decimals", "0 to 30", "Precision of the ledger: that of its finest asset. It never changes."),
        ],
    },
    Section {
        name: "asset",
        named_by: Some("id"),
        doc: "What stands for a token on a network. Limits are decimals of the asset, fees decimals of its token.",
        keys: &[
            required("id", "a CAIP-19 id", "Such as `eip155:1/slip44:60` or `eip155:1/erc20:0x...`."),
            required("token", "a name", "The token it stands for."),
            required("decimals", "0 to 30", "Its decimals on its network. For a contract they are checked there."),
            key(
                "aliases",
                "a list of addresses",
                "[]",
                "Further contracts that show the same asset: the second address of a token behind two proxies, or the ERC-20 face of a coin. What they log is never credited, because the asset itself is; and none of them can be an asset of its own.",
            ),
            key("deposits", "true or false", "true", "Deposits are credited."),
            key("payouts", "true or false", "true", "Withdrawals are taken."),
            key("min_deposit", "a decimal", "\"0\"", "A smaller deposit goes to suspense, for a person to assign."),
            optional("max_deposit", "a decimal", "A larger deposit goes to suspense."),
            key("min_payout", "a decimal", "\"0\"", "The smallest withdrawal."),
            optional("max_payout", "a decimal", "The largest withdrawal."),
            key(
                "fees",
                "a table",
                "{ success = \"0\", success_bps = 0, failure = \"0\" }",
                "What a withdrawal costs: when it succeeds (a fixed amount, and hundredths of a percent of what is paid), and when it fails on its network.",
            ),
            key(
                "finality",
                "a list of tables",
                "[{ level = \"finalized\" }]",
                "When a deposit counts: `[{ up_to = \"100\", level = 3 }, { level = \"finalized\" }]`. A level is a number of blocks, `safe` or `finalized`; the last tier has no `up_to`.",
            ),
            key("sweep_from", "a decimal", "\"0\"", "A deposit address is swept when it holds so much."),
        ],
    },
];
