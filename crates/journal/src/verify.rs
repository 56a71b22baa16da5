//! Walks the whole history and finds the first byte that is not as it was written.

use std::sync::Arc;

use crate::{
    catalog::{self, CLEAN_FILE, segment_name},
    disk::Disk,
    error::Error,
    format::{ChainHash, Head},
    open::{self, Cut, Marker},
    scan::Scanned,
};

/// What a walk through a journal found, if it is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Where it ends.
    pub head: Head,
    /// Start of the chain.
    pub genesis: ChainHash,
    /// Segment files.
    pub segments: u64,
    /// Batches in them.
    pub batches: u64,
    /// Bytes of them, pre-made zeros included.
    pub bytes: u64,
    /// It was closed in order and not opened since.
    pub closed: bool,
    /// A damaged end that was never acknowledged, or that a running process is writing: opening would cut it.
    pub cut: Option<Cut>,
}

/// How far a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes checked.
    pub done_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Last position checked.
    pub position: u64,
}

/// Checks every byte of a journal, a backup or an archive, without a lock and without changing anything.
///
/// # Errors
/// [`Error::Corrupt`] with the file and the offset of the first batch or block that does not check;
/// [`Error::NotFound`]; [`Error::UnknownFormat`]; what the disk says.
pub fn verify(disk: &Arc<dyn Disk>, on_progress: &mut dyn FnMut(VerifyProgress)) -> Result<Verified, Error> {
    let marker = open::read_marker(&**disk, CLEAN_FILE)?;
    if matches!(marker, Some(Marker::Damaged)) {
        return Err(Error::corrupt(&**disk, CLEAN_FILE, 0, "the note of an orderly end does not check"));
    }
    let closed_at = marker.and_then(Marker::head);
    let firsts = catalog::list_segments(&**disk)?;
    let Some(last) = firsts.last().copied() else {
        return Err(Error::NotFound { folder: disk.location("") });
    };
    let mut lens = Vec::with_capacity(firsts.len());
    for first in &firsts {
        let name = segment_name(*first);
        let len = disk.open(&name).and_then(|file| file.len());
        lens.push(len.map_err(|e| Error::io(&**disk, "open", &name, e))?);
    }

    let total_bytes = lens.iter().sum();
    let (mut batches, mut done_bytes) = (0, 0);
    let mut before: Option<(Head, ChainHash)> = None;
    for (first, len) in firsts.iter().zip(lens) {
        let (mut scanner, header) = open::open_checked(disk, *first, before)?;
        let mut report = |head: Head, at: u64| {
            on_progress(VerifyProgress {
                done_bytes: (done_bytes + at).min(total_bytes),
                total_bytes,
                position: head.position,
            });
        };
        let mut scanned = scanner.run(u64::MAX, |found| {
            report(Head { position: found.header.last(), hash: found.hash }, found.offset);
        })?;
        batches += scanned.batches;
        if *first == last {
            // A running process may have been writing what looked damaged. What it has acknowledged reads well now.
            while scanned.damage.is_some() {
                scanner.forget();
                let again = scanner.run(u64::MAX, |_| {})?;
                batches += again.batches;
                let moved = again.batches > 0;
                scanned = Scanned { mark: scanned.mark.max(again.mark), ..again };
                if !moved {
                    break;
                }
            }
            open::judge_tail(&**disk, &firsts, &scanned, closed_at)?;
            let damage = scanned.damage;
            let cut = damage.map(|damage| Cut {
                file: disk.location(&segment_name(last)),
                offset: damage.offset,
                reason: damage.reason,
            });
            if let (Some(_), Some(_)) = (closed_at, damage) {
                open::refuse_damage(&**disk, last, damage)?;
            }
            on_progress(VerifyProgress { done_bytes: total_bytes, total_bytes, position: scanned.head.position });
            return Ok(Verified {
                head: scanned.head,
                genesis: header.genesis,
                segments: firsts.len() as u64,
                batches,
                bytes: total_bytes,
                closed: closed_at == Some(scanned.head),
                cut,
            });
        }
        open::refuse_damage(&**disk, *first, scanned.damage)?;
        before = Some((scanned.head, header.genesis));
        done_bytes += len;
    }
    unreachable!("the loop ends with the last segment")
}
