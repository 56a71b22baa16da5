//! Issued tokens: the books of what is minted, moved and burned by operations.

use super::Writer;
use super::books::Posting as Entry;
use crate::Error;
use crate::model::{Change, EntryKind};
use tokengine_core::token::{ClassSpec, Posting, Standard};

impl Writer<'_> {
    /// A fungible class lists its token.
    pub(super) fn class_created(&mut self, spec: &ClassSpec) -> Result<(), Error> {
        match spec.standard {
            Standard::Ft => self.token_listed(&spec.id, spec.decimals),
            Standard::Nft => Ok(()),
        }
    }

    pub(super) fn operated(&mut self, opened: Option<&str>, posting: Posting) -> Result<(), Error> {
        if let Some(name) = opened {
            self.open_account(name, !name.contains(':'))?;
        }
        let (account, token, kind, free) = match posting {
            Posting::Nothing => return Ok(()),
            Posting::Moved { token, from, to, amount } => return self.moved(token, from, to, amount),
            Posting::Minted { token, to, amount } => (to, token, EntryKind::Minted, Change::up(amount)),
            Posting::Burned { token, from, amount } => (from, token, EntryKind::Burned, Change::down(amount)),
        };
        self.post(Entry { account, token, kind, reference: None, free, held: Change::NONE })
    }
}
