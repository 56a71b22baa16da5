//! Reading the state: rows by id, and the open work that planners look at.

use super::rows::*;
use crate::ids::*;
use crate::ledger::{Book, Imbalance, Totals};
use crate::model::*;
use crate::{Amount, State, TxId};

impl Asset {
    /// A contract was probed, or there is none to probe.
    pub fn is_probed(&self) -> bool {
        self.contract.is_none() || self.facts.is_some()
    }
}

impl Dispatch {
    /// An attempt by its number in the order of signing.
    pub fn attempt(&self, number: u32) -> Option<&Attempt> {
        self.attempts.get(usize::try_from(number).ok()?)
    }
}

macro_rules! lists {
    ($( $(#[$doc:meta])* $one:ident, $many:ident: $ix:ident => $row:ident in $field:ident; )*) => {
        impl State {$(
            $(#[$doc])*
            pub fn $one(&self, ix: $ix) -> Option<&$row> {
                self.$field.get(ix.row())
            }

            /// All of them, in the order of their numbers.
            pub fn $many(&self) -> impl Iterator<Item = ($ix, &$row)> {
                self.$field.iter().enumerate().map(|(row, value)| ($ix::from_row(row), value))
            }
        )*}
    };
}
lists! {
    /// A network by its number.
    network, networks: NetworkIx => Network in networks;
    /// A token by its number.
    token, tokens: TokenIx => Token in tokens;
    /// An asset by its number.
    asset, assets: AssetIx => Asset in assets;
    /// A wallet by its number.
    wallet, wallets: WalletIx => Wallet in wallets;
    /// An API key by its number.
    key, keys: KeyIx => ApiKey in keys;
}

macro_rules! maps {
    ($( $(#[$doc:meta])* $one:ident, $many:ident: $id:ident => $row:ident in $field:ident; )*) => {
        impl State {$(
            $(#[$doc])*
            pub fn $one(&self, id: $id) -> Option<&$row> {
                self.$field.get(&id)
            }

            /// All of them, oldest first.
            pub fn $many(&self) -> impl DoubleEndedIterator<Item = ($id, &$row)> {
                self.$field.iter().map(|(id, row)| (*id, row))
            }
        )*}
    };
}
maps! {
    /// An open payout.
    payout, payouts: PayoutId => Payout in payouts;
    /// An open slot.
    dispatch, dispatches: DispatchId => Dispatch in dispatches;
    /// A transfer whose payout is not held yet.
    transfer, transfers: TransferId => Transfer in transfers;
    /// An amount without an owner.
    suspense_item, suspense: SuspenseId => Suspense in suspense;
}

impl State {
    /// A network by its CAIP-2 id.
    pub fn network_by_id(&self, id: &str) -> Option<NetworkIx> {
        self.networks().find(|(_, network)| *network.id == *id).map(|(ix, _)| ix)
    }

    /// A token by the operator's name.
    pub fn token_by_id(&self, id: &str) -> Option<TokenIx> {
        self.tokens().find(|(_, token)| *token.id == *id).map(|(ix, _)| ix)
    }

    /// An asset by its CAIP-19 id.
    pub fn asset_by_id(&self, id: &str) -> Option<AssetIx> {
        self.assets().find(|(_, asset)| *asset.id == *id).map(|(ix, _)| ix)
    }

    /// The active API key whose secret has that hash.
    pub fn key_by_hash(&self, hash: &[u8; 32]) -> Option<KeyIx> {
        self.keys().find(|(_, key)| !key.revoked && key.hash == *hash).map(|(ix, _)| ix)
    }

    /// The wallets that are not deposit addresses.
    pub fn house_wallets(&self) -> impl Iterator<Item = (WalletIx, &Wallet)> {
        self.house_wallets.iter().filter_map(|ix| Some((*ix, self.wallet(*ix)?)))
    }

    /// The deposit addresses that hold something.
    pub fn wallets_to_sweep(&self) -> impl Iterator<Item = (WalletIx, &Wallet)> {
        self.to_sweep.iter().filter_map(|ix| Some((*ix, self.wallet(*ix)?)))
    }

    /// The account's deposit address on that network.
    pub fn deposit_wallet(&self, account: AccountIx, network: NetworkIx) -> Option<WalletIx> {
        self.deposit_wallets.get(&(account, network)).copied()
    }

    /// A deposit that was seen and is not credited yet.
    pub fn pending_deposit(&self, key: &DepositKey) -> Option<&Pending> {
        self.pending.get(&self.deposit_fingerprint(key)?)
    }

    /// All deposits that were seen and are not credited yet.
    pub fn pending_deposits(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }

    /// All open claims.
    pub fn claims(&self) -> impl Iterator<Item = (NetworkIx, TxId, &Claim)> {
        self.claims.iter().map(|((network, tx), claim)| (*network, *tx, claim))
    }

    /// The slot that signed a transaction that has not ended.
    pub fn dispatch_of_tx(&self, tx: &TxId) -> Option<DispatchId> {
        self.attempts.get(tx).copied()
    }

    /// Whether the operator said that this transaction brings funds of the operator's own.
    pub fn is_funding(&self, network: NetworkIx, tx: &TxId) -> bool {
        self.funding.contains_key(&(network, *tx))
    }

    /// The account of that name, joined accounts followed.
    pub fn account_by_name(&self, name: &str) -> Option<AccountIx> {
        self.ledger.account_by_name(name)
    }

    /// The account that `account` is today: itself, or the one it was joined to. `None` when there never was one.
    pub fn account(&self, account: AccountIx) -> Option<AccountIx> {
        self.ledger.exists(account).then(|| self.ledger.resolve(account))
    }

    /// How many accounts were ever opened.
    pub fn account_count(&self) -> usize {
        self.ledger.accounts()
    }

    /// The name an account was opened under.
    pub fn account_name(&self, account: AccountIx) -> Option<&str> {
        self.ledger.name(account)
    }

    /// Every id of an account, the one it was opened under first.
    pub fn account_names(&self, account: AccountIx) -> Vec<&str> {
        self.ledger.names(account)
    }

    /// Whether nothing may be taken from the account.
    pub fn is_frozen(&self, account: AccountIx) -> bool {
        self.ledger.is_frozen(account)
    }

    /// Whether the operator gave the account its name, so that an API key may act for it.
    pub fn is_operator_named(&self, account: AccountIx) -> bool {
        self.ledger.is_operator_named(account)
    }

    /// What an account has of a token.
    pub fn book(&self, account: AccountIx, token: TokenIx) -> Book {
        self.ledger.book(account, token)
    }

    /// What an account has of every token it ever had.
    pub fn books_of(&self, account: AccountIx) -> Vec<(TokenIx, Book)> {
        self.ledger.books_of(account)
    }

    /// A token's totals.
    pub fn totals(&self, token: TokenIx) -> Option<&Totals> {
        self.ledger.totals(token)
    }

    /// What accounts owe the operator after reversals.
    pub fn owed(&self) -> impl Iterator<Item = (AccountIx, TokenIx, Amount)> {
        self.ledger.all_owed()
    }

    /// Everything is paused.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Since when and why nothing new is signed, after a restore.
    pub fn recovery(&self) -> Option<&Stop> {
        self.recovery.as_ref()
    }

    /// How many deposits are remembered.
    pub fn remembered_deposits(&self) -> usize {
        self.known_deposits.len()
    }

    /// How many keyed requests are remembered.
    pub fn remembered_requests(&self) -> usize {
        self.requests.len()
    }

    /// Bytes taken by accounts with their names and balances, and by remembered deposits.
    pub fn heap_bytes(&self) -> (usize, usize) {
        (self.ledger.heap_bytes(), self.known_deposits.heap_bytes())
    }

    /// Proves the books: every account added up, every token's equation, every wallet's holdings against custody.
    /// Looks at everything; nothing else runs meanwhile.
    ///
    /// # Errors
    /// The first token that does not balance: a defect of the engine.
    pub fn check_books(&self) -> Result<(), Imbalance> {
        self.ledger.check()?;
        let mut custody = vec![Amount::ZERO; self.tokens.len()];
        for (_, wallet) in self.wallets() {
            for (asset, holding) in &wallet.holdings {
                let asset = &self.assets[asset.row()];
                let sum = &mut custody[asset.token.row()];
                let scaled = holding.amount.scale_up(asset.places).and_then(|scaled| sum.checked_add(scaled));
                *sum = scaled.ok_or(Imbalance { token: asset.token, what: "the wallets hold more than fits" })?;
            }
        }
        let mut suspense = vec![Amount::ZERO; self.tokens.len()];
        for item in self.suspense.values() {
            crate::ledger::add(&mut suspense[item.token.row()], item.amount);
        }
        let mut held = vec![Amount::ZERO; self.tokens.len()];
        for payout in self.payouts.values() {
            crate::ledger::add(&mut held[self.token_of(payout.order.asset).row()], payout.held);
        }
        for (token, ((custody, suspense), held)) in custody.into_iter().zip(suspense).zip(held).enumerate() {
            let token = TokenIx::from_row(token);
            let totals = self.totals(token).ok_or(Imbalance { token, what: "has no totals" })?;
            if totals.custody != custody {
                return Err(Imbalance { token, what: "the wallets' holdings differ from custody" });
            }
            if totals.suspense != suspense {
                return Err(Imbalance { token, what: "the suspense items do not add up to suspense" });
            }
            if totals.held != held {
                return Err(Imbalance { token, what: "the open payouts do not add up to what is held" });
            }
        }
        Ok(())
    }
}
