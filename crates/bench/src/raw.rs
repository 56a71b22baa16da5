//! The yardstick: the same bytes, written and synced without an engine.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Writes so many pieces of so many bytes at the end of a new file, each synced, and gives the time of each.
pub(crate) fn append(folder: &Path, bytes: usize, pieces: usize) -> std::io::Result<Vec<Duration>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("plain");
    let mut file = File::create(&path)?;
    let piece = vec![42; bytes];
    let mut times = Vec::with_capacity(pieces);
    for _ in 0..pieces {
        let start = Instant::now();
        file.write_all(&piece)?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(times)
}

/// Reads every file of a folder whose name starts so once, and gives bytes and time.
pub(crate) fn read_all(folder: &Path, start_of_name: &str) -> std::io::Result<(u64, Duration)> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes: u64 = 0;
    let start = Instant::now();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(start_of_name.as_bytes()) {
            continue;
        }
        let mut file = File::open(entry.path())?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            bytes += read as u64;
        }
    }
    Ok((bytes, start.elapsed()))
}
