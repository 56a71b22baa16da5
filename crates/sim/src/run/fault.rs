//! What goes wrong with the process, its disk and its clock, and when.

use tokengine_journal::mem::MemDisk;

use super::{Run, Shared};
use crate::check::Violation;
use crate::plan::{FAULTS, Plan};
use crate::rng::Rng;

/// A clock that was put back holds up what waits for a time, for as long as it was put back; so that is bounded.
const MOST_BACK_MS: u64 = 1_800_000;

/// The faults of one run.
pub(crate) struct Faults {
    allowed: Vec<&'static str>,
    rng: Rng,
    /// Steps until the next one.
    left: u64,
    /// One that waits for its moment in the disk: why the process may end.
    armed: Option<&'static str>,
    /// The next start meets a power failure after so many operations of the disk.
    start_fails_after: Option<u64>,
    /// How far the clock was put back in all, in milliseconds.
    put_back: u64,
    /// The disk has room again then, in milliseconds since the beginning.
    full_until: Option<u64>,
}

impl Faults {
    pub(crate) fn new(plan: &Plan, mut rng: Rng) -> Self {
        let allowed = FAULTS.iter().copied().filter(|fault| plan.allows(fault)).collect();
        // Some runs crash all the time, some hardly ever.
        let left = rng.between(500, 6_000);
        Self { allowed, rng, left, armed: None, start_fails_after: None, put_back: 0, full_until: None }
    }

    /// Nothing more goes wrong.
    pub(crate) fn quiet(&mut self, disk: &MemDisk) {
        self.start_fails_after = None;
        self.full_until = None;
        disk.set_capacity(None);
    }

    /// Whether a fault waits in the disk.
    pub(crate) fn is_armed(&self) -> bool {
        self.armed.is_some()
    }

    /// Why the process may have ended by itself.
    pub(crate) fn why_it_died(&self) -> Option<&'static str> {
        self.armed
    }

    /// How long the process stays down, in milliseconds.
    pub(crate) fn downtime(&mut self) -> u64 {
        match self.rng.below(4) {
            0 => 0,
            1 | 2 => self.rng.between(100, 5_000),
            _ => self.rng.between(5_000, 90_000),
        }
    }

    /// What the disk is like when the process is gone.
    pub(crate) fn settle_disk(&mut self, how: &'static str, disk: &MemDisk) {
        self.armed = None;
        match how {
            "crash-killed" => disk.kill_process(),
            "sync-fails" if self.rng.chance(1, 2) => disk.kill_process(),
            _ => disk.lose_power(self.rng.next()),
        }
    }

    pub(crate) fn before_start(&mut self, disk: &MemDisk, shared: &Shared) {
        if let Some(operations) = self.start_fails_after.take() {
            shared.story.tell(|| format!("the power will fail after {operations} operations"));
            disk.fail_power_after(operations);
            self.armed = Some("crash-in-a-start");
        }
    }

    /// The start took fewer operations than that.
    pub(crate) fn started(&mut self, disk: &MemDisk) {
        if self.armed == Some("crash-in-a-start") {
            self.armed = None;
            disk.fail_power_after(u64::MAX);
        }
    }
}

impl Run {
    /// Something goes wrong, if it is time.
    pub(crate) fn maybe_fault(&mut self) -> Result<(), Violation> {
        if !self.shared.chaos.get() {
            return if self.faults.is_armed() { self.fault("crash-power-lost") } else { Ok(()) };
        }
        if self.faults.full_until.is_some_and(|until| until <= self.shared.clock.passed()) {
            self.faults.full_until = None;
            self.disk.set_capacity(None);
            self.shared.story.tell(|| "the disk has room again".into());
        }
        if self.process.is_none() || self.faults.allowed.is_empty() {
            return Ok(());
        }
        self.faults.left = self.faults.left.saturating_sub(1);
        if self.faults.left > 0 {
            return Ok(());
        }
        self.faults.left = match self.faults.rng.below(5) {
            0 => self.faults.rng.between(20, 600),
            _ => self.faults.rng.between(600, 9_000),
        };
        let fault = *self.faults.rng.pick(&self.faults.allowed);
        self.fault(fault)
    }

    fn fault(&mut self, fault: &'static str) -> Result<(), Violation> {
        let rng = &mut self.faults.rng;
        match fault {
            "crash-killed" | "crash-power-lost" => self.crash(fault),
            "crash-in-a-write" => {
                self.disk.fail_power_after(rng.below(14));
                self.faults.armed.get_or_insert(fault);
            }
            "crash-in-a-start" => {
                self.faults.start_fails_after = Some(rng.below(40));
                self.crash("crash-power-lost");
            }
            "sync-fails" => {
                self.disk.fail_sync_after(rng.below(4));
                self.faults.armed.get_or_insert(fault);
            }
            "disk-full" => {
                let room = rng.below(2) * rng.below(400_000);
                self.disk.set_capacity(Some(self.disk.used_bytes() + room));
                self.faults.full_until = Some(self.shared.clock.passed() + rng.between(5_000, 150_000));
                self.shared.tally.hit(fault);
                self.shared.story.tell(|| format!("=== {fault}: {room} bytes left ==="));
            }
            "restart-in-order" => self.restart()?,
            "clock-forward" | "clock-back" => {
                let by = match rng.below(3) {
                    0 => rng.between(1, 2_000),
                    1 => rng.between(2_000, 600_000),
                    _ => rng.between(600_000, 20_000_000),
                };
                let back = (MOST_BACK_MS - self.faults.put_back).min(by);
                let by = if fault == "clock-back" {
                    -i64::try_from(back).unwrap_or(0)
                } else {
                    i64::try_from(by).unwrap_or(0)
                };
                self.faults.put_back += u64::try_from(-by).unwrap_or(0);
                self.shared.clock.ahead.set(self.shared.clock.ahead.get() + by);
                self.shared.tally.hit(fault);
                self.shared.story.tell(|| format!("=== {fault} by {by} ms ==="));
            }
            other => unreachable!("{other} is a fault of this list"),
        }
        Ok(())
    }
}
