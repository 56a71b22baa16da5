//! The engine, as far as a worker needs it: submit what was seen, and look at the state.

use std::future::Future;

use tokengine_core::{Command, Rejection, State};
use tokengine_engine::{Handle, Lane};

use crate::Error;

/// Where commands go and the state is. The engine's handle is one; the simulator, which decides on its own state, is the
/// other.
pub trait Books: Clone + Send + Sync + 'static {
    /// Decides one command. The answer comes when everything it saw is durable; a rejection is an answer.
    ///
    /// # Errors
    /// [`Error::Engine`]: the command may or may not have happened; looking at the state again tells.
    fn submit(&self, command: Command) -> impl Future<Output = Result<Result<(), Rejection>, Error>> + Send;

    /// Decides several commands one after the other; a refused one does not stop those behind it.
    ///
    /// # Errors
    /// As [`Books::submit`].
    fn submit_many(
        &self,
        commands: Vec<Command>,
    ) -> impl Future<Output = Result<Vec<Result<(), Rejection>>, Error>> + Send;

    /// Looks at the state. What it returns was durable.
    ///
    /// # Errors
    /// [`Error::Engine`].
    fn query<R: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, Error>> + Send;
}

impl Books for Handle {
    async fn submit(&self, command: Command) -> Result<Result<(), Rejection>, Error> {
        match Handle::submit(self, Lane::Worker, command).await {
            Ok(_) => Ok(Ok(())),
            Err(tokengine_engine::Error::Refused(refused)) => Ok(Err(refused.rejection)),
            Err(error) => Err(error.into()),
        }
    }

    async fn submit_many(&self, commands: Vec<Command>) -> Result<Vec<Result<(), Rejection>>, Error> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let answers = Handle::submit_many(self, Lane::Worker, commands).await?;
        Ok(answers.into_iter().map(|answer| answer.map(drop).map_err(|refused| refused.rejection)).collect())
    }

    async fn query<R: Send + 'static>(&self, look: impl FnOnce(&State) -> R + Send + 'static) -> Result<R, Error> {
        Ok(Handle::query(self, look).await?)
    }
}
