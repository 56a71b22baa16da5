//! A node as the product asks it: [`tokengine_chain::Node`].

use std::sync::{Arc, Mutex};

use tokengine_chain::{
    Asset, At, Block, BlockId, Error, Heads, Identity, Node, Receivers, Scan, SendAnswer, TxPayments, TxStatus,
};
use tokengine_core::{Address, Amount, BlockHash, TxId};

use super::endpoint::{IDENTITY, Plan};
use super::lock;
use super::network::Net;
use super::wait::Until;

/// One node of a simulated network. Copies are the same node.
#[derive(Clone)]
pub struct SimNode {
    pub(super) net: Arc<Mutex<Net>>,
    pub(super) ix: usize,
    pub(super) name: Arc<str>,
    pub(super) traces: bool,
}

impl SimNode {
    /// Puts a question: it may wait, fail, or be answered with what was true when it was put.
    pub(super) async fn ask<T>(
        &self,
        what: &'static str,
        answer: impl Fn(&mut Net, &Plan) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let (plan, early) = {
            let mut net = lock(&self.net);
            let plan = net.plan(self.ix, what);
            let early = (plan.early && plan.fault.is_none()).then(|| answer(&mut net, &plan));
            (plan, early)
        };
        if plan.wait > 0 {
            Until::later(&self.net, plan.wait).await;
        }
        if let Some(fault) = plan.fault {
            return Err(fault);
        }
        early.unwrap_or_else(|| answer(&mut lock(&self.net), &plan))
    }
}

impl Node for SimNode {
    fn name(&self) -> &str {
        &self.name
    }

    async fn identity(&self) -> Result<Identity, Error> {
        self.ask(IDENTITY, |net, _| {
            let impostor = net.endpoints[self.ix].is_impostor();
            let genesis = net.chain.best_at(0).map(|ix| net.chain.get(ix).at.hash);
            let genesis = genesis.expect("block 0 never goes away");
            Ok(match impostor {
                false => Identity { chain: net.id.to_string(), genesis },
                // Of another number, or of a test network with the same.
                true if net.endpoints[self.ix].rng.chance(1, 2) => Identity { chain: format!("{}0", net.id), genesis },
                true => Identity { chain: net.id.to_string(), genesis: BlockHash([0x0f; 32]) },
            })
        })
        .await
    }

    fn traces(&self) -> bool {
        self.traces
    }

    async fn heads(&self) -> Result<Heads, Error> {
        self.ask("heads", |net, plan| {
            let heads = net.view(self.ix, plan).heads();
            Ok(if plan.lie { net.lie_about_heads(self.ix, heads) } else { heads })
        })
        .await
    }

    async fn block(&self, id: BlockId) -> Result<Option<Block>, Error> {
        self.ask("a block", |net, plan| {
            let block = net.view(self.ix, plan).block(id);
            Ok(if plan.lie { net.lie_about_block(self.ix, block) } else { block.filter(|_| !plan.not_found) })
        })
        .await
    }

    async fn blocks(&self, from: u64, count: u32) -> Result<Vec<Block>, Error> {
        self.ask("blocks", |net, plan| {
            let mut blocks = net.view(self.ix, plan).blocks(from, count);
            if plan.lie {
                net.lie_about_blocks(self.ix, &mut blocks);
            } else if plan.not_found {
                blocks.truncate(blocks.len() / 2);
            }
            Ok(blocks)
        })
        .await
    }

    async fn payments(&self, block: BlockHash, to: &Receivers) -> Result<Scan, Error> {
        let what = "payments";
        self.ask(what, |net, plan| {
            let scan = net.view(self.ix, plan).payments(block, to);
            let scan = scan.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            if plan.lie {
                return Ok(net.lie_about_payments(self.ix, scan, block, to));
            }
            if plan.not_found {
                return Err(Error::BlockUnknown { node: Arc::clone(&self.name), block });
            }
            Ok(net.perhaps_untraced(self.ix, scan))
        })
        .await
    }

    async fn payments_of(&self, tx: TxId, to: &Receivers) -> Result<TxPayments, Error> {
        self.ask("payments of a transaction", |net, plan| {
            let answer = net.view(self.ix, plan).payments_of(tx, to);
            Ok(match answer {
                answer if plan.lie => net.lie_about_payments_of(self.ix, tx, answer, to),
                _ if plan.not_found => TxPayments::NotFound,
                TxPayments::InBlock(at, scan) => TxPayments::InBlock(at, net.perhaps_untraced(self.ix, scan)),
                answer => answer,
            })
        })
        .await
    }

    async fn status(&self, tx: TxId) -> Result<TxStatus, Error> {
        self.ask("a status", |net, plan| {
            let status = net.view(self.ix, plan).status(tx);
            Ok(match status {
                status if plan.lie => net.lie_about_status(self.ix, status),
                _ if plan.not_found => TxStatus::Unknown,
                status => status,
            })
        })
        .await
    }

    async fn send(&self, signed: &[u8]) -> Result<SendAnswer, Error> {
        // Decided before anything waits: the bytes may be out although nobody hears of it.
        let (answer, wait) = lock(&self.net).receive(self.ix, signed);
        if wait > 0 {
            Until::later(&self.net, wait).await;
        }
        answer
    }

    async fn balances(&self, of: &[(Address, Asset)], at: At) -> Result<Vec<Option<Amount>>, Error> {
        let mut told = Vec::with_capacity(of.len());
        for (of, asset) in of {
            told.push(match self.balance(of, asset, at).await {
                Ok(amount) => Some(amount),
                Err(Error::Decode { .. } | Error::TooLarge { .. }) => None,
                Err(error) => return Err(error),
            });
        }
        Ok(told)
    }

    async fn balance(&self, of: &Address, asset: &Asset, at: At) -> Result<Amount, Error> {
        let what = "a balance";
        self.ask(what, |net, plan| {
            let is_token = match asset {
                Asset::Native => true,
                Asset::Contract(contract) => net.is_token_at(contract),
            };
            if !is_token {
                let why = "the contract tells no balance".to_owned();
                return Err(Error::Decode { node: Arc::clone(&self.name), what, why });
            }
            let key = net.balance_key(of, asset);
            let balance = net.view(self.ix, plan).balance(key, at);
            let balance = balance.map_err(|lacks| net.lacks(self.ix, what, lacks))?;
            Ok(if plan.lie { net.lie_about_balance(self.ix, balance) } else { balance })
        })
        .await
    }
}
