//! Opening a folder: who has it, what is in it, and what of it is sure.

use std::sync::Arc;

use crate::{
    archive,
    catalog::{self, CLEAN_FILE, Catalog, RESTORED_FILE, TMP_SUFFIX, segment_name},
    disk::{self, Disk, LockError},
    error::Error,
    format::{self, BLOCK_BYTES, ChainHash, Head, SegmentHeader},
    journal::{Journal, Options, Tail},
    mark::DurableMark,
    reader::Feed,
    scan::{self, Damage, Scanned, Scanner},
    spares::{self, Spares},
};

/// What opening found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The folder was empty and a journal was made in it.
    pub created: bool,
    /// It had been closed in order (or is new); if not, the last segment was written anew before use.
    pub clean: bool,
    /// What was taken off the end, if anything: it had never been acknowledged.
    pub cut: Option<Cut>,
    /// The journal came out of a backup that ended here, and [`Journal::forget_restore`] was not called since. The world
    /// may have seen more than it knows.
    pub restored: Option<Head>,
}

/// An unacknowledged end that a crash left damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Path or name of the file.
    pub file: String,
    /// Offset in bytes of the first damaged batch.
    pub offset: u64,
    /// What does not check.
    pub reason: &'static str,
}

/// The end of a journal as its files show it.
pub(crate) struct TailFound {
    pub(crate) genesis: ChainHash,
    pub(crate) scanned: Scanned,
    pub(crate) scanner: Scanner,
}

pub(crate) fn open(disk: Arc<dyn Disk>, options: Options) -> Result<Journal, Error> {
    options.check()?;
    let lock = disk.lock().map_err(|error| match error {
        LockError::Held { holder } => Error::Locked { folder: disk.location(""), holder },
        LockError::Io(source) => Error::io(&*disk, "lock", "", source),
    })?;
    let mut firsts = catalog::list_segments(&*disk)?;
    let clean = read_marker(&*disk, CLEAN_FILE)?;
    let closed_at = clean.and_then(Marker::head);
    let restored = read_marker(&*disk, RESTORED_FILE)?.and_then(Marker::head);
    let created = firsts.is_empty();
    if created && (clean.is_some() || restored.is_some()) {
        return Err(Error::corrupt(&*disk, &segment_name(1), 0, "there was a journal here, but its segments are gone"));
    }
    let mut found = None;
    if !created {
        let tail = find_tail(&disk, &firsts)?;
        judge_tail(&*disk, &firsts, &tail.scanned, closed_at)?;
        found = Some(tail);
    }
    // Nothing was changed so far, and from here on nothing is refused.
    remove_half_made(&*disk)?;
    let spares = Spares::open(Arc::clone(&disk), options.segment_bytes, options.reserve_bytes)?;
    if created {
        create_first(&*disk, &options)?;
        firsts.push(1);
    }
    let TailFound { genesis, scanned, scanner } = found.map_or_else(|| find_tail(&disk, &firsts), Ok)?;
    let is_clean = created || (scanned.damage.is_none() && closed_at == Some(scanned.head));
    let name = segment_name(*firsts.last().expect("there is a segment"));
    if !is_clean {
        rewrite_tail(&*disk, &spares, &options, &name, &scanner, scanned.end)?;
    }
    drop(scanner);
    if clean.is_some() {
        // Gone before the first write: a marker that outlives a crash would vouch for less than there is.
        disk.remove(CLEAN_FILE).map_err(|e| Error::io(&*disk, "remove", CLEAN_FILE, e))?;
        disk.sync_dir().map_err(|e| Error::sync(&*disk, "", e))?;
    }

    let file = disk.open(&name).map_err(|e| Error::io(&*disk, "open", &name, e))?;
    let capacity = file.len().map_err(|e| Error::io(&*disk, "read", &name, e))?;
    let catalog = Arc::new(Catalog::new(Arc::clone(&disk), genesis, &firsts));
    let tail = Tail { segment: catalog.last(), file, offset: scanned.end, capacity, synced: true };
    spares.set_left(tail.left());
    let cut = (!is_clean).then_some(scanned.damage).flatten().map(|damage| Cut {
        file: disk.location(&name),
        offset: damage.offset,
        reason: damage.reason,
    });
    Ok(Journal {
        catalog,
        spares: Arc::new(spares),
        mark: Arc::new(DurableMark::new(scanned.head)),
        tail,
        head: scanned.head,
        recovery: Recovery { created, clean: is_clean, cut, restored },
        options,
        failed: None,
        lock,
        disk,
    })
}

/// Finds the end without a lock and without changing anything.
pub(crate) fn look(disk: Arc<dyn Disk>) -> Result<Feed, Error> {
    let firsts = catalog::list_segments(&*disk)?;
    if firsts.is_empty() {
        return Err(Error::NotFound { folder: disk.location("") });
    }
    let closed_at = read_marker(&*disk, CLEAN_FILE)?.and_then(Marker::head);
    let TailFound { genesis, scanned, .. } = find_tail(&disk, &firsts)?;
    judge_tail(&*disk, &firsts, &scanned, closed_at)?;
    let mark = DurableMark::new(scanned.head);
    mark.end(Error::Closed); // nobody will add to it
    Ok(Feed { catalog: Arc::new(Catalog::new(disk, genesis, &firsts)), mark: Arc::new(mark) })
}

/// Checks the last two segments: the last one, and that it follows the one before.
pub(crate) fn find_tail(disk: &Arc<dyn Disk>, firsts: &[u64]) -> Result<TailFound, Error> {
    let last = *firsts.last().expect("there is a segment");
    let mut before: Option<(Head, ChainHash)> = None;
    for first in &firsts[firsts.len().saturating_sub(2)..] {
        let (mut scanner, header) = open_checked(disk, *first, before)?;
        let scanned = scanner.run(u64::MAX, |_| {})?;
        if *first == last {
            return Ok(TailFound { genesis: header.genesis, scanned, scanner });
        }
        // The segment after it has a name, so all of this one was durable.
        refuse_damage(&**disk, *first, scanned.damage)?;
        before = Some((scanned.head, header.genesis));
    }
    unreachable!("the loop ends with the last segment")
}

/// Opens a segment whose header must be whole, and must follow what is known to come before.
pub(crate) fn open_checked(
    disk: &Arc<dyn Disk>,
    first: u64,
    before: Option<(Head, ChainHash)>,
) -> Result<(Scanner, SegmentHeader), Error> {
    let name = segment_name(first);
    let (file, header) = scan::open_segment(&**disk, &name)?;
    let corrupt = |reason| Error::corrupt(&**disk, &name, 0, reason);
    if header.first != first {
        return Err(corrupt("the segment header does not match the file name"));
    }
    if first == 1 && header.previous != header.genesis {
        return Err(corrupt("the first segment does not start with the genesis hash"));
    }
    if let Some((head, genesis)) = before {
        if head.position + 1 != first {
            return Err(corrupt("the segment does not start where the one before ends"));
        }
        if head.hash != header.previous || genesis != header.genesis {
            return Err(corrupt("the segment does not follow the one before"));
        }
    }
    Ok((Scanner::new(Arc::clone(disk), name, file, &header), header))
}

pub(crate) fn refuse_damage(disk: &dyn Disk, first: u64, damage: Option<Damage>) -> Result<(), Error> {
    match damage {
        Some(Damage { offset, reason }) => Err(Error::corrupt(disk, &segment_name(first), offset, reason)),
        None => Ok(()),
    }
}

/// Refuses a tail that ends before what is known to have been durable; what is damaged above that was never answered.
pub(crate) fn judge_tail(
    disk: &dyn Disk,
    firsts: &[u64],
    scanned: &Scanned,
    closed_at: Option<Head>,
) -> Result<(), Error> {
    let last = segment_name(*firsts.last().expect("there is a segment"));
    let durable = scanned.mark.max(closed_at.map_or(0, |head| head.position));
    if scanned.head.position < durable {
        let lost = Damage { offset: scanned.end, reason: "acknowledged records are missing" };
        let Damage { offset, reason } = scanned.damage.unwrap_or(lost);
        return Err(Error::corrupt(disk, &last, offset, reason));
    }
    match closed_at {
        Some(head) if head.position == scanned.head.position && head.hash != scanned.head.hash => {
            Err(Error::corrupt(disk, &last, scanned.end, "the journal does not end with the hash it was closed with"))
        }
        _ => Ok(()),
    }
}

/// Pages that a failed sync left in memory read well and may never reach the disk: so the good part is written again,
/// to another file, and only that is used.
fn rewrite_tail(
    disk: &dyn Disk,
    spares: &Spares,
    options: &Options,
    name: &str,
    scanner: &Scanner,
    end: u64,
) -> Result<(), Error> {
    let tmp = format!("{name}{TMP_SUFFIX}");
    let spare = if end <= options.segment_bytes { spares.take_for_recovery() } else { None };
    let file = match spare {
        // A spare is there even if the disk is full. It loses its name before it gets bytes, so that a crash in
        // between cannot leave a spare that is not empty.
        Some(spare) => {
            disk.rename(&spare, &tmp).map_err(|e| Error::io(disk, "rename", &spare, e))?;
            disk.sync_dir().map_err(|e| Error::sync(disk, "", e))?;
            disk.open(&tmp).map_err(|e| Error::io(disk, "open", &tmp, e))?
        }
        None => spares::create_zeroed(disk, &tmp, options.segment_bytes.max(end))?,
    };
    archive::copy_bytes((disk, name, scanner.file()), (disk, &tmp, &*file), end, &mut |_| {})?;
    file.sync_data().map_err(|e| Error::sync(disk, &tmp, e))?;
    disk.rename(&tmp, name).map_err(|e| Error::io(disk, "rename", &tmp, e))?;
    disk.sync_dir().map_err(|e| Error::sync(disk, "", e))
}

fn create_first(disk: &dyn Disk, options: &Options) -> Result<(), Error> {
    let name = segment_name(1);
    let tmp = format!("{name}{TMP_SUFFIX}");
    let file = spares::create_zeroed(disk, &tmp, options.segment_bytes)?;
    let header = SegmentHeader { first: 1, genesis: options.genesis, previous: options.genesis };
    file.write_at(&header.encode(), 0).map_err(|e| Error::io(disk, "write", &tmp, e))?;
    file.sync_data().map_err(|e| Error::sync(disk, &tmp, e))?;
    disk.rename(&tmp, &name).map_err(|e| Error::io(disk, "rename", &tmp, e))?;
    disk.sync_dir().map_err(|e| Error::sync(disk, "", e))
}

fn remove_half_made(disk: &dyn Disk) -> Result<(), Error> {
    let names = disk.list().map_err(|e| Error::io(disk, "list", "", e))?;
    for name in names.iter().filter(|name| name.ends_with(TMP_SUFFIX)) {
        disk.remove(name).map_err(|e| Error::io(disk, "remove", name, e))?;
    }
    Ok(())
}

/// A marker file that exists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Marker {
    At(Head),
    /// Its bytes do not check; it vouches for nothing.
    Damaged,
}

impl Marker {
    pub(crate) fn head(self) -> Option<Head> {
        match self {
            Self::At(head) => Some(head),
            Self::Damaged => None,
        }
    }
}

pub(crate) fn read_marker(disk: &dyn Disk, name: &str) -> Result<Option<Marker>, Error> {
    let error = |e| Error::io(disk, "read", name, e);
    if !disk.list().map_err(error)?.iter().any(|found| found == name) {
        return Ok(None);
    }
    let mut bytes = [0; BLOCK_BYTES as usize];
    let file = disk.open(name).map_err(error)?;
    let read = disk::read_full(&*file, &mut bytes, 0).map_err(error)?;
    Ok(Some(format::decode_marker(&bytes[..read]).map_or(Marker::Damaged, Marker::At)))
}

/// Leaves a marker file that is whole or not there.
pub(crate) fn write_marker(disk: &dyn Disk, name: &str, head: &Head) -> Result<(), Error> {
    let tmp = format!("{name}{TMP_SUFFIX}");
    let file = disk.create(&tmp).map_err(|e| Error::io(disk, "create", &tmp, e))?;
    file.write_at(&format::encode_marker(head), 0).map_err(|e| Error::io(disk, "write", &tmp, e))?;
    file.sync_data().map_err(|e| Error::io(disk, "sync", &tmp, e))?;
    disk.rename(&tmp, name).map_err(|e| Error::io(disk, "rename", &tmp, e))?;
    disk.sync_dir().map_err(|e| Error::sync(disk, "", e))
}
