//! Commands on a data folder: `verify`, `rebuild`, `backup`, `restore`.

use crate::exit::{Exit, Failure};
use crate::out::Out;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use tokengine_core::{Position, Record, State};
use tokengine_journal::{self as journal, Disk, FileDisk};
use tokengine_store::Store;

fn disk(folder: &Path) -> Result<Arc<dyn Disk>, Failure> {
    Ok(Arc::new(FileDisk::new(folder).map_err(|error| Failure::system(folder.display(), error))?))
}

fn existing(folder: &Path) -> Result<Arc<dyn Disk>, Failure> {
    if folder.is_dir() {
        disk(folder)
    } else {
        let folder = folder.display().to_string();
        Err(journal::Error::NotFound { folder }.into())
    }
}

/// A journal's folder while no other process has it.
pub(crate) fn alone(folder: &Path) -> Result<(Arc<dyn Disk>, journal::LockGuard), Failure> {
    let disk = existing(folder)?;
    let guard = disk.lock().map_err(|error| match error {
        journal::LockError::Held { holder } => {
            Failure::from(journal::Error::Locked { folder: folder.display().to_string(), holder })
        }
        journal::LockError::Io(error) => Failure::system(folder.display(), error),
    })?;
    Ok((disk, guard))
}

/// What a check of a whole journal found.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    pub(crate) head: journal::Head,
    pub(crate) bytes: u64,
    pub(crate) digest: String,
}

/// Checks every byte of the journal, replays it from its first event without any snapshot (up to `last`, where it is
/// given), and proves the books.
pub(crate) fn prove(folder: &Path, last: Option<Position>, out: Out) -> Result<Proof, Failure> {
    let disk = existing(&journal_folder(folder))?;
    let bar = out.bar("checking", 1);
    let verified = journal::verify(&disk, &mut |progress| {
        bar.set_length(progress.total_bytes.max(1));
        bar.set_position(progress.done_bytes);
    });
    bar.finish_and_clear();
    let verified = verified?;
    let feed = journal::Feed::read_only(Arc::clone(&disk))?;
    let end = last.map_or(feed.head().position, |last| last.0.min(feed.head().position));
    let bar = out.bar("replaying", end.max(1));
    let mut state = State::new(0);
    let mut reader = feed.reader(1);
    while state.position().0 < end {
        let found = reader.next_record()?.ok_or(journal::Error::Closed)?;
        let position = Position(found.position);
        let record = Record::decode(found.bytes)
            .map_err(|source| Failure::from(tokengine_engine::Error::Event { position, source }))?;
        state.evolve(&record);
        if position.0.is_multiple_of(4096) {
            bar.set_position(position.0);
        }
    }
    bar.finish_and_clear();
    if let Err(imbalance) = state.check_books() {
        return Err(Failure::of(Exit::Damaged, "books-do-not-balance", &imbalance));
    }
    let digest = state.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Proof { head: verified.head, bytes: verified.bytes, digest })
}

/// Where the journal lies within a data folder.
pub(crate) fn journal_folder(data: &Path) -> std::path::PathBuf {
    data.join("journal")
}

pub(super) fn verify(data: &Path, out: Out) -> Result<(), Failure> {
    let Proof { head, bytes, digest } = prove(data, None, out)?;
    let text = format!(
        "{}: whole\n  {} events in {bytes} bytes, hash {}\n  replayed from the first event: the books balance\n  state digest {digest}",
        data.display(),
        head.position,
        head.hash
    );
    let value = json!({
        "ok": true, "position": head.position, "hash": head.hash.to_string(), "bytes": bytes,
        "books": "balance", "digest": digest,
    });
    out.tell(&text, &value);
    Ok(())
}

pub(super) fn backup(data: &Path, dest: &Path, out: Out) -> Result<(), Failure> {
    let feed = journal::Feed::read_only(existing(&journal_folder(data))?)?;
    let bar = out.bar("copying", 1);
    let copied = feed.backup(&disk(dest)?, &mut |done, total| {
        bar.set_length(total.max(1));
        bar.set_position(done);
    });
    bar.finish_and_clear();
    told(out, "copied", dest, copied?);
    Ok(())
}

pub(super) fn restore(from: &Path, data: &Path, out: Out) -> Result<(), Failure> {
    let source = existing(from)?;
    let checking = out.bar("checking", 1);
    let copying = out.bar("copying", 1);
    let restored = journal::restore(
        &source,
        &disk(&journal_folder(data))?,
        &mut |progress| {
            checking.set_length(progress.total_bytes.max(1));
            checking.set_position(progress.done_bytes);
        },
        &mut |done, total| {
            copying.set_length(total.max(1));
            copying.set_position(done);
        },
    );
    checking.finish_and_clear();
    copying.finish_and_clear();
    told(out, "restored", data, restored?);
    Ok(())
}

/// Fills the read model anew. The folder's lock keeps an engine from running meanwhile.
pub(super) fn rebuild(data: &Path, out: Out) -> Result<(), Failure> {
    let (disk, _alone) = alone(&journal_folder(data))?;
    let feed = journal::Feed::read_only(Arc::clone(&disk))?;
    let end = feed.head().position;
    let path = read_model(data);
    let store_failed = |error: tokengine_store::Error| Failure::of(Exit::Failed, error.code(), &error);
    let mut store = match Store::open(&path) {
        Err(error) if error.needs_rebuild() => {
            forget_read_model(&path)?;
            Store::open(&path)
        }
        opened => opened.and_then(|mut store| store.reset().map(|()| store)),
    }
    .map_err(store_failed)?;
    let bar = out.bar("rebuilding", end.max(1));
    let mut reader = feed.reader(1);
    let mut batch = Vec::with_capacity(A_TIME);
    let mut done = 0;
    while done < end {
        let found = reader.next_record()?.ok_or(journal::Error::Closed)?;
        let position = Position(found.position);
        let record = Record::decode(found.bytes)
            .map_err(|source| Failure::from(tokengine_engine::Error::Event { position, source }))?;
        done = position.0;
        batch.push((position, record));
        if batch.len() == A_TIME || done == end {
            store.apply(&batch).map_err(store_failed)?;
            batch.clear();
            bar.set_position(done);
        }
    }
    bar.finish_and_clear();
    let text = format!("{}: rebuilt from {end} events", path.display());
    out.tell(&text, &json!({ "ok": true, "read_model": path, "position": end }));
    Ok(())
}

/// Where the read model lies within a data folder.
pub(crate) fn read_model(data: &Path) -> std::path::PathBuf {
    data.join("read-model.sqlite")
}

/// Removes a read model that is of no use.
pub(crate) fn forget_read_model(path: &Path) -> Result<(), Failure> {
    for suffix in ["", "-wal", "-shm"] {
        let mut file = path.as_os_str().to_owned();
        file.push(suffix);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::system(format!("removing {}", file.display()), error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Events a transaction of a rebuild.
const A_TIME: usize = 4096;

fn told(out: Out, what: &str, to: &Path, copy: journal::Backup) {
    let text = format!(
        "{what} to {}: {} events, {} segments, {} bytes, hash {}",
        to.display(),
        copy.head.position,
        copy.segments,
        copy.bytes,
        copy.head.hash
    );
    let value = json!({
        "ok": true, "to": to, "position": copy.head.position, "hash": copy.head.hash.to_string(),
        "segments": copy.segments, "bytes": copy.bytes,
    });
    out.tell(&text, &value);
}
