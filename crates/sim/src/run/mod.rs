//! One run: everything made from a seed, driven to its end, and checked on the way.

mod clients;
mod fault;
mod last;
mod operator;
mod planted;
mod process;
mod setup;
mod site;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokengine_core::Time;
use tokengine_engine::Handle;
use tokengine_journal::mem::MemDisk;
use tokio::time::Instant;

use self::fault::Faults;
use self::process::Process;
use self::setup::Setup;
use self::site::Refusals;
use crate::check::{Checker, Violation};
use crate::counts::{Counts, Tally};
use crate::exec::{self, Alarm, Tasks};
use crate::mutant::Mutant;
use crate::net::World;
use crate::plan::Plan;
use crate::rng::{Dice, Rng};
use crate::story::Story;

/// The virtual time at which every run begins.
pub const START_MS: u64 = 1_800_000_000_000;

/// So many steps without any time passing are no progress.
const SPIN: u64 = 300_000;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What went wrong, if anything did.
    pub failure: Option<Violation>,
    /// Steps of the scheduler.
    pub steps: u64,
    /// Events in the journal.
    pub events: u64,
    /// Virtual milliseconds that passed.
    pub virtual_ms: u64,
    /// Equal for equal runs.
    pub hash: u64,
    /// How often everything came up.
    pub counts: Counts,
    /// For a person; empty unless asked for.
    pub story: Vec<String>,
}

/// The two clocks: the one of the world, and the one on the engine's wall, which jumps.
#[derive(Clone)]
pub(crate) struct Clock {
    start: Instant,
    wall: Arc<AtomicU64>,
    /// How far the wall's clock is off, in milliseconds.
    ahead: Rc<Cell<i64>>,
}

impl Clock {
    fn new() -> Self {
        Self { start: Instant::now(), wall: Arc::new(AtomicU64::new(START_MS)), ahead: Rc::default() }
    }

    /// Milliseconds since the beginning.
    pub(crate) fn passed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The world's time.
    pub(crate) fn now(&self) -> u64 {
        START_MS + self.passed()
    }

    fn tick(&self) {
        self.wall.store(self.now().saturating_add_signed(self.ahead.get()), Ordering::Relaxed);
    }

    /// What the engine's machine believes.
    pub(crate) fn wall(&self) -> Time {
        Time(self.now().saturating_add_signed(self.ahead.get()))
    }
}

/// What everything in a run has in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) tally: Tally,
    pub(crate) refusals: Refusals,
    pub(crate) story: Story,
    /// Chance for what has none of its own.
    pub(crate) chance: Rc<Dice>,
    /// The running process, as far as clients can reach it.
    pub(crate) door: Rc<RefCell<Option<Handle>>>,
    /// The networks of the running process are lost for it, by number.
    pub(crate) lost: Rc<RefCell<Vec<bool>>>,
    /// The contracts of each network's tokens.
    pub(crate) contracts: Rc<RefCell<Vec<Vec<tokengine_core::Address>>>>,
    /// Up to where the journal is durable, as far as anybody may know.
    pub(crate) durable: Rc<Cell<u64>>,
    /// A planted bug.
    pub(crate) mutant: Option<Mutant>,
    /// Faults come.
    pub(crate) chaos: Rc<Cell<bool>>,
    failure: Rc<RefCell<Option<Violation>>>,
}

impl Shared {
    /// Something that must never happen did. The first one counts.
    pub(crate) fn fail(&self, rule: &'static str, what: impl Into<String>) {
        self.failed(Violation::new(rule, what));
    }

    pub(crate) fn failed(&self, violation: Violation) {
        self.failure.borrow_mut().get_or_insert(violation);
    }
}

/// One run under way.
pub(crate) struct Run {
    plan: Plan,
    setup: Rc<Setup>,
    rng: Rng,
    world: Rc<RefCell<World>>,
    disk: MemDisk,
    shared: Shared,
    alarm: Arc<Alarm>,
    process: Option<Process>,
    /// Clients and the operator: they outlive the process.
    outside: Tasks,
    checker: Checker,
    faults: Faults,
    steps: u64,
    spun: u64,
    /// When the process is begun again.
    begin_at: u64,
}

/// Runs a plan to its end.
pub fn run(plan: &Plan, told: bool) -> Outcome {
    let story = Story::new(told);
    story.hear_logs();
    let tally = Tally::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without threads or sockets");
    let (mut steps, mut events, mut virtual_ms) = (0, 0, 0);
    let whole = AssertUnwindSafe(|| {
        runtime.block_on(tokio::task::coop::unconstrained(async {
            let mut run = Run::new(plan, &tally, &story);
            let result = run.whole().await;
            (steps, events, virtual_ms) = (run.steps, run.checker.position().0, run.shared.clock.passed());
            run.count();
            result
        }))
    });
    let failure = match catch_unwind(whole) {
        Ok(result) => result.err(),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Some(Violation::new("no-panic", text))
        }
    };
    if let Some(violation) = &failure {
        story.tell(|| format!("VIOLATION {}: {}", violation.rule, violation.what));
    }
    let counts = tally.counts();
    Outcome { failure, steps, events, virtual_ms, hash: story.hash(), counts, story: story.lines() }
}

impl Run {
    fn new(plan: &Plan, tally: &Tally, story: &Story) -> Self {
        let mut rng = Rng::new(plan.seed);
        let setup = Rc::new(Setup::new(plan, &mut rng.split(1)));
        let world = setup.world(rng.split(2));
        let contracts = (0..setup.networks.len()).map(|ix| vec![world.token(ix, 0), world.token(ix, 1)]).collect();
        let world = Rc::new(RefCell::new(world));
        let alarm = Arc::new(Alarm::default());
        let shared = Shared {
            clock: Clock::new(),
            tally: tally.clone(),
            refusals: Refusals::default(),
            story: story.clone(),
            chance: Rc::new(Dice::new(rng.split(3))),
            door: Rc::default(),
            lost: Rc::new(RefCell::new(vec![false; setup.networks.len()])),
            contracts: Rc::new(RefCell::new(contracts)),
            durable: Rc::default(),
            mutant: plan.mutant,
            chaos: Rc::new(Cell::new(true)),
            failure: Rc::default(),
        };
        let faults = Faults::new(plan, rng.split(4));
        let outside = Tasks::new(&alarm);
        clients::begin(plan, &setup, &world, &shared, &outside.spawner(), &mut rng.split(5));
        operator::begin(plan, &setup, &world, &shared, &outside.spawner(), rng.split(6));
        Self {
            checker: Checker::new(plan.seed, setup.networks.len(), tally.clone(), story.clone()),
            plan: plan.clone(),
            rng,
            world,
            disk: MemDisk::new(),
            shared,
            alarm,
            process: None,
            outside,
            faults,
            setup,
            steps: 0,
            spun: 0,
            begin_at: 0,
        }
    }

    /// Chaos, then peace, then the last look.
    async fn whole(&mut self) -> Result<(), Violation> {
        let chaos_ms = self.plan.chaos_s * 1_000;
        while self.shared.clock.passed() < chaos_ms {
            self.step(chaos_ms).await?;
        }
        self.quiet();
        // Settling takes as long as the slowest finality, the longest pause and an operator's rounds: far below this.
        let end = self.shared.clock.passed() + self.plan.peace_s * 1_000;
        let mut looked = 0;
        loop {
            self.step(end).await?;
            let now = self.shared.clock.passed();
            if now < looked + 5_000 {
                continue;
            }
            looked = now;
            let unsettled = self.unsettled();
            if unsettled.is_none() && self.checker.at_rest(&self.world.borrow()).is_ok() {
                break;
            }
            if now >= end {
                let Some(what) = unsettled else { return self.checker.at_rest(&self.world.borrow()) };
                return Err(Violation::new(
                    "liveness",
                    format!("after {} s of peace: {what}", (now - chaos_ms) / 1000),
                ));
            }
        }
        self.last_look()
    }

    /// One step of one of those who can go on; or time passes, not beyond `until`.
    async fn step(&mut self, until: u64) -> Result<(), Violation> {
        let before = self.shared.clock.passed();
        self.shared.clock.tick();
        self.shared.story.at(before);
        self.world.borrow_mut().advance(self.shared.clock.now());
        self.steps += 1;
        if self.process.is_none() && before >= self.begin_at {
            self.begin_process()?;
        }
        self.maybe_fault()?;
        if !self.go_on()? {
            let start = self.shared.clock.start;
            let next = self.world.borrow().next_due().saturating_sub(START_MS).min(until);
            let next = if self.process.is_none() { next.min(self.begin_at) } else { next };
            let due = start + Duration::from_millis(next.max(before + 1));
            let (process, outside) = (&self.process, &self.outside);
            let can = || process.as_ref().is_some_and(|process| process.tasks.has_ready()) || outside.has_ready();
            exec::idle(&self.alarm, due, can).await;
        }
        self.observe()?;
        self.spun = if self.shared.clock.passed() > before { 0 } else { self.spun + 1 };
        if self.spun > SPIN {
            let names: Vec<_> = self.process.iter().flat_map(|process| process.tasks.names()).collect();
            return Err(Violation::new("liveness", format!("{SPIN} steps, and no time passed: {names:?}")));
        }
        self.shared.failure.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// Lets one task, or one part of the engine, go on. `false` when none can.
    fn go_on(&mut self) -> Result<bool, Violation> {
        let outside = self.outside.ready();
        let inside = self.process.as_mut().map(|process| process.tasks.ready()).unwrap_or_default();
        let engine = self.process.as_ref().map_or(0, |process| process.lanes());
        // The engine's part is drawn as often as all tasks together.
        let weight = if engine == 0 { 0 } else { engine.max(inside.len() + outside.len()) };
        let all = outside.len() + inside.len() + weight;
        if all == 0 {
            return Ok(false);
        }
        let drawn = self.rng.index(all);
        let process = self.process.as_mut();
        if drawn < outside.len() {
            let name = self.outside.poll(outside[drawn]);
            self.shared.story.note((0, name, outside[drawn]));
        } else if let (Some(process), true) = (process, drawn < outside.len() + inside.len()) {
            let ix = inside[drawn - outside.len()];
            let name = process.tasks.poll(ix);
            self.shared.story.note((1, name, ix));
        } else {
            self.engine_step()?;
            return Ok(true);
        }
        if let Some(process) = &mut self.process {
            process.wake_engine();
        }
        Ok(true)
    }

    /// Takes in what became durable.
    fn observe(&mut self) -> Result<(), Violation> {
        if let Some(process) = &mut self.process {
            self.checker.observe(&mut process.feed, &self.world.borrow())?;
            self.shared.durable.set(self.checker.position().0);
        }
        Ok(())
    }

    fn quiet(&mut self) {
        self.shared.story.tell(|| "--- peace: no more faults ---".into());
        self.shared.chaos.set(false);
        self.faults.quiet(&self.disk);
        self.world.borrow().quiet();
    }

    /// What still waits for something, in words; nothing when all is settled.
    fn unsettled(&self) -> Option<String> {
        if self.process.is_none() {
            return Some("the process is down".into());
        }
        let clients: Vec<_> = self.outside.names().filter(|name| *name == "client").collect();
        if !clients.is_empty() {
            return Some(format!("{} clients have not done what they wanted", clients.len()));
        }
        self.checker.unsettled(&self.world.borrow()).map(|unsettled| unsettled.0)
    }

    fn count(&self) {
        self.shared.refusals.add_to(&self.shared.tally);
        for (name, times) in self.world.borrow().coverage() {
            self.shared.tally.add(name, times);
        }
    }
}
