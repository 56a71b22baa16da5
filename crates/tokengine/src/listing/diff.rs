//! The comparison itself. Pure.

use super::{Problem, Wanted, WantedAsset, WantedNetwork, WantedWallet};
use std::collections::BTreeMap;
use tokengine_core::{Address, Asset, AssetIx, Command, NetworkIx, Role, State, TokenIx, Wallet, WalletIx};

/// What follows from the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    /// To be decided in this order with nothing in between: later ones rely on the numbers that earlier ones get.
    pub(crate) commands: Vec<Command>,
    /// What a person should know.
    pub(crate) warnings: Vec<Problem>,
}

/// The commands that bring the books to what is wanted. `address_of` tells the address of a key as the books name it, and
/// nothing when there is no such key.
///
/// # Errors
/// Everything that differs and may not: decimals, tokens, contracts, genesis blocks and keys of what is listed.
pub(crate) fn diff(
    state: &State,
    wanted: &Wanted,
    address_of: &dyn Fn(&str) -> Option<Address>,
) -> Result<Changes, Vec<Problem>> {
    let mut diff = Diff { state, address_of, changes: Changes::default(), problems: Vec::new() };
    let networks = diff.networks(&wanted.networks);
    let tokens = diff.tokens(&wanted.tokens);
    diff.assets(&wanted.assets, &networks, &tokens);
    diff.wallets(&wanted.wallets, &networks);
    diff.deposit_addresses();
    diff.unlisted(wanted);
    if diff.problems.is_empty() { Ok(diff.changes) } else { Err(diff.problems) }
}

struct Diff<'a> {
    state: &'a State,
    address_of: &'a dyn Fn(&str) -> Option<Address>,
    changes: Changes,
    problems: Vec<Problem>,
}

impl Diff<'_> {
    fn command(&mut self, command: Command) {
        self.changes.commands.push(command);
    }

    fn problem(&mut self, code: &'static str, text: String) {
        self.problems.push(Problem::new(code, text));
    }

    fn warning(&mut self, code: &'static str, text: String) {
        self.changes.warnings.push(Problem::new(code, text));
    }

    /// The number that each wanted network has, or will have.
    fn networks(&mut self, wanted: &[WantedNetwork]) -> BTreeMap<Box<str>, NetworkIx> {
        let mut next = (self.state.networks().count()..).map(NetworkIx::from_row);
        let mut numbers = BTreeMap::new();
        for network in wanted {
            let id = network.id.clone();
            let Some(ix) = self.state.network_by_id(&id) else {
                self.command(Command::ListNetwork { id: id.clone(), policy: network.policy.clone() });
                if let Some(ix) = next.next() {
                    self.command(Command::LimitTopUps { network: ix, a_day: network.top_up_a_day });
                    numbers.insert(id, ix);
                }
                continue;
            };
            numbers.insert(id.clone(), ix);
            let Some(row) = self.state.network(ix) else { continue };
            if let (Some(known), Some(given)) = (row.genesis, network.genesis)
                && known.hash != given
            {
                let text = format!(
                    "network {id}: its genesis in the books is {}, and the configuration says {given}",
                    known.hash
                );
                self.problem("network-genesis-changed", text);
            }
            if row.top_ups.a_day != Some(network.top_up_a_day) {
                self.command(Command::LimitTopUps { network: ix, a_day: network.top_up_a_day });
            }
            if row.policy != network.policy {
                self.command(Command::ChangeNetworkPolicy { network: ix, policy: network.policy.clone() });
            }
        }
        numbers
    }

    fn tokens(&mut self, wanted: &[(Box<str>, u8)]) -> BTreeMap<Box<str>, TokenIx> {
        let mut next = (self.state.tokens().count()..).map(TokenIx::from_row);
        let mut numbers = BTreeMap::new();
        for (id, decimals) in wanted {
            let Some(ix) = self.state.token_by_id(id) else {
                self.command(Command::ListToken { id: id.clone(), decimals: *decimals });
                numbers.extend(next.next().map(|ix| (id.clone(), ix)));
                continue;
            };
            numbers.insert(id.clone(), ix);
            let known = self.state.token(ix).map_or(*decimals, |row| row.decimals);
            if known != *decimals {
                let text =
                    format!("token {id}: it has {known} decimals in the books, and the configuration says {decimals}");
                self.problem("token-decimals-changed", text);
            }
        }
        numbers
    }

    fn assets(
        &mut self,
        wanted: &[WantedAsset],
        networks: &BTreeMap<Box<str>, NetworkIx>,
        tokens: &BTreeMap<Box<str>, TokenIx>,
    ) {
        for asset in wanted {
            let (Some(network), Some(token)) = (networks.get(&asset.network), tokens.get(&asset.token)) else {
                self.problem(
                    "asset-unknown-reference",
                    format!("asset {}: its network or token is not listed", asset.id),
                );
                continue;
            };
            match self.state.asset_by_id(&asset.id) {
                Some(ix) => self.listed_asset(asset, ix, *token),
                None => self.new_asset(asset, *network, *token),
            }
            self.aliases(asset, *network);
        }
    }

    /// A contract that was an asset of its own has credited what it showed; it does not become another face of one.
    fn aliases(&mut self, asset: &WantedAsset, network: NetworkIx) {
        let state = self.state;
        let is_alias = |row: &Asset| {
            row.network == network && row.contract.as_ref().is_some_and(|contract| asset.aliases.contains(contract))
        };
        for (_, row) in state.assets().filter(|(_, row)| is_alias(row)) {
            let text = format!("asset {}: its alias is an asset of its own in the books, {}", asset.id, row.id);
            self.problem("asset-alias-listed", text);
        }
    }

    fn listed_asset(&mut self, asset: &WantedAsset, ix: AssetIx, token: TokenIx) {
        let Some(row): Option<&Asset> = self.state.asset(ix) else { return };
        let id = &asset.id;
        if row.decimals != asset.decimals {
            let text = format!(
                "asset {id}: it has {} decimals in the books, and the configuration says {}",
                row.decimals, asset.decimals
            );
            self.problem("asset-decimals-changed", text);
        }
        if row.token != token {
            let known = self.state.token(row.token).map(|row| row.id.clone()).unwrap_or_default();
            let text = format!(
                "asset {id}: it stands for token {known} in the books, and the configuration says {}",
                asset.token
            );
            self.problem("asset-token-changed", text);
        }
        if row.contract != asset.contract {
            self.problem("asset-contract-changed", format!("asset {id}: its contract is not the one in the books"));
        }
        if row.rules != asset.rules {
            self.command(Command::ChangeAssetRules { asset: ix, rules: asset.rules.clone() });
        }
    }

    fn new_asset(&mut self, asset: &WantedAsset, network: NetworkIx, token: TokenIx) {
        let same = |row: &Asset| row.network == network && row.contract == asset.contract;
        if let Some((_, row)) = self.state.assets().find(|(_, row)| same(row)) {
            let text = format!("asset {}: the books have the same coin or contract as {}", asset.id, row.id);
            self.problem("asset-listed-otherwise", text);
            return;
        }
        self.command(Command::ListAsset {
            id: asset.id.clone(),
            network,
            token,
            decimals: asset.decimals,
            contract: asset.contract.clone(),
            rules: asset.rules.clone(),
        });
    }

    fn wallets(&mut self, wanted: &[WantedWallet], networks: &BTreeMap<Box<str>, NetworkIx>) {
        for wallet in wanted {
            let Some(network) = networks.get(&wallet.network) else { continue };
            match self.state.wallet_at(*network, &wallet.address) {
                Some(ix) => self.listed_wallet(wallet, ix),
                None => self.new_wallet(wallet, *network),
            }
        }
    }

    fn listed_wallet(&mut self, wallet: &WantedWallet, ix: WalletIx) {
        let Some(row): Option<&Wallet> = self.state.wallet(ix) else { return };
        let name = format!("wallet {} on {}", wallet.address, wallet.network);
        if matches!(row.role, Role::Deposit(_)) {
            self.problem("wallet-is-deposit-address", format!("{name}: it is a customer's deposit address"));
            return;
        }
        if row.key != wallet.key {
            let text = format!(
                "{name}: its key is called {:?} in the books, and the configuration says {:?}",
                row.key, wallet.key
            );
            self.problem("wallet-key-changed", text);
        }
        if row.role != wallet.role {
            self.command(Command::ChangeWalletRole { wallet: ix, role: wallet.role });
        }
    }

    fn new_wallet(&mut self, wallet: &WantedWallet, network: NetworkIx) {
        let same_key = |row: &Wallet| !wallet.key.is_empty() && row.network == network && row.key == wallet.key;
        if let Some((_, row)) = self.state.house_wallets().find(|(_, row)| same_key(row)) {
            let text = format!(
                "wallet {} on {}: in the books, key {} is that of {}; give a new key a new name and let the old one retire",
                wallet.address, wallet.network, wallet.key, row.address
            );
            self.problem("wallet-key-changed", text);
            return;
        }
        self.command(Command::ListWallet {
            request: None,
            network,
            address: wallet.address.clone(),
            role: wallet.role,
            key: wallet.key.clone(),
        });
    }

    /// The first deposit address of each family tells whether the family is still the same.
    fn deposit_addresses(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        for (_, wallet) in self.state.wallets() {
            if !matches!(wallet.role, Role::Deposit(_)) {
                continue;
            }
            let family = wallet.key.split_once('/').map_or(&*wallet.key, |(family, _)| family);
            if seen.contains(&family) {
                continue;
            }
            seen.push(family);
            match (self.address_of)(&wallet.key) {
                Some(address) if address == wallet.address => {}
                Some(address) => {
                    let text = format!(
                        "key {family}: its deposit address {} is {} in the books, and {address} by the configuration",
                        wallet.key, wallet.address
                    );
                    self.problem("deposit-key-changed", text);
                }
                None => {
                    let text =
                        format!("key {family}: deposit addresses in the books need it, and there is no such family");
                    self.problem("deposit-key-missing", text);
                }
            }
        }
    }

    /// What the books have and the configuration has not: it stays as it is, and a person hears of it.
    fn unlisted(&mut self, wanted: &Wanted) {
        let state = self.state;
        for (_, row) in state.networks().filter(|(_, row)| !wanted.networks.iter().any(|w| w.id == row.id)) {
            let text = format!("network {} is in the books and not in the configuration: nothing watches it", row.id);
            self.warning("network-not-configured", text);
        }
        for (_, row) in state.tokens().filter(|(_, row)| !wanted.tokens.iter().any(|(id, _)| *id == row.id)) {
            let text = format!("token {} is in the books and not in the configuration: it stays as it is", row.id);
            self.warning("token-not-configured", text);
        }
        for (_, row) in state.assets().filter(|(_, row)| !wanted.assets.iter().any(|w| w.id == row.id)) {
            let text =
                format!("asset {} is in the books and not in the configuration: its rules stay as they are", row.id);
            self.warning("asset-not-configured", text);
        }
        for (_, row) in state.house_wallets() {
            let id = state.network(row.network).map(|network| network.id.clone()).unwrap_or_default();
            if !wanted.wallets.iter().any(|w| w.network == id && w.address == row.address) {
                let text = format!(
                    "wallet {} on {id} is in the books and not in the configuration: it stays as it is",
                    row.address
                );
                self.warning("wallet-not-configured", text);
            }
        }
    }
}
