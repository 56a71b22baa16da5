//! The network itself: what it promises those who test against it.

mod honesty;
mod pools;
mod reorgs;
mod transfers;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tokengine_chain::evm::tx::{Payload, Signature, Signed};
use tokengine_chain::fees::Fees;
use tokengine_core::{Address, Amount};
use tokengine_keys::{LocalSigner, Secret};

use super::*;

const GWEI: u128 = 1_000_000_000;
const COIN: u128 = 1_000_000_000_000_000_000;
const START: u64 = 1_700_000_000_000;

/// One network, a wallet of ours with a real key, and somebody outside.
struct Bench {
    world: World,
    key: LocalSigner,
    ours: Address,
    bob: Address,
}

impl Bench {
    fn new(seed: u64, settings: Settings) -> Self {
        let mut rng = Rng::new(seed);
        let key = LocalSigner::from_key(&Secret::new(rng.bytes())).expect("a key");
        let ours = Address::new(&key.evm_address().to_string()).expect("an address");
        let world = World::new(rng, vec![settings], START);
        let bob = world.fresh_address(0);
        world.own(0, &ours);
        Self { world, key, ours, bob }
    }

    /// With coin and tokens in our wallet.
    fn funded(seed: u64, settings: Settings) -> Self {
        let mut bench = Self::new(seed, settings);
        let coin = bench.world.pay(0, &bench.bob, &bench.ours, &Asset::Native, 100 * COIN);
        for ix in 0..bench.world.settings(0).tokens.len() {
            let token = Asset::Contract(bench.world.token(0, ix));
            bench.world.pay(0, &bench.bob, &bench.ours, &token, 1_000_000);
        }
        bench.blocks(1);
        assert_eq!(bench.world.balance(0, &bench.ours, &Asset::Native), 100 * COIN, "{coin}");
        bench
    }

    fn token(&self, ix: usize) -> Address {
        self.world.token(0, ix)
    }

    fn sign(&self, nonce: u64, payload: Payload, gas: u64, max_fee: u128, tip: u128) -> Signed {
        let draft =
            payload.draft(self.world.settings(0).chain_id, nonce, gas, Fees::Dynamic { max_fee, priority: tip });
        self.sign_draft(&draft)
    }

    fn sign_draft(&self, draft: &tokengine_chain::evm::tx::Draft) -> Signed {
        let signature = self.key.sign_now(&draft.signing_hash().expect("an address"));
        let (r, s, y_parity) = (signature.r(), signature.s(), signature.y_parity());
        draft.signed(&Signature { r, s, y_parity }, &self.ours).expect("signed")
    }

    /// A plain payment out of our wallet with a good offer.
    fn payment(&self, nonce: u64, to: &Address, amount: u128) -> Signed {
        self.sign(nonce, Payload::native(to, Amount::new(amount)), 21_000, 200 * GWEI, 2 * GWEI)
    }

    fn blocks(&mut self, count: u64) {
        let ms = self.world.settings(0).block_ms;
        for _ in 0..count {
            self.world.advance(self.world.now() + ms);
        }
    }

    /// Lets time pass until a question is answered.
    fn answer<F: Future>(&mut self, question: impl FnOnce(SimNode) -> F, endpoint: usize) -> F::Output {
        let mut question = pin!(question(self.world.node(0, endpoint)));
        loop {
            match question.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => self.world.advance(self.world.next_due()),
            }
        }
    }
}
