//! What the operator lists, and how far each network was searched.

use super::Writer;
use crate::catalog::{AssetRow, NetworkRow};
use crate::column::bind;
use crate::{Error, sql};
use tokengine_core::*;

/// The word for a role, and whose deposit address it makes the wallet.
fn role_columns(role: Role) -> (&'static str, Option<AccountIx>) {
    match role {
        Role::Hot => ("hot", None),
        Role::Cold => ("cold", None),
        Role::Deposit(account) => ("deposit", Some(account)),
        Role::Gas => ("gas", None),
        Role::Retiring => ("retiring", None),
    }
}

impl Writer<'_> {
    pub(super) fn network_listed(&mut self, id: &str, policy: &NetworkPolicy) -> Result<(), Error> {
        let network = NetworkIx::from_row(self.catalog.networks.len());
        let reorg_depth = policy.reorg_depth;
        self.catalog.networks.push(NetworkRow { caip2: id.into(), reorg_depth, native: None, scanned: None });
        self.execute(sql::INSERT_NETWORK, bind![network, id, reorg_depth]).map(drop)
    }

    pub(super) fn network(&mut self, network: NetworkIx) -> Result<&mut NetworkRow, Error> {
        let unfit = self.unfit("a network that is not listed");
        self.catalog.networks.get_mut(network.row()).ok_or(unfit)
    }

    pub(super) fn network_policy_changed(&mut self, network: NetworkIx, policy: &NetworkPolicy) -> Result<(), Error> {
        self.network(network)?.reorg_depth = policy.reorg_depth;
        self.execute(sql::SET_REORG_DEPTH, bind![network, policy.reorg_depth]).map(drop)
    }

    pub(super) fn token_listed(&mut self, id: &str, decimals: u8) -> Result<(), Error> {
        let token = TokenIx::from_row(self.catalog.tokens.len());
        self.catalog.tokens.push(decimals);
        self.execute(sql::INSERT_TOKEN, bind![token, id, decimals]).map(drop)
    }

    pub(super) fn asset_listed(
        &mut self,
        id: &str,
        network: NetworkIx,
        token: TokenIx,
        decimals: u8,
        contract: Option<&Address>,
    ) -> Result<(), Error> {
        let asset = AssetIx::from_row(self.catalog.assets.len());
        let finer = self.catalog.tokens.get(token.row()).and_then(|token| token.checked_sub(decimals));
        let places = finer.ok_or_else(|| self.unfit("an asset finer than its token"))?;
        self.catalog.assets.push(AssetRow { token, places });
        if contract.is_none() {
            self.network(network)?.native = Some(asset);
            self.execute(sql::SET_NATIVE_ASSET, bind![network, asset])?;
        }
        self.execute(sql::INSERT_ASSET, bind![asset, id, network, token, decimals, contract]).map(drop)
    }

    pub(super) fn wallet_listed(
        &mut self,
        network: NetworkIx,
        address: &Address,
        role: Role,
        key: &str,
    ) -> Result<(), Error> {
        let wallet = self.catalog.next_wallet;
        self.catalog.next_wallet = WalletIx(wallet.0.saturating_add(1));
        let (role, account) = role_columns(role);
        self.execute(sql::INSERT_WALLET, bind![wallet, network, address, role, account, key, self.at]).map(drop)
    }

    pub(super) fn wallet_role_changed(&mut self, wallet: WalletIx, role: Role) -> Result<(), Error> {
        let (role, account) = role_columns(role);
        self.change("a wallet that is not listed", sql::SET_WALLET_ROLE, bind![wallet, role, account])
    }

    /// Freezes a wallet; the reason of one that is frozen already stays.
    pub(super) fn freeze_wallet(&mut self, wallet: WalletIx, reason: &str) -> Result<(), Error> {
        self.execute(sql::FREEZE_WALLET, bind![wallet, self.at, reason]).map(drop)
    }

    fn set_scanned(&mut self, network: NetworkIx, oldest: u64, head: u64) -> Result<(), Error> {
        self.network(network)?.scanned = Some((oldest, head));
        self.execute(sql::SET_SCANNED, bind![network, oldest, head]).map(drop)
    }

    /// The scan starts, or starts anew, at one block: what was seen above has to be seen again.
    pub(super) fn scanned_from(&mut self, network: NetworkIx, height: u64) -> Result<(), Error> {
        self.set_scanned(network, height, height)?;
        self.orphan_above(network, height)
    }

    /// Beyond the engine's horizon no reorg takes a deposit away.
    pub(super) fn blocks_scanned(&mut self, network: NetworkIx, blocks: &[BlockRef]) -> Result<(), Error> {
        let Some(head) = blocks.last().map(|block| block.height) else { return Ok(()) };
        let unfit = self.unfit("a network whose scan has not started");
        let row = self.network(network)?;
        let (oldest, _) = row.scanned.ok_or(unfit)?;
        let oldest = oldest.max(head.saturating_add(1).saturating_sub(row.horizon()));
        self.set_scanned(network, oldest, head)?;
        self.execute(sql::UNWATCH_DEPOSITS, bind![network, oldest]).map(drop)
    }

    /// What was seen above `height` was not seen any more.
    pub(super) fn scan_rewound(&mut self, network: NetworkIx, height: u64) -> Result<(), Error> {
        let unfit = self.unfit("a network whose scan has not started");
        let (oldest, _) = self.network(network)?.scanned.ok_or(unfit)?;
        self.set_scanned(network, oldest, height)?;
        self.orphan_above(network, height)
    }

    fn orphan_above(&mut self, network: NetworkIx, height: u64) -> Result<(), Error> {
        self.execute(sql::ORPHAN_STEPS, bind![network, height, self.catalog.position])?;
        self.execute(sql::ORPHAN_DEPOSITS, bind![network, height])?;
        self.unsee_above(network, height)
    }
}
