-- The read model's first form. Never changed once released: a new form is a new numbered file.
--
-- Everything here follows from the journal's events and can be dropped and filled again. How values are kept:
--   amounts     TEXT, decimal digits of base units, a minus in front of a negative change. Exact in every SQL tool,
--               and castable to NUMERIC(39, 0); nothing orders or sums by them, so they need not sort as texts
--   hashes      BLOB: 32 bytes of a transaction or block, 16 bytes big-endian of a fingerprint or a nonce,
--               so that hex() shows what the engine prints
--   times       INTEGER, milliseconds since 1970-01-01 UTC
--   numbers     INTEGER; the engine's own numbers (accounts, assets, ...) as in its events
--   flags       INTEGER, 0 or 1
--   states      TEXT, the word that the API shows

-- Up to which event this follows the journal; written in the transaction of the rows that follow from it.
CREATE TABLE follower (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    position INTEGER NOT NULL
);
INSERT INTO follower (only_row, position) VALUES (1, 0);

-- Every event, as the journal has it: the audit trail, and where the steps below take their details from.
CREATE TABLE events (
    position  INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    name      TEXT NOT NULL,
    principal TEXT,            -- operator, key:N or account:N; nobody for what the engine saw by itself
    record    BLOB NOT NULL    -- the journal's own encoding
);

CREATE TABLE networks (
    id            INTEGER PRIMARY KEY,
    caip2         TEXT NOT NULL,
    reorg_depth   INTEGER NOT NULL,
    native_asset  INTEGER,
    oldest_height INTEGER,     -- the oldest and the newest of the scanned blocks that the engine remembers
    head_height   INTEGER
);

CREATE TABLE tokens (
    id       INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    decimals INTEGER NOT NULL
);

CREATE TABLE assets (
    id       INTEGER PRIMARY KEY,
    caip19   TEXT NOT NULL,
    network  INTEGER NOT NULL,
    token    INTEGER NOT NULL,
    decimals INTEGER NOT NULL,
    contract TEXT
);

CREATE TABLE accounts (
    id             INTEGER PRIMARY KEY,
    name           TEXT NOT NULL,     -- the one it was opened under
    operator_named INTEGER NOT NULL,
    frozen         INTEGER NOT NULL,
    joined         INTEGER,           -- the account that this one became part of
    opened_at      INTEGER NOT NULL
);
CREATE INDEX accounts_joined ON accounts (joined) WHERE joined IS NOT NULL;

-- Every name that ever stood for an account, the first one included.
CREATE TABLE account_names (
    name    TEXT PRIMARY KEY,
    account INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX account_names_account ON account_names (account);

-- What an account has of a token, and the newest entry that changed it: the largest of an account's is where its
-- history begins.
CREATE TABLE account_books (
    account    INTEGER NOT NULL,
    token      INTEGER NOT NULL,
    free       TEXT NOT NULL,
    held       TEXT NOT NULL,
    owed       TEXT NOT NULL,
    last_entry INTEGER NOT NULL,
    PRIMARY KEY (account, token)
) WITHOUT ROWID;

-- Every change of a balance. An account's entries are a chain: previous_entry is the one before, 0 when there is none.
-- An index by account would have to touch a page at random for every move; the chain only ever appends.
CREATE TABLE entries (
    id             INTEGER PRIMARY KEY,
    previous_entry INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    account        INTEGER NOT NULL,
    token          INTEGER NOT NULL,
    kind           TEXT NOT NULL,
    reference      INTEGER,    -- by kind: an account, a payout, a row of deposits, a suspense item
    free_change    TEXT NOT NULL,
    held_change    TEXT NOT NULL,
    free           TEXT NOT NULL,
    held           TEXT NOT NULL
);

CREATE TABLE wallets (
    id        INTEGER PRIMARY KEY,
    network   INTEGER NOT NULL,
    address   TEXT NOT NULL,
    role      TEXT NOT NULL,   -- hot, cold, deposit, gas, retiring
    account   INTEGER,         -- whose deposit address it is
    key_name  TEXT NOT NULL,
    listed_at INTEGER NOT NULL,
    frozen_at INTEGER,
    frozen_why TEXT
);
CREATE UNIQUE INDEX wallets_address ON wallets (network, address);
CREATE INDEX wallets_account ON wallets (account) WHERE account IS NOT NULL;

CREATE TABLE deposits (
    id               INTEGER PRIMARY KEY,   -- in the order of first sight
    fingerprint      BLOB NOT NULL,
    network          INTEGER NOT NULL,
    tx               BLOB NOT NULL,
    locator          TEXT NOT NULL,         -- value, output:N, log:N, trace:N.N
    asset            INTEGER NOT NULL,
    wallet           INTEGER NOT NULL,
    sender           TEXT NOT NULL,
    sender_contract  INTEGER NOT NULL,
    amount           TEXT NOT NULL,         -- base units of the asset
    credited         TEXT,                  -- base units of the token
    account          INTEGER,               -- while confirming: whose it is going to be, as far as known
    state            TEXT NOT NULL,
    orphaned         INTEGER NOT NULL,      -- a reorg took its block and it was not seen again yet
    watched          INTEGER NOT NULL,      -- a reorg may still take its block
    block_height     INTEGER NOT NULL,
    block_hash       BLOB NOT NULL,
    block_parent     BLOB NOT NULL,
    confirmations    INTEGER,               -- when it was credited
    seen_at          INTEGER NOT NULL,
    settled_at       INTEGER,
    settled_position INTEGER
);
CREATE UNIQUE INDEX deposits_fingerprint ON deposits (fingerprint);
CREATE INDEX deposits_tx ON deposits (network, tx);
CREATE INDEX deposits_account ON deposits (account) WHERE account IS NOT NULL;
CREATE INDEX deposits_state ON deposits (state);
CREATE INDEX deposits_watched ON deposits (network, block_height) WHERE watched = 1;

CREATE TABLE deposit_steps (
    deposit  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    step     TEXT NOT NULL,
    PRIMARY KEY (deposit, position)
) WITHOUT ROWID;

CREATE TABLE claims (
    id              INTEGER PRIMARY KEY,    -- the position of the event that opened it
    network         INTEGER NOT NULL,
    tx              BLOB NOT NULL,
    account         INTEGER,
    opened_at       INTEGER NOT NULL,
    state           TEXT NOT NULL,          -- open, found, refused
    refusal         TEXT,
    closed_at       INTEGER,
    closed_position INTEGER
);
CREATE INDEX claims_tx ON claims (network, tx);
CREATE INDEX claims_account ON claims (account) WHERE account IS NOT NULL;
CREATE INDEX claims_state ON claims (state);

CREATE TABLE suspense (
    id              INTEGER PRIMARY KEY,
    token           INTEGER NOT NULL,
    amount          TEXT NOT NULL,          -- base units of the token
    reason          TEXT NOT NULL,
    deposit         INTEGER,
    sender          TEXT,
    wallet          INTEGER NOT NULL,
    since           INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    state           TEXT NOT NULL,          -- open, assigned, reversed
    account         INTEGER,                -- who got it; nobody when the operator did
    assigned_why    TEXT,
    closed_at       INTEGER,
    closed_position INTEGER
);
CREATE INDEX suspense_state ON suspense (state);
CREATE INDEX suspense_deposit ON suspense (deposit) WHERE deposit IS NOT NULL;

CREATE TABLE payouts (
    id               INTEGER PRIMARY KEY,
    account          INTEGER NOT NULL,
    asset            INTEGER NOT NULL,
    amount           TEXT NOT NULL,         -- base units of the asset: what arrives
    token_amount     TEXT NOT NULL,         -- the same in base units of the token
    destination      TEXT NOT NULL,
    max_fee          TEXT NOT NULL,
    external_id      TEXT,
    nonce            BLOB NOT NULL,
    expiry           INTEGER NOT NULL,
    authority        TEXT NOT NULL,         -- operator, key:N or signature:<CAIP-10 id>
    transfer         INTEGER,
    success_fee      TEXT NOT NULL,
    failure_fee      TEXT NOT NULL,
    held             TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL,
    state            TEXT NOT NULL,
    wait             TEXT,                  -- why, while it waits
    dispatch         INTEGER,               -- the slot it has now, or had when it ended
    received_by      INTEGER,               -- the account, when it was settled inside
    fee              TEXT,                  -- what was taken in the end
    gas              TEXT NOT NULL,         -- all its slots together, base units of the native coin
    tx               BLOB,                  -- the proof: the transaction that ended it, and its block
    block_height     INTEGER,
    block_hash       BLOB,
    held_at          INTEGER NOT NULL,
    position         INTEGER NOT NULL,
    ended_at         INTEGER,
    ended_position   INTEGER
);
CREATE INDEX payouts_account ON payouts (account);
CREATE INDEX payouts_external_id ON payouts (account, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX payouts_state ON payouts (state);
CREATE INDEX payouts_open ON payouts (id) WHERE ended_position IS NULL;

CREATE TABLE payout_steps (
    payout   INTEGER NOT NULL,
    position INTEGER NOT NULL,
    step     TEXT NOT NULL,
    PRIMARY KEY (payout, position)
) WITHOUT ROWID;

-- One nonce of a wallet in use for one purpose: payouts, sweeps, top-ups, fillers.
CREATE TABLE dispatches (
    id             INTEGER PRIMARY KEY,
    network        INTEGER NOT NULL,
    wallet         INTEGER NOT NULL,
    nonce          INTEGER NOT NULL,
    purpose        TEXT NOT NULL,          -- payout, sweep, top-up, noop, unknown
    payout         INTEGER,
    to_wallet      INTEGER,
    asset          INTEGER,                -- of a sweep or a top-up
    amount         TEXT,
    gas_reserve    TEXT NOT NULL,
    state          TEXT NOT NULL,          -- open, done, reverted, void, dead, adopted
    seen_attempt   INTEGER,
    seen_success   INTEGER,
    block_height   INTEGER,                -- where it was seen, or ended
    block_hash     BLOB,
    tx             BLOB,                   -- what ended it: an attempt's, a foreign one, or the one found after a restore
    gas            TEXT,
    opened_at      INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    ended_at       INTEGER,
    ended_position INTEGER
);
CREATE INDEX dispatches_wallet ON dispatches (wallet);
CREATE INDEX dispatches_payout ON dispatches (payout) WHERE payout IS NOT NULL;
CREATE INDEX dispatches_purpose ON dispatches (purpose);
CREATE INDEX dispatches_open ON dispatches (network) WHERE state = 'open';

-- What was signed for a slot. The bytes themselves are in the journal.
CREATE TABLE attempts (
    dispatch     INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    tx           BLOB NOT NULL,
    kind         TEXT NOT NULL,            -- act, cancel
    max_gas_cost TEXT NOT NULL,
    fee_cap      TEXT NOT NULL,
    tip          TEXT NOT NULL,
    signed_at    INTEGER NOT NULL,
    sent_at      INTEGER,
    PRIMARY KEY (dispatch, number)
) WITHOUT ROWID;
CREATE INDEX attempts_tx ON attempts (tx);

CREATE TABLE transfers (
    id              INTEGER PRIMARY KEY,
    account         INTEGER NOT NULL,
    network         INTEGER NOT NULL,      -- where the deposit comes from
    tx              BLOB NOT NULL,
    asset           INTEGER NOT NULL,      -- what is paid out
    amount          TEXT NOT NULL,
    destination     TEXT NOT NULL,
    max_fee         TEXT NOT NULL,
    external_id     TEXT,
    state           TEXT NOT NULL,         -- waiting, held, failed
    refusal         TEXT,
    payout          INTEGER,
    requested_at    INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    closed_at       INTEGER,
    closed_position INTEGER
);
CREATE INDEX transfers_account ON transfers (account);
CREATE INDEX transfers_tx ON transfers (network, tx);
CREATE INDEX transfers_state ON transfers (state);
