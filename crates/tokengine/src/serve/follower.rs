//! The read model follows the journal.

use crate::exit::{Exit, Failure};
use std::path::Path;
use tokengine_core::{Position, Record};
use tokengine_engine::{Sink, SinkError};
use tokengine_store::Store;

/// Takes events into the read model; cursor and rows change together there.
pub(crate) struct StoreSink(pub(crate) Store);

impl Sink for StoreSink {
    fn cursor(&mut self) -> Result<Position, SinkError> {
        Ok(self.0.cursor()?)
    }

    fn take(&mut self, records: &[(Position, Record)]) -> Result<(), SinkError> {
        Ok(self.0.apply(records)?)
    }
}

/// Opens the read model. One that is of no use is thrown away: everything in it is in the journal too.
pub(crate) fn open(data: &Path) -> Result<Store, Failure> {
    let path = crate::command::journal::read_model(data);
    let failed = |error: tokengine_store::Error| Failure::of(Exit::Failed, error.code(), &error);
    match Store::open(&path) {
        Err(error) if error.needs_rebuild() => {
            tracing::warn!(error = %error, error.code = error.code(), "Read model is built anew");
            crate::command::journal::forget_read_model(&path)?;
            Store::open(&path).map_err(failed)
        }
        opened => opened.map_err(failed),
    }
}
