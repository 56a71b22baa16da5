//! The last look: history is whole, a replay from its beginning and one from a snapshot are the live state, and a flipped
//! bit anywhere in it is found.

use std::sync::Arc;

use tokengine_engine::Stepped;
use tokengine_journal::{Disk, verify};

use super::Run;
use crate::check::{Violation, hold};

impl Run {
    pub(crate) fn last_look(&mut self) -> Result<(), Violation> {
        if let Some(process) = &self.process {
            self.checker.same_as(process.engine.state())?;
        }
        self.restart()?;
        self.begin_process()?;
        self.restart()?;
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let whole =
            verify(&disk, &mut |_| {}).map_err(|error| Violation::new("history-verifies", error.to_string()))?;
        let end = self.checker.position().0;
        hold!(
            "history-verifies",
            whole.head.position == end,
            "it ends at {}, and {end} was durable",
            whole.head.position
        );
        self.without_snapshots()?;
        self.flip_a_bit(&disk)
    }

    /// A replay of the whole journal, without any snapshot, is the same state.
    fn without_snapshots(&mut self) -> Result<(), Violation> {
        let names = self.disk.list().unwrap_or_default();
        for name in names.iter().filter(|name| name.starts_with("snapshot-")) {
            self.disk.remove(name).map_err(|error| Violation::new("disk", error.to_string()))?;
        }
        let options = self.options();
        let engine = Stepped::open(options, Arc::new(self.disk.clone()));
        let engine = engine.map_err(|error| Violation::new("replays", error.to_string()))?;
        self.checker.same_as(engine.state())?;
        engine.stop().map(drop).map_err(|error| Violation::new("engine-stops", error.to_string()))
    }

    /// History that has rotted is never taken for good.
    fn flip_a_bit(&mut self, disk: &Arc<dyn Disk>) -> Result<(), Violation> {
        let names = self.disk.list().unwrap_or_default();
        let segments: Vec<&String> = names.iter().filter(|name| name.ends_with(".seg")).collect();
        if segments.is_empty() {
            return Ok(());
        }
        let name = *self.rng.pick(&segments);
        let bytes = self.disk.bytes(name).unwrap_or_default();
        // What was written; zeros behind it are not history yet.
        let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
        let at = *self.rng.pick(&written);
        let mask = 1u8 << self.rng.below(8);
        self.disk.flip(name, at, mask).map_err(|error| Violation::new("disk", error.to_string()))?;
        self.shared.tally.hit("history-bit-flipped");
        let found = verify(disk, &mut |_| {}).is_err();
        hold!("rot-is-found", found, "bit {mask:#x} of byte {at} of {name} is flipped, and nobody noticed");
        let opened = Stepped::open(self.options(), Arc::new(self.disk.clone()));
        let same = opened.as_ref().map_or(true, |engine| self.checker.same_as(engine.state()).is_ok());
        hold!(
            "rot-is-not-taken",
            same,
            "bit {mask:#x} of byte {at} of {name} is flipped, and the engine starts with another state"
        );
        Ok(())
    }
}
