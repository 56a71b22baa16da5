//! Snapshots: the state at the end of one batch of the journal, in a file beside it.
//!
//! | part | bytes | |
//! | --- | --- | --- |
//! | magic and version | 8 | `TKSNAP01` |
//! | genesis | 32 | which journal |
//! | position | 8 | little-endian |
//! | hash | 32 | of the batch that ends at that position: the same history, not only the same journal |
//! | length | 8 | of the state, little-endian |
//! | state | | as `core` encodes it |
//! | checksum | 32 | BLAKE3 of all of the above |
//!
//! A snapshot only saves time. One that is damaged, of another history or of another release is left alone, and an older
//! one or the whole journal is replayed.

use crate::Error;
use std::io;
use std::sync::Arc;
use tokengine_core::{Position, State};
use tokengine_journal::{self as journal, ChainHash, Disk};

const PREFIX: &str = "snapshot-";
const TMP: &str = ".tmp";
const MAGIC: &[u8; 8] = b"TKSNAP01";
const HEADER: usize = 88;
const CHECKSUM: usize = 32;
/// Written and synced in pieces, so that no sync of the journal waits behind all of it.
const PIECE: usize = 4 << 20;
/// Older ones are removed.
const KEPT: usize = 2;

fn name_of(position: Position) -> String {
    format!("{PREFIX}{:020}", position.0)
}

/// Names of all snapshots, the newest first.
fn list(disk: &dyn Disk) -> io::Result<Vec<(Position, String)>> {
    let mut found: Vec<_> = disk
        .list()?
        .into_iter()
        .filter_map(|name| {
            let digits = name.strip_prefix(PREFIX).filter(|digits| digits.len() == 20)?;
            Some((Position(digits.parse().ok()?), name))
        })
        .collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// The newest good snapshot of this very history; why the newer ones are of no use goes to `unusable`.
pub(crate) fn newest(
    disk: &Arc<dyn Disk>,
    feed: &journal::Feed,
    seed: u64,
    unusable: &mut Vec<Error>,
) -> Option<State> {
    let unfit =
        |name: &str, reason: String| Error::Snapshot { file: disk.location(name).into(), reason: reason.into() };
    let names = match list(&**disk) {
        Ok(names) => names,
        Err(error) => {
            unusable.push(unfit("", format!("it cannot be listed: {error}")));
            return None;
        }
    };
    for (position, name) in names {
        match load(&**disk, feed, seed, position, &name) {
            Ok(state) => return Some(state),
            Err(reason) => unusable.push(unfit(&name, reason)),
        }
    }
    None
}

fn load(disk: &dyn Disk, feed: &journal::Feed, seed: u64, position: Position, name: &str) -> Result<State, String> {
    let bytes = read(disk, name).map_err(|error| format!("it cannot be read: {error}"))?;
    let (bytes, checksum) = bytes.split_last_chunk::<CHECKSUM>().ok_or("it is cut short")?;
    if blake3::hash(bytes).as_bytes() != checksum {
        return Err("its checksum does not fit".into());
    }
    let (header, state) = bytes.split_first_chunk::<HEADER>().ok_or("it is cut short")?;
    if header.get(..8) != Some(&MAGIC[..]) {
        return Err("it is of another form".into());
    }
    let hash = hash_at(feed, position).map_err(|error| format!("its place in the journal cannot be read: {error}"))?;
    let hash = hash.ok_or("the journal has no batch that ends there")?;
    if *header != head(feed.genesis(), position, hash, state.len()) {
        return Err("it belongs to another history".into());
    }
    let state = State::decode(state, seed).map_err(|error| error.to_string())?;
    if state.position() == position { Ok(state) } else { Err("it is of another position".into()) }
}

/// The hash of the batch that ends at `position`, if one does.
fn hash_at(feed: &journal::Feed, position: Position) -> Result<Option<ChainHash>, journal::Error> {
    if position.0 == 0 {
        return Ok(None);
    }
    let mut reader = feed.reader(position.0);
    let batch = reader.next_batch()?;
    // What is left of the batch from its last record on is that record alone.
    Ok(batch.filter(|batch| batch.first == position.0 && batch.count == 1).map(|batch| batch.hash))
}

fn head(genesis: ChainHash, position: Position, hash: ChainHash, len: usize) -> [u8; HEADER] {
    let len = u64::try_from(len).expect("usize is at most 64 bits").to_le_bytes();
    let position = position.0.to_le_bytes();
    let parts: [&[u8]; 5] = [MAGIC, genesis.as_bytes(), &position, hash.as_bytes(), &len];
    parts.concat().try_into().expect("the parts add up")
}

fn read(disk: &dyn Disk, name: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(name)?;
    let len = usize::try_from(file.len()?).map_err(|_| io::Error::other("larger than memory"))?;
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        let at = u64::try_from(done).expect("usize is at most 64 bits");
        match file.read_at(bytes.get_mut(done..).unwrap_or_default(), at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => done = done.saturating_add(read),
        }
    }
    Ok(bytes)
}

/// Writes the state, which ends with the batch of that hash, and removes snapshots older than the last two.
pub(crate) fn write(disk: &dyn Disk, genesis: ChainHash, hash: ChainHash, state: &State) -> Result<(), Error> {
    let name = name_of(state.position());
    let tmp = format!("{name}{TMP}");
    let mut bytes = vec![0; HEADER];
    state.encode(&mut bytes);
    let len = bytes.len().saturating_sub(HEADER);
    bytes[..HEADER].copy_from_slice(&head(genesis, state.position(), hash, len));
    let checksum = blake3::hash(&bytes);
    bytes.extend_from_slice(checksum.as_bytes());

    let put = || -> io::Result<()> {
        let file = disk.create(&tmp)?;
        let mut at = 0;
        for piece in bytes.chunks(PIECE) {
            file.write_at(piece, at)?;
            file.sync_data()?;
            at = at.saturating_add(u64::try_from(piece.len()).expect("usize is at most 64 bits"));
        }
        disk.rename(&tmp, &name)?;
        disk.sync_dir()?;
        for (_, old) in list(disk)?.into_iter().skip(KEPT) {
            disk.remove(&old)?;
        }
        Ok(())
    };
    put().map_err(|error| {
        // It would only take room; the reason it failed is what a person needs to hear.
        let _ = disk.remove(&tmp);
        Error::Snapshot { file: disk.location(&name).into(), reason: error.to_string().into() }
    })
}
