//! Asking, as impatient clients do: again and again under the same key, twice at once, hanging up, with other content.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use tokengine_core::*;
use tokengine_engine::{Error, Lane};
use tokio::time::sleep;

use super::super::Shared;
use super::{Answer, Client};
use crate::mutant::Mutant;
use crate::rng::Dice;

/// A request under a key of its own, made now.
pub(crate) fn new_request(shared: &Shared, rng: &Dice, principal: Principal) -> Request {
    let low = u128::from(rng.next()) | u128::from(rng.below(1 << 12)) << 64;
    let key = u128::from(shared.clock.wall().0) << 80 | low;
    Request { principal, key, content: Fingerprint(u128::from(rng.next())) }
}

impl Client {
    pub(super) fn request(&self, principal: Principal) -> Request {
        new_request(&self.shared, &self.rng, principal)
    }

    /// Looks at the state, as soon as there is a process to ask.
    pub(super) async fn look<R: Send + 'static>(
        &self,
        look: impl Fn(&State) -> Option<R> + Clone + Send + 'static,
    ) -> Option<R> {
        loop {
            let handle = self.shared.door.borrow().clone();
            if let Some(handle) = handle {
                let look = look.clone();
                match handle.query(move |state| (look(state), state.position())).await {
                    Ok((seen, position)) => {
                        self.is_durable(position, "a question");
                        return seen;
                    }
                    Err(Error::QueryPanicked) => self.shared.fail("no-panic", "a client's question panicked"),
                    Err(_) => {}
                }
            }
            self.wait_a_little().await;
        }
    }

    async fn wait_a_little(&self) {
        sleep(Duration::from_millis(self.rng.between(100, 2_000))).await;
    }

    fn is_durable(&self, position: Position, what: &str) {
        let durable = self.shared.durable.get();
        if position.0 > durable {
            let text = format!("{what} was answered from {position}, and only {durable} is durable");
            self.shared.fail("answer-after-durable", text);
        }
    }

    fn heard(&self, answer: &Answer) {
        match answer {
            Ok(done) => self.is_durable(done.position, "a request"),
            Err(refused) => {
                self.shared.refusals.hit(refused.rejection);
                refused.position.into_iter().for_each(|position| self.is_durable(position, "a refusal"));
            }
        }
    }

    /// Asks once. Nothing when nobody knows whether it happened, or when the client hung up.
    async fn once(&self, command: &Command) -> Option<Answer> {
        let handle = self.shared.door.borrow().clone()?;
        let forgotten = (self.shared.mutant == Some(Mutant::KeyForgotten)).then(|| self.rekeyed(command));
        let command = forgotten.as_ref().unwrap_or(command);
        let asked = async {
            match handle.submit(Lane::Client, command.clone()).await {
                Ok(done) => Some(Ok(done)),
                Err(Error::Refused(refused)) => Some(Err(refused)),
                Err(error) => {
                    self.shared.tally.hit(format!("client-error {}", error.code()));
                    None
                }
            }
        };
        let patience = if self.chance(1, 12) { self.below(40) } else { 600_000 };
        let answer = match select(pin!(asked), pin!(sleep(Duration::from_millis(patience)))).await {
            Either::Left((answer, _)) => answer?,
            Either::Right(_) => {
                self.shared.tally.hit("client hangs-up");
                return None;
            }
        };
        self.heard(&answer);
        Some(answer)
    }

    /// The same under another key.
    fn rekeyed(&self, command: &Command) -> Command {
        let mut other = command.clone();
        if let Command::Move { request, .. } | Command::ClaimDeposit { request, .. } = &mut other {
            request.key ^= u128::from(self.rng.next());
        }
        other
    }

    /// Asks until there is an answer, and then perhaps once more. Nothing only for what has no key, when it is unknown
    /// whether it happened.
    pub(super) async fn ask(&self, command: Command) -> Option<Answer> {
        let races = self.chance(1, 10);
        let answer = loop {
            let answer = if races {
                self.shared.tally.hit("client races");
                let (one, other) = join(self.once(&command), self.once(&command)).await;
                if let (Some(one), Some(other)) = (&one, &other) {
                    self.same(&command, one, other);
                }
                one.or(other)
            } else {
                self.once(&command).await
            };
            match answer {
                Some(answer) => break answer,
                None => self.wait_a_little().await,
            }
        };
        let story = &self.shared.story;
        story.tell(|| format!("{} asked {command:?}: {answer:?}", self.address));
        if self.chance(1, 5) {
            self.shared.tally.hit("client repeats");
            if let Some(again) = self.once(&command).await {
                self.same(&command, &answer, &again);
            }
        }
        let kept = !matches!(&answer, Err(refused) if refused.position.is_none());
        if self.chance(1, 8) && kept && command.request().is_some() {
            self.shared.tally.hit("client changes-content");
            let other = changed(&command);
            if let Some(Ok(done)) = self.once(&other).await {
                self.shared.fail("I6 one-content-a-key", format!("{command:?} and with other content: {done:?}"));
            }
        }
        Some(answer)
    }

    /// The same request gets the same answer, as long as answers are remembered.
    fn same(&self, command: &Command, one: &Answer, other: &Answer) {
        let forgotten = |refused: Rejection| {
            refused.is_transient() || matches!(refused, Rejection::KeyExpired | Rejection::KeyFromFuture)
        };
        let same = match (one, other) {
            (Ok(one), Ok(other)) => (one.position, one.subject) == (other.position, other.subject),
            (Err(one), Err(other)) => {
                one.rejection == other.rejection || forgotten(one.rejection) || forgotten(other.rejection)
            }
            // What was refused for the moment may be taken the next time; what was taken stays taken.
            (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => forgotten(refused.rejection),
        };
        if !same {
            self.shared.fail("I6 one-answer-a-request", format!("{command:?}: {one:?}, and again: {other:?}"));
        }
    }
}

/// The same key for something else.
fn changed(command: &Command) -> Command {
    let mut other = command.clone();
    let other_content = |request: &mut Request| request.content.0 ^= 1;
    match &mut other {
        Command::LinkName { request, .. }
        | Command::Move { request, .. }
        | Command::ClaimDeposit { request, .. }
        | Command::HoldPayout { request, .. }
        | Command::RequestTransfer { request, .. } => other_content(request),
        Command::ListWallet { request, .. }
        | Command::OpenAccount { request, .. }
        | Command::CancelPayout { request, .. } => request.iter_mut().for_each(other_content),
        _ => {}
    }
    other
}
