//! How fast batches become durable on this disk: `cargo run --release -p tokengine-journal --example append [folder]`.
//!
//! Prints, for two sizes of batch, bytes and records a second, beside what the disk does with the same bytes in a plain
//! file that grows; and for single records the syncs a second.

use std::{io::Write, sync::Arc, time::Instant};

use tokengine_journal::{Batch, FileDisk, Journal, Options, Urgency};

const RECORD_BYTES: usize = 124; // 128 with its length

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "target/append-example".into());
    for (name, records, batches) in [("1 MiB batches", 8192, 2000), ("64 KiB batches", 512, 8000)] {
        let (seconds, bytes) = pipelined(&folder, records, batches)?;
        let total = (records * batches) as f64;
        let plain = plain_file(&folder, bytes as usize / batches, batches)?;
        let ratio = plain / seconds;
        let rates = (bytes as f64 / seconds / 1e6, total / seconds / 1e6);
        println!("{name}: {:.0} MB/s, {:.2} M records/s, {ratio:.2} of a plain file", rates.0, rates.1);
    }
    one_at_a_time(&folder, 5000)?;
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn open(folder: &str) -> Result<Journal, Box<dyn std::error::Error>> {
    if std::fs::exists(folder)? {
        std::fs::remove_dir_all(folder)?;
    }
    Ok(Journal::open(Arc::new(FileDisk::new(folder)?), Options::new([7; 32].into()))?)
}

/// Fills batches as fast as the log thread takes them.
fn pipelined(folder: &str, records: usize, batches: usize) -> Result<(f64, u64), Box<dyn std::error::Error>> {
    let mut appender = open(folder)?.start(|_| {})?;
    let record = [42; RECORD_BYTES];
    let mut bytes = 0;
    let start = Instant::now();
    for _ in 0..batches {
        let mut batch = appender.buffer();
        (0..records).for_each(|_| batch.push(&record));
        bytes += batch.disk_bytes();
        appender.append(batch, 0, Urgency::Normal).map_err(|refused| refused.error)?;
    }
    appender.feed().mark().wait(appender.next_position() - 1)?;
    let seconds = start.elapsed().as_secs_f64();
    appender.close()?;
    Ok((seconds, bytes))
}

/// Seconds to write and sync so many pieces at the end of a file.
fn plain_file(folder: &str, bytes: usize, count: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let path = std::path::Path::new(folder).join("plain");
    let piece = vec![42; bytes];
    let mut file = std::fs::File::create(&path)?;
    let start = Instant::now();
    for _ in 0..count {
        file.write_all(&piece)?;
        file.sync_data()?;
    }
    let seconds = start.elapsed().as_secs_f64();
    std::fs::remove_file(path)?;
    Ok(seconds)
}

/// Waits for each record before the next: the latency of one sync, with the two changes of thread.
fn one_at_a_time(folder: &str, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let mut appender = open(folder)?.start(|_| {})?;
    let mut micros = Vec::with_capacity(count);
    for _ in 0..count {
        let mut batch: Batch = appender.buffer();
        batch.push(&[42; RECORD_BYTES]);
        let start = Instant::now();
        let last = appender.append(batch, 0, Urgency::Normal).map_err(|refused| refused.error)?;
        appender.feed().mark().wait(last)?;
        micros.push(start.elapsed().as_micros());
    }
    let total: u128 = micros.iter().sum();
    micros.sort_unstable();
    let rate = count as f64 / (total as f64 / 1e6);
    println!("one at a time: {rate:.0}/s, p50 {} us, p99 {} us", micros[count / 2], micros[count * 99 / 100]);
    appender.close()?;
    Ok(())
}
