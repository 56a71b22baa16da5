//! Where the planted bugs sit: between the workers and the books, and under the journal.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokengine_chain::Node;
use tokengine_chain::evm::tx::{Signature, Signed};
use tokengine_core::*;
use tokengine_engine::Handle;
use tokengine_journal::mem::MemDisk;
use tokengine_journal::{Disk, DiskFile, LockError, LockGuard};
use tokengine_keys::{KeyRef, Keyring, SignRequest, Signer};
use tokengine_workers::{Books, Error};
use tokio::time::sleep;

use crate::mutant::Mutant;
use crate::net::SimNode;

/// A bug between a process's workers and its books.
#[derive(Clone)]
pub(crate) struct Planted {
    pub(crate) mutant: Mutant,
    /// The first node of each network.
    pub(crate) nodes: Arc<Vec<SimNode>>,
    pub(crate) keyring: Arc<Keyring>,
    /// What is told to the books later.
    pub(crate) later: Arc<Mutex<Vec<Command>>>,
}

const DEEP: Depth = Depth { confirmations: u64::MAX, safe: true, finalized: true, nodes: u8::MAX };

impl Planted {
    /// What the books hear instead; nothing when they are only said to have heard it.
    pub(crate) async fn instead(&self, handle: &Handle, mut command: Command) -> Result<Option<Command>, Error> {
        match (self.mutant, &mut command) {
            (Mutant::DepositUnseen, Command::SeeDeposit { .. })
            | (Mutant::ReorgIgnored, Command::RewindScan { .. }) => {
                return Ok(None);
            }
            (Mutant::CursorFirst, Command::SeeDeposit { .. }) => {
                self.later.lock().expect("one thread").push(command);
                return Ok(None);
            }
            (Mutant::CursorFirst, Command::ScanBlocks { .. }) => {
                let scanned = Books::submit(handle, command).await?;
                sleep(Duration::from_millis(400)).await;
                let later = std::mem::take(&mut *self.later.lock().expect("one thread"));
                if scanned.is_ok() {
                    Books::submit_many(handle, later).await?;
                }
                return Ok(None);
            }
            (Mutant::LogForgotten, Command::SeeDeposit { deposit }) => forget(&mut deposit.key),
            (Mutant::LogForgotten, Command::CreditDeposit { key, .. }) => forget(key),
            (Mutant::LogOfBlock, Command::SeeDeposit { deposit }) => {
                if let Locator::Log(log) = &mut deposit.key.locator {
                    *log = log.wrapping_add(1 + u32::try_from(deposit.block.height % 1_000).unwrap_or(0));
                }
            }
            (Mutant::CreditAtOnce, Command::SeeDeposit { deposit }) => {
                let (key, block) = (deposit.key.clone(), deposit.block);
                Books::submit(handle, command).await?.ok();
                return Ok(Some(Command::CreditDeposit { key, block, depth: DEEP }));
            }
            (Mutant::OneTooMuch, Command::SeeDeposit { deposit }) => {
                deposit.amount = deposit.amount.checked_add(Amount::new(1)).unwrap_or(deposit.amount);
            }
            (
                Mutant::OneNode,
                Command::CreditDeposit { depth, .. }
                | Command::FinishDispatch { depth, .. }
                | Command::BuryDispatch { depth, .. },
            ) => depth.nodes = u8::MAX,
            (
                Mutant::RevertedIsPaid,
                Command::SeeDispatch { sighting, .. } | Command::FinishDispatch { sighting, .. },
            ) => {
                sighting.success = true;
            }
            (Mutant::FinalAtOnce, Command::SeeDispatch { dispatch, sighting }) => {
                let (dispatch, sighting) = (*dispatch, sighting.clone());
                Books::submit(handle, command).await?.ok();
                let gas = Amount::new(1);
                return Ok(Some(Command::FinishDispatch { dispatch, sighting, gas, depth: DEEP }));
            }
            (Mutant::SilenceBuries, Command::MarkSent { dispatch, .. }) => {
                let dispatch = *dispatch;
                Books::submit(handle, command).await?.ok();
                let look = move |state: &State| {
                    let wallet = state.wallet(state.dispatch(dispatch)?.wallet)?;
                    state.network(wallet.network)?.scanned.front().copied()
                };
                let Some(block) = Books::query(handle, look).await? else { return Ok(None) };
                return Ok(Some(Command::BuryDispatch { dispatch, by: TxId([5; 32]), block, depth: DEEP }));
            }
            (Mutant::SentFirst, Command::SignAttempt { dispatch, attempt }) => {
                let dispatch = *dispatch;
                let look = move |state: &State| Some(state.wallet(state.dispatch(dispatch)?.wallet)?.network);
                if let Some(network) = Books::query(handle, look).await? {
                    // Whatever the node says.
                    let _ = self.nodes[crate::check::row_of(network)].send(&attempt.raw).await;
                }
            }
            (Mutant::NextNonce, Command::SignAttempt { dispatch, attempt }) => {
                self.with_nonce(handle, *dispatch, attempt, |nonce, first| if first { nonce } else { nonce + 1 })
                    .await?;
            }
            (Mutant::SameNonce, Command::SignAttempt { dispatch, attempt }) => {
                self.with_nonce(handle, *dispatch, attempt, |nonce, _| nonce.saturating_sub(1)).await?;
            }
            (Mutant::GasForgotten, Command::FinishDispatch { gas, .. }) => *gas = Amount::ZERO,
            _ => {}
        }
        Ok(Some(command))
    }

    /// The same payment, signed for another nonce.
    async fn with_nonce(
        &self,
        handle: &Handle,
        dispatch: DispatchId,
        attempt: &mut Attempt,
        other: impl Fn(u64, bool) -> u64,
    ) -> Result<(), Error> {
        let look = move |state: &State| {
            let slot = state.dispatch(dispatch)?;
            Some((state.wallet(slot.wallet)?.key.to_string(), slot.attempts.is_empty()))
        };
        let Some((key, first)) = Books::query(handle, look).await? else { return Ok(()) };
        let Ok(signed) = Signed::decode(&attempt.raw) else { return Ok(()) };
        let mut draft = signed.draft.clone();
        draft.nonce = other(draft.nonce, first);
        let Ok(key) = key.parse::<KeyRef>() else { return Ok(()) };
        let given = self.keyring.signer(&key)?.sign(&SignRequest::of(draft.preimage()?)).await?;
        let signature = Signature { r: given.r(), s: given.s(), y_parity: given.y_parity() };
        let again = draft.signed(&signature, &signed.from)?;
        (attempt.tx, attempt.raw) = (again.tx, again.raw.into());
        Ok(())
    }
}

fn forget(key: &mut DepositKey) {
    if let Locator::Log(log) = &mut key.locator {
        *log = 0;
    }
}

/// A disk whose syncs do nothing once the process runs.
pub(crate) struct LyingDisk(pub(crate) MemDisk);

struct LyingFile(Arc<dyn DiskFile>);

impl Disk for LyingDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(LyingFile(self.0.open(name)?)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        // What is made ahead is on the medium; only what is written into it later is not.
        self.0.create(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.0.sync_dir()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.0.free_bytes()
    }

    fn lock(&self) -> Result<LockGuard, LockError> {
        self.0.lock()
    }

    fn location(&self, name: &str) -> String {
        self.0.location(name)
    }
}

impl DiskFile for LyingFile {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn write_at(&self, buf: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(buf, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}
