//! Nonsense: what no honest client asks for. Each is refused, by its own name.

use tokengine_core::*;

use super::super::operator::{asset_ix, network_ix};
use super::Client;

impl Client {
    /// One thing that must not be taken.
    pub(super) async fn odd(&self) {
        let (network, place) = self.anything();
        let Some(account) = self.account(network).await else { return };
        let who = Principal::Account(account);
        let nowhere = 9_999;
        let request = self.request(who);
        let mine = super::Mine { account, free: Amount::new(1_000_000_000) };
        let order = self.order(mine, network, place);
        let hold = |order: PayoutOrder| Command::HoldPayout { request, order, trace: None };
        let step = |token, from, to, amount: u128, authority| Command::Move {
            request,
            token: TokenIx(token),
            from,
            to,
            amount: Amount::new(amount),
            authority,
        };
        let other = AccountIx(if account.0 == 0 { 1 } else { 0 });
        let owner = MoveAuthority::Owner;
        let command = match self.below(24) {
            0 => step(0, account, account, 1, owner),
            1 => step(0, account, other, 0, owner),
            2 => step(nowhere, account, other, 1, owner),
            3 => step(0, account, AccountIx(nowhere), 1, owner),
            4 => step(0, account, other, 1, MoveAuthority::Key),
            5 => step(0, account, other, u128::MAX, owner),
            6 => hold(PayoutOrder { asset: AssetIx(nowhere), ..order }),
            7 => hold(PayoutOrder { amount: Amount::ZERO, ..order }),
            8 => hold(PayoutOrder { amount: Amount::new(1), ..order }),
            9 => hold(PayoutOrder { amount: Amount::MAX, ..order }),
            10 => hold(PayoutOrder { max_fee: Amount::ZERO, ..order }),
            11 => hold(PayoutOrder { expiry: Time(1), ..order }),
            12 => {
                let token = self.shared.contracts.borrow()[network][0].clone();
                hold(PayoutOrder { asset: asset_ix(network, 0), destination: token, ..order })
            }
            13 => hold(PayoutOrder { destination: self.setup.networks[network].wallets[0].0.clone(), ..order }),
            14 => hold(PayoutOrder { authority: Authority::Key(KeyIx(0)), ..order }),
            15 => Command::CancelPayout {
                request: Some(request),
                payout: PayoutId(u64::from(nowhere)),
                authority: self.signature(network),
            },
            16 => Command::ClaimDeposit {
                request,
                network: NetworkIx(999),
                tx: TxId([1; 32]),
                by: Some(account),
                trace: None,
            },
            17 => Command::OpenAccount { request: Some(request), name: "no good name \u{7}".into() },
            18 => {
                // A key from yesterday's yesterday.
                let key = (u128::from(self.shared.clock.wall().0) - 200_000_000) << 80 | 7;
                Command::OpenAccount { request: Some(Request { key, ..request }), name: "late".into() }
            }
            19 => {
                let key = (u128::from(self.shared.clock.wall().0) + 100_000_000) << 80 | 7;
                Command::OpenAccount { request: Some(Request { key, ..request }), name: "early".into() }
            }
            20 => Command::LinkName {
                request,
                account,
                name: "no colon".into(),
                authority: self.signature(network),
                nonce: request.key,
                expiry: self.shared.clock.wall().plus_ms(60_000),
            },
            21 => Command::ClaimSuspense {
                request,
                item: SuspenseId(self.below(4)),
                account,
                authority: self.signature(network),
            },
            22 => Command::ListWallet {
                request: Some(request),
                network: network_ix(network),
                address: self.setup.networks[network].wallets[0].0.clone(),
                role: Role::Deposit(account),
                key: "hot-1".into(),
            },
            _ => {
                // What was ordered once is not ordered again under another key.
                let first = Request { key: request.key ^ 1, ..request };
                let again = order.clone();
                self.ask(hold(order)).await;
                Command::HoldPayout { request: first, order: again, trace: None }
            }
        };
        self.ask(command).await;
    }
}
