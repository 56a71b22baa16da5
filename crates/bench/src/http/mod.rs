//! The doors: moves over HTTP, durable, beside an empty handler behind the same server and the same client.
//!
//! Server and clients are two processes on the same cores. What is compared is measured in turns, so that what else the
//! machine does falls on both.

mod load;
mod serve;

use crate::raw;
use crate::row::{Better, Row, median};
use load::{Load, Run};
use serve::{Child, Kind};
use std::error::Error;
use std::path::Path;
use std::time::Duration;
use tokengine_journal::Batch;

pub(crate) use serve::child;

const CONNECTIONS: usize = 64;
/// Moves of one request of the batch route.
const BATCH: usize = 1_000;
const EMPTY: &str = "an empty handler, same server and client";
const PLAIN: &str = "write + fdatasync of the same bytes";

struct Size {
    runs: usize,
    time: Duration,
}

pub(crate) fn run(folder: &Path, quick: bool, print: &mut dyn FnMut(Row)) -> Result<(), Box<dyn Error>> {
    let size = if quick {
        Size { runs: 1, time: Duration::from_millis(700) }
    } else {
        Size { runs: 5, time: Duration::from_secs(2) }
    };
    let empty = Child::start(Kind::Empty, &folder.join("empty"))?;
    let doors = Child::start(Kind::Doors, &folder.join("doors"))?;
    one_a_request(folder, &empty, &doors, &size, print)?;
    print(one_client(folder, &doors, &size)?);
    batches(&empty, &doors, &size, print)?;
    doors.stop()?;
    let following = Child::start(Kind::Following, &folder.join("following"))?;
    print(with_read_model(&empty, &following, &size)?);
    following.stop()?;
    empty.stop()
}

fn of(runs: &[Run], figure: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(figure).collect())
}

fn in_turns(
    empty: &Child,
    doors: &Child,
    size: &Size,
    connections: usize,
    moves: usize,
) -> Result<(Vec<Run>, Vec<Run>), Box<dyn Error>> {
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    for run in 0..=size.runs {
        let load = |child: &Child| Load { server: child, connections, moves }.run(size.time);
        let (a, b) = (load(empty)?, load(doors)?);
        // The first of each is for caches and pages.
        if run > 0 {
            plain.push(a);
            ours.push(b);
        }
    }
    Ok((plain, ours))
}

fn one_a_request(
    folder: &Path,
    empty: &Child,
    doors: &Child,
    size: &Size,
    print: &mut dyn FnMut(Row),
) -> Result<(), Box<dyn Error>> {
    let (plain, ours) = in_turns(empty, doors, size, CONNECTIONS, 1)?;
    print(Row {
        name: "HTTP, one move a request".into(),
        value: of(&ours, Run::a_second),
        unit: "moves/s",
        aim: Some(80_000.0),
        better: Better::Higher,
        peer: Some((EMPTY, of(&plain, Run::a_second))),
    });
    // What the disk gives in the same minute, if nothing else took time.
    let bytes = usize::try_from(Batch::disk_bytes_for(crate::world::move_bytes() * CONNECTIONS))?;
    let syncs = raw::append(folder, bytes, 1_000)?;
    let took: f64 = syncs.iter().map(Duration::as_secs_f64).sum();
    print(Row {
        name: "HTTP, beside the disk".into(),
        value: of(&ours, Run::a_second),
        unit: "moves/s",
        aim: None,
        better: Better::Higher,
        peer: Some(("write + fdatasync, 64 moves at once", (CONNECTIONS * syncs.len()) as f64 / took)),
    });
    // Other programs take time from both, and change the ratio of rates; this they hardly change.
    print(Row {
        name: "HTTP, computed for a move".into(),
        value: of(&ours, Run::computed_each),
        unit: "us",
        aim: None,
        better: Better::Lower,
        peer: Some((EMPTY, of(&plain, Run::computed_each))),
    });
    for (name, part, aim) in [("HTTP, 64 clients, p50", 0.5, 1_000.0), ("HTTP, 64 clients, p99", 0.99, 3_000.0)] {
        print(Row {
            name: name.into(),
            value: of(&ours, |run| run.micros(part)),
            unit: "us",
            aim: Some(aim),
            better: Better::Lower,
            peer: Some((EMPTY, of(&plain, |run| run.micros(part)))),
        });
    }
    Ok(())
}

fn one_client(folder: &Path, doors: &Child, size: &Size) -> Result<Row, Box<dyn Error>> {
    let bytes = usize::try_from(Batch::disk_bytes_for(crate::world::move_bytes()))?;
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..size.runs {
        let load = Load { server: doors, connections: 1, moves: 1 };
        ours.push(load.run(size.time)?.micros(0.5));
        let times = raw::append(folder, bytes, 2_000)?;
        plain.push(median(times.iter().map(|time| time.as_secs_f64() * 1e6).collect()));
    }
    let (value, peer) = (median(ours), median(plain));
    let aim = Some(2.0 * peer);
    Ok(Row {
        name: "HTTP, one client, p50".into(),
        value,
        unit: "us",
        aim,
        better: Better::Lower,
        peer: Some((PLAIN, peer)),
    })
}

fn batches(empty: &Child, doors: &Child, size: &Size, print: &mut dyn FnMut(Row)) -> Result<(), Box<dyn Error>> {
    let (plain, ours) = in_turns(empty, doors, size, 4, BATCH)?;
    let each = BATCH as f64;
    print(Row {
        name: "HTTP, 1,000 moves a request".into(),
        value: of(&ours, Run::a_second) * each,
        unit: "moves/s",
        aim: Some(1_000_000.0),
        better: Better::Higher,
        peer: Some((EMPTY, of(&plain, Run::a_second) * each)),
    });
    print(Row {
        name: "HTTP, computed for a move of 1,000".into(),
        value: of(&ours, Run::computed_each) / each,
        unit: "us",
        aim: None,
        better: Better::Lower,
        peer: Some((EMPTY, of(&plain, Run::computed_each) / each)),
    });
    Ok(())
}

/// The same as the first, with the SQLite read model following on the same cores.
fn with_read_model(empty: &Child, following: &Child, size: &Size) -> Result<Row, Box<dyn Error>> {
    let (plain, ours) = in_turns(empty, following, size, CONNECTIONS, 1)?;
    Ok(Row {
        name: "HTTP, read model following".into(),
        value: of(&ours, Run::a_second),
        unit: "moves/s",
        aim: None,
        better: Better::Higher,
        peer: Some((EMPTY, of(&plain, Run::a_second))),
    })
}
