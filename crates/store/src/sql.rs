//! Every statement, in one place. Plain SQL with numbered parameters, the same for every database that serves.

// The follower.
pub(crate) const READ_POSITION: &str = "SELECT position FROM follower WHERE only_row = 1";
pub(crate) const WRITE_POSITION: &str = "UPDATE follower SET position = ?1 WHERE only_row = 1";
pub(crate) const INSERT_EVENT: &str =
    "INSERT INTO events (position, at, name, principal, record) VALUES (?1, ?2, ?3, ?4, ?5)";

// What the writer keeps in memory, read when it opens.
pub(crate) const READ_NETWORKS: &str =
    "SELECT caip2, reorg_depth, native_asset, oldest_height, head_height FROM networks ORDER BY id";
pub(crate) const READ_ASSETS: &str = "SELECT token, decimals FROM assets ORDER BY id";
pub(crate) const READ_TOKENS: &str = "SELECT decimals FROM tokens ORDER BY id";
pub(crate) const NEXT_ACCOUNT: &str = "SELECT COALESCE(MAX(id) + 1, 0) FROM accounts";
pub(crate) const NEXT_WALLET: &str = "SELECT COALESCE(MAX(id) + 1, 0) FROM wallets";
pub(crate) const NEXT_SUSPENSE: &str = "SELECT COALESCE(MAX(id) + 1, 1) FROM suspense";
pub(crate) const NEXT_DEPOSIT: &str = "SELECT COALESCE(MAX(id) + 1, 1) FROM deposits";
pub(crate) const NEXT_ENTRY: &str = "SELECT COALESCE(MAX(id) + 1, 1) FROM entries";

// Balances.
pub(crate) const READ_BOOKS: &str =
    "SELECT token, free, held, owed, last_entry FROM account_books WHERE account = ?1 ORDER BY token";
pub(crate) const WRITE_BOOK: &str = "INSERT INTO account_books (account, token, free, held, owed, last_entry)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (account, token) DO UPDATE SET
        free = excluded.free, held = excluded.held, owed = excluded.owed, last_entry = excluded.last_entry";
pub(crate) const INSERT_ENTRY: &str = "INSERT INTO entries
    (id, previous_entry, position, account, token, kind, reference, free_change, held_change, free, held)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

// What is listed.
pub(crate) const INSERT_NETWORK: &str = "INSERT INTO networks (id, caip2, reorg_depth) VALUES (?1, ?2, ?3)";
pub(crate) const SET_REORG_DEPTH: &str = "UPDATE networks SET reorg_depth = ?2 WHERE id = ?1";
pub(crate) const SET_NATIVE_ASSET: &str = "UPDATE networks SET native_asset = ?2 WHERE id = ?1";
pub(crate) const SET_SCANNED: &str = "UPDATE networks SET oldest_height = ?2, head_height = ?3 WHERE id = ?1";
pub(crate) const INSERT_TOKEN: &str = "INSERT INTO tokens (id, name, decimals) VALUES (?1, ?2, ?3)";
pub(crate) const INSERT_ASSET: &str =
    "INSERT INTO assets (id, caip19, network, token, decimals, contract) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(crate) const INSERT_WALLET: &str = "INSERT INTO wallets (id, network, address, role, account, key_name, listed_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub(crate) const SET_WALLET_ROLE: &str = "UPDATE wallets SET role = ?2, account = ?3 WHERE id = ?1";
pub(crate) const FREEZE_WALLET: &str =
    "UPDATE wallets SET frozen_at = ?2, frozen_why = ?3 WHERE id = ?1 AND frozen_at IS NULL";
pub(crate) const THAW_WALLET: &str = "UPDATE wallets SET frozen_at = NULL, frozen_why = NULL WHERE id = ?1";
pub(crate) const WALLET_ACCOUNT: &str = "SELECT network, account FROM wallets WHERE id = ?1";

// Accounts.
pub(crate) const INSERT_ACCOUNT: &str =
    "INSERT INTO accounts (id, name, operator_named, frozen, opened_at) VALUES (?1, ?2, ?3, 0, ?4)";
pub(crate) const INSERT_NAME: &str = "INSERT INTO account_names (name, account) VALUES (?1, ?2)";
pub(crate) const FREEZE_ACCOUNT: &str = "UPDATE accounts SET frozen = ?2 WHERE id = ?1";
pub(crate) const JOIN_ACCOUNT: &str = "UPDATE accounts SET joined = ?2 WHERE id = ?1";
pub(crate) const ACCOUNT_NOW: &str = "SELECT COALESCE(joined, id) FROM accounts WHERE id = ?1";
pub(crate) const ACCOUNT_OF_NAME: &str = "SELECT COALESCE(a.joined, a.id)
    FROM account_names n JOIN accounts a ON a.id = n.account WHERE n.name = ?1";
/// What the joined account had becomes the other's, so that its lists are whole. Entries stay where they were made.
pub(crate) const JOIN_LISTS: [&str; 5] = [
    "UPDATE deposits SET account = ?2 WHERE account = ?1",
    "UPDATE payouts SET account = ?2 WHERE account = ?1",
    "UPDATE transfers SET account = ?2 WHERE account = ?1",
    "UPDATE claims SET account = ?2 WHERE account = ?1",
    "UPDATE wallets SET account = ?2 WHERE account = ?1",
];

// Deposits.
pub(crate) const FIND_DEPOSIT: &str = "SELECT id FROM deposits WHERE fingerprint = ?1";
pub(crate) const SEE_DEPOSIT: &str = "INSERT INTO deposits
    (id, fingerprint, network, tx, locator, asset, wallet, sender, sender_contract, amount, account, state, orphaned,
     watched, block_height, block_hash, block_parent, seen_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'confirming', 0, 1, ?12, ?13, ?14, ?15)
    ON CONFLICT (fingerprint) DO UPDATE SET
        asset = excluded.asset, wallet = excluded.wallet, sender = excluded.sender,
        sender_contract = excluded.sender_contract, amount = excluded.amount, credited = NULL,
        account = excluded.account, state = 'confirming', orphaned = 0, watched = 1,
        block_height = excluded.block_height, block_hash = excluded.block_hash, block_parent = excluded.block_parent,
        confirmations = NULL, settled_at = NULL, settled_position = NULL";
pub(crate) const REBLOCK_DEPOSIT: &str = "UPDATE deposits
    SET block_height = ?2, block_hash = ?3, block_parent = ?4, orphaned = 0 WHERE id = ?1 AND watched = 1";
pub(crate) const DROP_DEPOSIT: &str = "UPDATE deposits SET state = 'dropped', watched = 0, account = NULL,
    settled_at = ?2, settled_position = ?3 WHERE id = ?1";
pub(crate) const CREDIT_DEPOSIT: &str = "UPDATE deposits SET state = ?2, account = ?3, credited = ?4, orphaned = 0,
    watched = 1, block_height = ?5, block_hash = ?6, block_parent = ?7, confirmations = ?8, settled_at = ?9,
    settled_position = ?10 WHERE id = ?1";
pub(crate) const REVERSE_DEPOSIT: &str = "UPDATE deposits SET state = 'reversed', watched = 0, settled_at = ?2,
    settled_position = ?3 WHERE id = ?1";
pub(crate) const ASSIGN_DEPOSIT: &str = "UPDATE deposits SET state = ?2, account = ?3 WHERE id = ?1";
pub(crate) const INSERT_DEPOSIT_STEP: &str = "INSERT INTO deposit_steps (deposit, position, step) VALUES (?1, ?2, ?3)";
pub(crate) const ORPHAN_STEPS: &str = "INSERT INTO deposit_steps (deposit, position, step)
    SELECT id, ?3, 'orphaned' FROM deposits WHERE network = ?1 AND watched = 1 AND block_height > ?2 AND orphaned = 0";
pub(crate) const ORPHAN_DEPOSITS: &str =
    "UPDATE deposits SET orphaned = 1 WHERE network = ?1 AND watched = 1 AND block_height > ?2";
pub(crate) const UNWATCH_DEPOSITS: &str = "UPDATE deposits SET watched = 0
    WHERE network = ?1 AND watched = 1 AND block_height < ?2 AND orphaned = 0 AND state <> 'confirming'";

pub(crate) const OPEN_CLAIM: &str = "INSERT INTO claims (id, network, tx, account, opened_at, state)
    SELECT ?1, ?2, ?3, ?4, ?5, 'open'
    WHERE NOT EXISTS (SELECT 1 FROM claims WHERE network = ?2 AND tx = ?3 AND state || '' = 'open')";
pub(crate) const CLOSE_CLAIM: &str = "UPDATE claims SET state = ?3, refusal = ?4, closed_at = ?5, closed_position = ?6
    WHERE network = ?1 AND tx = ?2 AND state || '' = 'open'";

pub(crate) const INSERT_SUSPENSE: &str = "INSERT INTO suspense
    (id, token, amount, reason, deposit, sender, wallet, since, position, state)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'open')";
pub(crate) const SUSPENSE_ITEM: &str = "SELECT token, amount, deposit FROM suspense WHERE id = ?1 AND state = 'open'";
pub(crate) const ASSIGN_SUSPENSE: &str = "UPDATE suspense SET state = 'assigned', account = ?2, assigned_why = ?3,
    closed_at = ?4, closed_position = ?5 WHERE id = ?1";
pub(crate) const SET_SUSPENSE_AMOUNT: &str = "UPDATE suspense SET amount = ?2 WHERE id = ?1";
pub(crate) const FIND_SUSPENSE: &str = "UPDATE suspense SET state = 'found', deposit = ?2, closed_at = ?3,
    closed_position = ?4 WHERE id = ?1";
pub(crate) const REVERSE_SUSPENSE: &str = "UPDATE suspense SET state = 'reversed', closed_at = ?2, closed_position = ?3
    WHERE deposit = ?1 AND state || '' = 'open'";

// Payouts.
pub(crate) const INSERT_PAYOUT: &str = "INSERT INTO payouts
    (id, account, asset, amount, token_amount, destination, max_fee, external_id, nonce, expiry, authority, transfer,
     success_fee, failure_fee, held, cancel_requested, state, wait, received_by, fee, gas, held_at, position,
     ended_at, ended_position)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, 0, ?16, ?17, ?18, ?19, '0', ?20, ?21,
            ?22, ?23)";
pub(crate) const READ_PAYOUT: &str = "SELECT account, asset, amount, token_amount, success_fee, failure_fee, held,
    cancel_requested, gas FROM payouts WHERE id = ?1 AND ended_position IS NULL";
pub(crate) const WAIT_PAYOUT: &str =
    "UPDATE payouts SET state = 'waiting', wait = ?2, dispatch = NULL, gas = ?3 WHERE id = ?1";
pub(crate) const SET_WAIT: &str = "UPDATE payouts SET wait = ?2 WHERE id = ?1";
pub(crate) const SET_CANCEL: &str = "UPDATE payouts SET cancel_requested = 1 WHERE id = ?1";
pub(crate) const SET_DISPATCH: &str = "UPDATE payouts SET state = 'opened', wait = NULL, dispatch = ?2 WHERE id = ?1";
/// Where the slot stands is where its payout stands.
pub(crate) const FOLLOW_DISPATCH: &str = "UPDATE payouts SET state = (
        SELECT CASE
            WHEN d.seen_attempt IS NOT NULL THEN 'seen'
            WHEN EXISTS (SELECT 1 FROM attempts a WHERE a.dispatch = d.id AND a.sent_at IS NOT NULL) THEN 'sent'
            WHEN EXISTS (SELECT 1 FROM attempts a WHERE a.dispatch = d.id) THEN 'signed'
            ELSE 'opened' END
        FROM dispatches d WHERE d.id = ?2)
    WHERE id = ?1";
pub(crate) const END_PAYOUT: &str = "UPDATE payouts SET state = ?2, wait = NULL, dispatch = ?3, fee = ?4, gas = ?5,
    tx = ?6, block_height = ?7, block_hash = ?8, ended_at = ?9, ended_position = ?10 WHERE id = ?1";
pub(crate) const SET_RECEIVED_BY: &str = "UPDATE payouts SET received_by = ?2 WHERE id = ?1";
pub(crate) const INSERT_PAYOUT_STEP: &str = "INSERT INTO payout_steps (payout, position, step) VALUES (?1, ?2, ?3)";

// Slots.
pub(crate) const INSERT_DISPATCH: &str = "INSERT INTO dispatches
    (id, network, wallet, nonce, purpose, payout, to_wallet, asset, amount, gas_reserve, state, opened_at, position)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?11, ?12)";
pub(crate) const READ_DISPATCH: &str =
    "SELECT wallet, nonce, payout, gas_reserve FROM dispatches WHERE id = ?1 AND state = 'open'";
pub(crate) const SET_GAS_RESERVE: &str = "UPDATE dispatches SET gas_reserve = ?2 WHERE id = ?1";
pub(crate) const INSERT_ATTEMPT: &str = "INSERT INTO attempts
    (dispatch, number, tx, kind, max_gas_cost, fee_cap, tip, signed_at)
    SELECT ?1, (SELECT COUNT(*) FROM attempts WHERE dispatch = ?1), ?2, ?3, ?4, ?5, ?6, ?7";
pub(crate) const READ_ATTEMPT: &str = "SELECT tx, kind FROM attempts WHERE dispatch = ?1 AND number = ?2";
pub(crate) const MARK_SENT: &str = "UPDATE attempts SET sent_at = ?3 WHERE dispatch = ?1 AND number = ?2";
pub(crate) const SEE_DISPATCH: &str = "UPDATE dispatches
    SET seen_attempt = ?2, seen_success = ?3, block_height = ?4, block_hash = ?5 WHERE id = ?1";
pub(crate) const UNSEE_DISPATCH: &str = "UPDATE dispatches
    SET seen_attempt = NULL, seen_success = NULL, block_height = NULL, block_hash = NULL WHERE id = ?1";
pub(crate) const SEEN_ABOVE: &str = "SELECT id, payout FROM dispatches
    WHERE network = ?1 AND state = 'open' AND seen_attempt IS NOT NULL AND block_height > ?2 ORDER BY id";
pub(crate) const END_DISPATCH: &str = "UPDATE dispatches SET state = ?2, seen_attempt = ?3, seen_success = ?4,
    block_height = ?5, block_hash = ?6, tx = ?7, gas = ?8, ended_at = ?9, ended_position = ?10 WHERE id = ?1";

/// A transaction that was adopted before its payout was asked for: it is that payout's, with what it cost.
pub(crate) const LINK_DISPATCH: &str = "UPDATE dispatches SET payout = ?2, purpose = 'payout' WHERE id = ?1";
pub(crate) const DISPATCH_GAS: &str = "SELECT gas FROM dispatches WHERE id = ?1";

// Transfers.
pub(crate) const INSERT_TRANSFER: &str = "INSERT INTO transfers
    (id, account, network, tx, asset, amount, destination, max_fee, external_id, state, requested_at, position)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting', ?10, ?11)";
pub(crate) const HOLD_TRANSFER: &str = "UPDATE transfers SET state = 'held', payout = ?2, closed_at = ?3,
    closed_position = ?4 WHERE id = ?1";
pub(crate) const FAIL_TRANSFER: &str = "UPDATE transfers SET state = 'failed', refusal = ?2, closed_at = ?3,
    closed_position = ?4 WHERE id = ?1";

// Reading. Each list's columns are in the order in which its row type takes them; conditions, order and limit are added by
// `read::query`, which knows the few that there are.
pub(crate) const SELECT_DEPOSIT: &str = "SELECT id, fingerprint, network, tx, locator, asset, wallet, sender,
    sender_contract, amount, credited, account, state, orphaned, block_height, block_hash, block_parent, confirmations,
    seen_at, settled_at, settled_position FROM deposits";
pub(crate) const SELECT_CLAIM: &str = "SELECT id, network, tx, account, opened_at, state, refusal, closed_at,
    closed_position FROM claims";
pub(crate) const SELECT_SUSPENSE: &str = "SELECT id, token, amount, reason,
    (SELECT fingerprint FROM deposits WHERE deposits.id = suspense.deposit), sender, wallet, since, position, state,
    account, assigned_why, closed_at, closed_position FROM suspense";
pub(crate) const SELECT_PAYOUT: &str = "SELECT id, account, asset, amount, token_amount, destination, max_fee,
    external_id, nonce, expiry, authority, transfer, success_fee, failure_fee, held, cancel_requested, state, wait,
    dispatch, received_by, fee, gas, tx, block_height, block_hash, held_at, position, ended_at, ended_position
    FROM payouts";
pub(crate) const SELECT_DISPATCH: &str = "SELECT id, network, wallet, nonce, purpose, payout, to_wallet, asset, amount,
    gas_reserve, state, seen_attempt, seen_success, block_height, block_hash, tx, gas, opened_at, position, ended_at,
    ended_position FROM dispatches";
pub(crate) const SELECT_ATTEMPTS: &str = "SELECT number, tx, kind, max_gas_cost, fee_cap, tip, signed_at, sent_at
    FROM attempts WHERE dispatch = ?1 ORDER BY number";
pub(crate) const DISPATCH_OF_TX: &str = "SELECT dispatch FROM attempts WHERE tx = ?1 ORDER BY dispatch DESC LIMIT 1";
pub(crate) const SELECT_TRANSFER: &str = "SELECT id, account, network, tx, asset, amount, destination, max_fee,
    external_id, state, refusal, payout, requested_at, position, closed_at, closed_position FROM transfers";
pub(crate) const SELECT_ACCOUNT: &str = "SELECT id, name, operator_named, frozen, joined, opened_at FROM accounts";
pub(crate) const SEARCH_ACCOUNTS: &str =
    "SELECT n.name, a.id, a.name, a.operator_named, a.frozen, a.joined, a.opened_at
    FROM account_names n JOIN accounts a ON a.id = n.account
    WHERE n.name >= ?1 AND n.name < ?2 AND n.name > ?3 ORDER BY n.name LIMIT ?4";
pub(crate) const NAMES_OF_ACCOUNT: &str = "SELECT name, 1 AS rank FROM account_names
        WHERE account = ?1 AND name <> (SELECT name FROM accounts WHERE id = ?1)
    UNION ALL SELECT name, CASE WHEN id = ?1 THEN 0 ELSE 1 END FROM accounts WHERE id = ?1 OR joined = ?1
    ORDER BY 2, 1";
pub(crate) const BOOKS_OF_ACCOUNT: &str =
    "SELECT token, free, held, owed FROM account_books WHERE account = ?1 ORDER BY token";
pub(crate) const SELECT_WALLET: &str = "SELECT id, network, address, role, account, key_name, listed_at, frozen_at,
    frozen_why FROM wallets";
pub(crate) const SELECT_EVENT: &str = "SELECT position, record FROM events";
pub(crate) const DEPOSIT_STEPS: &str = "SELECT s.position, s.step, e.record
    FROM deposit_steps s JOIN events e ON e.position = s.position WHERE s.deposit = ?1 ORDER BY s.position";
pub(crate) const PAYOUT_STEPS: &str = "SELECT s.position, s.step, e.record
    FROM payout_steps s JOIN events e ON e.position = s.position WHERE s.payout = ?1 ORDER BY s.position";
pub(crate) const FIRST_ENTRY: &str = "SELECT COALESCE(MAX(last_entry), 0) FROM account_books WHERE account = ?1";
pub(crate) const ENTRY_BEFORE: &str = "SELECT previous_entry FROM entries WHERE id = ?1 AND account = ?2";
/// Follows an account's chain from the entry ?1 on, at most ?2 long. CROSS JOIN says in which order: else SQLite reads all
/// entries from their end to look each up in the chain.
pub(crate) const HISTORY: &str = "WITH RECURSIVE chain (id, previous_entry, length) AS (
        SELECT id, previous_entry, 1 FROM entries WHERE id = ?1
        UNION ALL
        SELECT e.id, e.previous_entry, c.length + 1
        FROM chain c CROSS JOIN entries e WHERE e.id = c.previous_entry AND c.length < ?2
    )
    SELECT e.id, e.position, v.at, e.token, e.kind, e.reference, d.fingerprint, e.free_change, e.held_change,
        e.free, e.held
    FROM chain c CROSS JOIN entries e CROSS JOIN events v
        LEFT JOIN deposits d ON d.id = e.reference AND e.kind IN ('deposit', 'deposit-reversed')
    WHERE e.id = c.id AND v.position = e.position
    ORDER BY c.length";
