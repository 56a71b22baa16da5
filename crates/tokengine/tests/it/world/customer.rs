//! Customers: the node's own funded accounts, whose keys everybody knows. They pay, sign and are paid.

use serde_json::{Value, json};
use tokengine_core::Amount;
use tokengine_keys::typed::{Domain, Message, Withdrawal};
use tokengine_keys::{EvmAddress, LocalSigner, Secret};
use tokengine_testkit::{Arg, artifact};

use super::setup::hex;
use super::{Answer, ETH_FEE, USD_FEE, World, units};

/// A withdrawal that a customer wants.
#[derive(Clone, Debug)]
pub struct Order {
    /// The customer's number among the node's accounts.
    pub customer: usize,
    /// Whose account: that customer's on this network.
    pub home: usize,
    /// Where it is paid.
    pub net: usize,
    /// `usd` or `eth`.
    pub token: &'static str,
    /// Base units of the asset there.
    pub amount: u128,
    /// Who is paid.
    pub to: String,
}

/// An address with its checksum.
pub fn canonical(address: &str) -> String {
    address.parse::<EvmAddress>().expect("an address").to_string()
}

/// The CAIP-10 id of an address.
pub fn caip10(chain: u64, address: &str) -> String {
    format!("eip155:{chain}:{}", canonical(address))
}

impl World {
    /// The address of a customer; 0 is the operator's purse.
    pub fn customer(&self, number: usize) -> String {
        self.nodes[0].accounts()[number].clone()
    }

    /// A customer's account on a network.
    pub fn account(&self, home: usize, customer: usize) -> String {
        caip10(self.setup.nets[home].chain, &self.customer(customer))
    }

    /// An address that nobody has used, by any number.
    pub fn nobody(&self, number: u32) -> String {
        canonical(&format!("0x{:0>40}", format!("c0ffee{number:08x}")))
    }

    pub fn mint(&self, net: usize, to: &str, amount: u128) {
        self.issuer(net, "mint(address,uint256)", to, amount);
    }

    /// The dollar's issuer takes some back.
    pub fn seize(&self, net: usize, from: &str, amount: u128) {
        self.issuer(net, "seize(address,uint256)", from, amount);
    }

    fn issuer(&self, net: usize, function: &str, whose: &str, amount: u128) {
        let (node, dollar) = (&self.nodes[net], artifact("TestToken").expect("compiled"));
        let args = [Arg::from(whose), Arg::Uint(amount)];
        let sent = node.invoke(&node.accounts()[0], &self.tokens[net], &dollar, function, &args);
        node.wait_success(&sent.expect("sent")).expect("done");
    }

    /// A customer pays to an address of ours; dollars are minted first. Returns the transaction.
    pub fn pay(&self, net: usize, customer: usize, token: &str, to: &str, amount: u128) -> String {
        let (node, from) = (&self.nodes[net], self.customer(customer));
        let hash = match token {
            "eth" => node.send(&from, to, amount),
            "usd" => {
                self.mint(net, &from, amount);
                node.erc20_transfer(&self.tokens[net], &from, to, amount)
            }
            other => panic!("no token {other}"),
        };
        let hash = hash.expect("sent");
        node.wait_success(&hash).expect("paid");
        hash
    }

    /// A customer pays to the hot wallet. Returns the transaction.
    pub fn deposit(&self, net: usize, customer: usize, token: &str, amount: u128) -> String {
        self.pay(net, customer, token, &self.hot(net), amount)
    }

    /// A customer pays to the hot wallet, and has it in the account.
    #[track_caller]
    pub fn deposited(&self, net: usize, customer: usize, token: &str, amount: u128) -> String {
        let account = self.account(net, customer);
        let before = self.free(&account, token);
        let transaction = self.deposit(net, customer, token, amount);
        let wanted = before + self.in_ledger(net, token, amount);
        self.until(&format!("{wanted} {token} of {account}"), |world| world.free(&account, token) == wanted);
        transaction
    }

    /// An amount of an asset in the unit of its token.
    pub fn in_ledger(&self, net: usize, token: &str, amount: u128) -> u128 {
        if token == "usd" { amount * (super::WHOLE / self.unit(net)) } else { amount }
    }

    /// What a withdrawal of a token costs.
    pub fn fee(&self, token: &str) -> u128 {
        if token == "usd" { USD_FEE } else { ETH_FEE }
    }

    /// An account's balance of a token: `free`, `held` or `owed`. Nothing where there is no account.
    #[track_caller]
    pub fn balance(&self, account: &str, token: &str, part: &str) -> u128 {
        let answer = self.get(&format!("/v1/accounts/{account}/balances"));
        if answer.status == 404 {
            return 0;
        }
        let balances = answer.expect(200);
        let items = balances["items"].as_array().cloned().unwrap_or_default();
        items.iter().find(|item| item["token"] == token).map_or(0, |item| units(&item[part]))
    }

    #[track_caller]
    pub fn free(&self, account: &str, token: &str) -> u128 {
        self.balance(account, token, "free")
    }

    /// What an address has on a network.
    pub fn on_chain(&self, net: usize, token: &str, address: &str) -> u128 {
        match token {
            "eth" => self.nodes[net].balance(address).expect("asked"),
            _ => self.nodes[net].erc20_balance(&self.tokens[net], address).expect("asked"),
        }
    }

    /// The deposits of a transaction.
    #[track_caller]
    pub fn deposits_of(&self, net: usize, transaction: &str) -> Vec<Value> {
        let path = format!("/v1/deposits?network={}&transaction={transaction}", self.network(net));
        self.get(&path).expect(200)["items"].as_array().cloned().unwrap_or_default()
    }

    fn order_without_signature(&self, order: &Order) -> Value {
        let expiry = jiff::Timestamp::now().as_second() + 3600;
        json!({
            "account": self.account(order.home, order.customer),
            "asset": self.asset(order.net, order.token),
            "amount": {"base_units": order.amount.to_string()},
            "destination": caip10(self.setup.nets[order.net].chain, &order.to),
            "max_fee": {"base_units": self.fee(order.token).to_string()},
            "nonce": uuid::Uuid::now_v7().as_u128().to_string(),
            "expiry": jiff::Timestamp::from_second(expiry).expect("a time").to_string(),
        })
    }

    /// The customer's signed request.
    #[track_caller]
    pub fn signed(&self, order: &Order) -> Value {
        let body = self.order_without_signature(order);
        self.sign(order.customer, &self.account(order.home, order.customer), body)
    }

    /// Adds the signature of a customer, as `signer`, over what the request says.
    #[track_caller]
    pub fn sign(&self, customer: usize, signer: &str, mut body: Value) -> Value {
        let instance = self.instance(&body, signer);
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        let amount = |name: &str| {
            Amount::parse_base_units(body[name]["base_units"].as_str().expect("a text")).expect("an amount")
        };
        let asset: tokengine_caip::AssetId = text("asset").parse().expect("an asset");
        let expiry: jiff::Timestamp = text("expiry").parse().expect("a time");
        let message = Message::Withdrawal(Withdrawal {
            network: asset.chain_id(),
            asset,
            amount: amount("amount"),
            max_fee: amount("max_fee"),
            destination: text("destination").parse().expect("an id"),
            account: text("account"),
            nonce: text("nonce").parse().expect("a number"),
            expiry: u64::try_from(expiry.as_second()).expect("after 1970"),
        });
        let domain = Domain::of(&signer.parse().expect("an id"), instance).expect("an EVM");
        let key = Secret::new(self.nodes[0].private_keys()[customer].clone());
        let signature = LocalSigner::from_hex(&key).expect("a key").sign_now(&message.hash(&domain)).to_bytes();
        body["signature"] = json!({"signer": signer, "value": format!("0x{}", hex(&signature))});
        body
    }

    /// The engine's id, as it tells wallets; it never changes.
    #[track_caller]
    fn instance(&self, request: &Value, signer: &str) -> [u8; 32] {
        *self.instance.get_or_init(|| {
            let asked = json!({"kind": "withdrawal", "signer": signer, "request": request});
            let told = self.post("/v1/to-sign", &asked).expect(200);
            let salt = told["typed_data"]["domain"]["salt"].as_str().expect("a salt").to_owned();
            let bytes = tokengine_testkit::abi::from_hex(&salt).expect("hexadecimal");
            bytes.try_into().expect("32 bytes")
        })
    }

    /// Asks for a withdrawal that must be taken, and returns its id.
    #[track_caller]
    pub fn withdraw(&self, order: &Order) -> String {
        let answer = self.post("/v1/withdrawals", &self.signed(order)).expect(202);
        answer["id"].as_str().expect("an id").to_owned()
    }

    pub fn withdrawal(&self, id: &str) -> Answer {
        self.get(&format!("/v1/withdrawals/{id}"))
    }

    /// Waits until a withdrawal has that status.
    #[track_caller]
    pub fn until_status(&self, id: &str, status: &str) {
        self.until(&format!("withdrawal {id} is {status}"), |world| world.withdrawal(id)["status"] == status);
    }
}
