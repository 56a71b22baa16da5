//! Which segment files there are, and where in them positions lie.

use std::sync::{Arc, Mutex, RwLock};

use crate::{
    disk::Disk,
    error::Error,
    format::{self, BLOCK_BYTES, ChainHash},
};

const SEGMENT_SUFFIX: &str = ".seg";
/// Files of this ending are half-made and of no meaning after a restart.
pub(crate) const TMP_SUFFIX: &str = ".tmp";
/// Says that the journal was closed, and where it ended.
pub(crate) const CLEAN_FILE: &str = "clean";
/// Says that the journal came out of a backup, and where that ended.
pub(crate) const RESTORED_FILE: &str = "restored";
/// Says that somebody began to copy a journal into this folder and has not finished.
pub(crate) const UNFINISHED_FILE: &str = "unfinished";

/// One entry of the sparse index for so many bytes of segment: at most so much is walked to find a position.
const INDEX_STEP: u64 = 256 << 10;

pub(crate) fn segment_name(first: u64) -> String {
    format!("{first:020}{SEGMENT_SUFFIX}")
}

/// First position of the segment of this name, if it is one.
pub(crate) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT_SUFFIX)?;
    (digits.len() == 20 && digits.bytes().all(|b| b.is_ascii_digit())).then(|| digits.parse().ok()).flatten()
}

/// First positions of all segments of a folder, ascending. Refuses a folder that was never a whole journal.
pub(crate) fn list_segments(disk: &dyn Disk) -> Result<Vec<u64>, Error> {
    let names = disk.list().map_err(|e| Error::io(disk, "list", "", e))?;
    if names.iter().any(|name| name == UNFINISHED_FILE) {
        return Err(Error::Unfinished { folder: disk.location("") });
    }
    let mut firsts: Vec<u64> = names.iter().filter_map(|name| segment_first(name)).collect();
    firsts.sort_unstable();
    if let Some(first) = firsts.first().filter(|first| **first != 1) {
        return Err(Error::corrupt(disk, &segment_name(*first), 0, "the segments before this one are missing"));
    }
    Ok(firsts)
}

#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) first: u64,
    /// (first position of a batch, its offset), ascending, at least [`INDEX_STEP`] apart.
    index: Mutex<Vec<(u64, u64)>>,
}

impl Segment {
    pub(crate) fn new(first: u64) -> Self {
        Self { first, index: Mutex::new(Vec::new()) }
    }

    pub(crate) fn name(&self) -> String {
        segment_name(self.first)
    }

    /// Remembers where a batch starts, if that is far enough from what is known.
    pub(crate) fn note(&self, position: u64, offset: u64) {
        let mut index = self.index.lock().expect("no holder of this lock panics");
        let at = index.partition_point(|(known, _)| *known <= position);
        let before = at.checked_sub(1).map_or(BLOCK_BYTES, |i| index[i].1);
        let far = offset.saturating_sub(before) >= INDEX_STEP
            && index.get(at).is_none_or(|(_, after)| after.saturating_sub(offset) >= INDEX_STEP);
        if far {
            index.insert(at, (position, offset));
        }
    }

    /// A batch at or before `position` to walk from: its first position and offset.
    pub(crate) fn nearest(&self, position: u64) -> (u64, u64) {
        let index = self.index.lock().expect("no holder of this lock panics");
        let at = index.partition_point(|(known, _)| *known <= position);
        at.checked_sub(1).map_or((self.first, BLOCK_BYTES), |i| index[i])
    }
}

/// Shared between the writer, which adds segments, and the readers.
pub(crate) struct Catalog {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) genesis: ChainHash,
    pub(crate) seed: u32,
    segments: RwLock<Vec<Arc<Segment>>>,
}

impl Catalog {
    pub(crate) fn new(disk: Arc<dyn Disk>, genesis: ChainHash, firsts: &[u64]) -> Self {
        let segments = firsts.iter().map(|first| Arc::new(Segment::new(*first))).collect();
        Self { disk, genesis, seed: format::checksum_seed(&genesis), segments: RwLock::new(segments) }
    }

    pub(crate) fn push(&self, segment: Arc<Segment>) {
        self.segments.write().expect("no holder of this lock panics").push(segment);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Segment>> {
        self.segments.read().expect("no holder of this lock panics").clone()
    }

    pub(crate) fn last(&self) -> Arc<Segment> {
        let segments = self.segments.read().expect("no holder of this lock panics");
        Arc::clone(segments.last().expect("an open journal has a segment"))
    }

    /// The segment that has `position`, or would.
    pub(crate) fn holding(&self, position: u64) -> Arc<Segment> {
        let segments = self.segments.read().expect("no holder of this lock panics");
        let at = segments.partition_point(|segment| segment.first <= position);
        Arc::clone(&segments[at.saturating_sub(1)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_names_are_segments() {
        assert_eq!(segment_name(7), "00000000000000000007.seg");
        assert_eq!(segment_first("00000000000000000007.seg"), Some(7));
        for other in ["7.seg", "00000000000000000007.seg.tmp", "+0000000000000000007.seg", "lock", ".seg", ""] {
            assert_eq!(segment_first(other), None, "{other}");
        }
        assert_eq!(segment_first("99999999999999999999.seg"), None, "above u64");
    }

    #[test]
    fn the_index_finds_the_nearest_batch_before_in_any_order_of_notes() {
        let segment = Segment::new(10);
        assert_eq!(segment.nearest(999), (10, BLOCK_BYTES));
        segment.note(500, 10 * INDEX_STEP);
        segment.note(200, 4 * INDEX_STEP);
        segment.note(201, 4 * INDEX_STEP + 512); // too near to be worth an entry
        segment.note(499, 10 * INDEX_STEP - 512);
        assert_eq!(segment.nearest(199), (10, BLOCK_BYTES));
        assert_eq!(segment.nearest(200), (200, 4 * INDEX_STEP));
        assert_eq!(segment.nearest(499), (200, 4 * INDEX_STEP));
        assert_eq!(segment.nearest(5000), (500, 10 * INDEX_STEP));
    }
}
