//! Copies of a journal: sealed segments as they come, all of it while it runs, and the way back.

use std::sync::Arc;

use crate::{
    catalog::{self, CLEAN_FILE, RESTORED_FILE, TMP_SUFFIX, UNFINISHED_FILE, segment_name},
    disk::{self, Disk, DiskFile},
    error::Error,
    format::{ChainHash, Head},
    open,
    reader::Feed,
    scan::Scanner,
    verify::{VerifyProgress, verify},
};

const PIECE: usize = 1 << 20;

/// What a backup or a restore copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backup {
    /// Where the copy ends.
    pub head: Head,
    /// Segment files.
    pub segments: u64,
    /// Bytes of them.
    pub bytes: u64,
}

pub(crate) fn archive(feed: &Feed, dest: &Arc<dyn Disk>) -> Result<u64, Error> {
    let source = &feed.catalog.disk;
    let have = catalog::list_segments(&**dest)?;
    let segments = feed.catalog.all();
    let sealed = segments.windows(2).map(|pair| (pair[0].first, pair[1].first - 1));
    let missing: Vec<(u64, u64)> = sealed.filter(|(first, _)| !have.contains(first)).collect();
    let mut before = None;
    if let (Some(last), false) = (have.last(), missing.is_empty()) {
        let (mut scanner, header) = open::open_checked(dest, *last, None)?;
        let scanned = scanner.run(u64::MAX, |_| {})?;
        open::refuse_damage(&**dest, *last, scanned.damage)?;
        // After a restore the same names may stand for another course of events.
        let (_, ours) = open::open_checked(source, missing[0].0, None)?;
        if ours.genesis != header.genesis
            || ours.first != scanned.head.position + 1
            || ours.previous != scanned.head.hash
        {
            return Err(Error::Foreign { folder: dest.location("") });
        }
        before = Some((scanned.head, header.genesis));
    }
    for (first, last) in &missing {
        let (_, end) = copy_segment(source, dest, *first, *last, before, &mut |_| {})?;
        before = Some(end);
    }
    if !missing.is_empty() {
        dest.sync_dir().map_err(|e| Error::io(&**dest, "sync", "", e))?;
    }
    Ok(missing.len() as u64)
}

pub(crate) fn backup(
    feed: &Feed,
    dest: &Arc<dyn Disk>,
    on_progress: &mut dyn FnMut(u64, u64),
) -> Result<Backup, Error> {
    start_copy(&**dest)?;
    let source = &feed.catalog.disk;
    // Head before segments: all that is durable by now is in the segments listed after.
    let head = feed.head();
    let segments: Vec<u64> = feed.catalog.all().iter().map(|segment| segment.first).collect();
    let backup = copy_all(source, dest, &segments, head, on_progress)?;
    finish_copy(&**dest, &head)?;
    Ok(backup)
}

/// Copies a backup or an archive into an empty folder, after checking every byte of it, and notes in the new folder that
/// it was restored ([`crate::Recovery::restored`]). `on_verify` hears of the check, `on_copy` of bytes copied and in all.
///
/// # Errors
/// [`Error::NotEmpty`], [`Error::NotFound`], [`Error::Corrupt`] with file and offset, or what either disk says. The new
/// folder cannot be opened then, but restoring into it can be tried again.
pub fn restore(
    source: &Arc<dyn Disk>,
    dest: &Arc<dyn Disk>,
    on_verify: &mut dyn FnMut(VerifyProgress),
    on_copy: &mut dyn FnMut(u64, u64),
) -> Result<Backup, Error> {
    let head = verify(source, on_verify)?.head;
    let segments = catalog::list_segments(&**source)?;
    start_copy(&**dest)?;
    let backup = copy_all(source, dest, &segments, head, on_copy)?;
    open::write_marker(&**dest, RESTORED_FILE, &head)?;
    finish_copy(&**dest, &head)?;
    Ok(backup)
}

/// Marks the folder as unfinished, so that half a copy is never taken for a journal; what an earlier unfinished copy left
/// is removed.
fn start_copy(dest: &dyn Disk) -> Result<(), Error> {
    let names = dest.list().map_err(|e| Error::io(dest, "list", "", e))?;
    let ours =
        |name: &&String| [CLEAN_FILE, RESTORED_FILE].contains(&&***name) || catalog::segment_first(name).is_some();
    if names.iter().any(|name| name == UNFINISHED_FILE) {
        for name in names.iter().filter(ours) {
            dest.remove(name).map_err(|e| Error::io(dest, "remove", name, e))?;
        }
        return Ok(());
    }
    if names.iter().any(|name| ours(&name)) {
        return Err(Error::NotEmpty { folder: dest.location("") });
    }
    dest.create(UNFINISHED_FILE).map_err(|e| Error::io(dest, "create", UNFINISHED_FILE, e))?;
    dest.sync_dir().map_err(|e| Error::io(dest, "sync", "", e))
}

fn finish_copy(dest: &dyn Disk, head: &Head) -> Result<(), Error> {
    open::write_marker(dest, CLEAN_FILE, head)?;
    dest.remove(UNFINISHED_FILE).map_err(|e| Error::io(dest, "remove", UNFINISHED_FILE, e))?;
    dest.sync_dir().map_err(|e| Error::io(dest, "sync", "", e))
}

/// Copies the segments up to `head`, in order, each checked against the one before as the copy shows it.
fn copy_all(
    source: &Arc<dyn Disk>,
    dest: &Arc<dyn Disk>,
    segments: &[u64],
    head: Head,
    on_progress: &mut dyn FnMut(u64, u64),
) -> Result<Backup, Error> {
    let mut total = 0;
    for first in segments {
        let name = segment_name(*first);
        let len = source.open(&name).and_then(|file| file.len());
        total += len.map_err(|e| Error::io(&**source, "read", &name, e))?;
    }
    let mut copied = Backup { head, segments: 0, bytes: 0 };
    let mut before: Option<(Head, ChainHash)> = None;
    let wanted = segments.iter().filter(|first| **first <= head.position.max(1));
    for first in wanted {
        let next = segments.iter().find(|other| *other > first);
        let last = next.map_or(head.position, |next| head.position.min(next - 1));
        let done = copied.bytes;
        let (bytes, end) = copy_segment(source, dest, *first, last, before, &mut |bytes| {
            on_progress(done + bytes, total.max(done + bytes))
        })?;
        copied.segments += 1;
        copied.bytes += bytes;
        before = Some(end);
    }
    dest.sync_dir().map_err(|e| Error::io(&**dest, "sync", "", e))?;
    match before {
        Some((end, _)) if end == head => {}
        _ => {
            return Err(Error::corrupt(
                &**dest,
                &segment_name(head.position),
                0,
                "the copy does not end as the original",
            ));
        }
    }
    on_progress(copied.bytes, copied.bytes);
    Ok(copied)
}

/// Copies one segment up to position `last`, syncs it, checks the copy, and only then gives it its name. Returns its
/// length and where it ends.
fn copy_segment(
    source: &Arc<dyn Disk>,
    dest: &Arc<dyn Disk>,
    first: u64,
    last: u64,
    before: Option<(Head, ChainHash)>,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(u64, (Head, ChainHash)), Error> {
    let name = segment_name(first);
    // Found by walking, so that of the active segment only what is durable is read.
    let (mut scanner, header) = open::open_checked(source, first, before)?;
    let scanned = scanner.run(last, |_| {})?;
    open::refuse_damage(&**source, first, scanned.damage)?;
    if scanned.head.position < last {
        return Err(Error::corrupt(&**source, &name, scanned.end, "acknowledged records are missing"));
    }
    let tmp = format!("{name}{TMP_SUFFIX}");
    let copy = dest.create(&tmp).map_err(|e| Error::io(&**dest, "create", &tmp, e))?;
    copy_bytes((&**source, &name, scanner.file()), (&**dest, &tmp, &*copy), scanned.end, on_bytes)?;
    copy.sync_data().map_err(|e| Error::io(&**dest, "sync", &tmp, e))?;
    let mut check = Scanner::new(Arc::clone(dest), tmp.clone(), Arc::clone(&copy), &header);
    let checked = check.run(last, |_| {})?;
    if let Some(damage) = checked.damage {
        return Err(Error::corrupt(&**dest, &tmp, damage.offset, damage.reason));
    }
    if checked.head != scanned.head {
        return Err(Error::corrupt(&**dest, &tmp, checked.end, "the copy does not end as the original"));
    }
    dest.rename(&tmp, &name).map_err(|e| Error::io(&**dest, "rename", &tmp, e))?;
    Ok((scanned.end, (scanned.head, header.genesis)))
}

type Place<'a> = (&'a dyn Disk, &'a str, &'a dyn DiskFile);

/// Copies the first `bytes` bytes of a file, without a sync.
pub(crate) fn copy_bytes(
    (from_disk, from_name, from): Place<'_>,
    (to_disk, to_name, to): Place<'_>,
    bytes: u64,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<(), Error> {
    let mut buf = vec![0; PIECE];
    let mut at = 0;
    while at < bytes {
        let len = usize::try_from(bytes - at).map_or(PIECE, |left| left.min(PIECE));
        let read = disk::read_full(from, &mut buf[..len], at);
        let read = read.map_err(|e| Error::io(from_disk, "read", from_name, e))?;
        if read < len {
            return Err(Error::corrupt(from_disk, from_name, at + read as u64, "the file has become shorter"));
        }
        to.write_at(&buf[..len], at).map_err(|e| Error::io(to_disk, "write", to_name, e))?;
        at += len as u64;
        on_bytes(at);
    }
    Ok(())
}
