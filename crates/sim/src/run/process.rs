//! The process: engine and workers, begun from what the disk holds, and gone at any moment.

use std::rc::Rc;
use std::sync::Arc;

use tokengine_chain::{Network, Rules as Nodes};
use tokengine_core::Time;
use tokengine_engine::{Error, Feed, Options, Stepped};
use tokengine_journal::Disk;
use tokengine_workers::pay::Peers;

use super::planted::{LyingDisk, Planted};
use super::site::{Counted, Site, recover_loop};
use super::{Run, operator};
use crate::check::Violation;
use crate::exec::Tasks;
use crate::mutant::Mutant;
use crate::net::SimNode;

/// The parts of the engine that take their turns like tasks.
const LANES: usize = 3;

/// A running process.
pub(crate) struct Process {
    pub(crate) engine: Stepped,
    pub(crate) tasks: Tasks,
    pub(crate) feed: Feed,
    /// Which parts of the engine had nothing to do since something changed.
    idle: [bool; LANES],
}

impl Process {
    /// How many parts of the engine may have something to do.
    pub(crate) fn lanes(&self) -> usize {
        self.idle.iter().filter(|idle| !**idle).count()
    }

    pub(crate) fn wake_engine(&mut self) {
        self.idle = [false; LANES];
    }
}

impl Run {
    pub(crate) fn options(&mut self) -> Options {
        let seed = self.rng.next();
        let size = &self.setup.engine;
        let mut options = Options::new("sim", seed).with_journal(|journal| {
            journal.genesis = [7; 32].into();
            journal.segment_bytes = size.segment_bytes;
            journal.reserve_bytes = size.reserve_bytes;
        });
        options.queue = size.queue;
        options.max_batch = size.max_batch;
        options.snapshot_every = size.snapshot_every;
        let wall = Arc::clone(&self.shared.clock.wall);
        options.clock = Arc::new(move || Time(wall.load(std::sync::atomic::Ordering::Relaxed)));
        // Whoever steps the engine sees the error too, and ends the process.
        options.on_fatal = Arc::new(|_| {});
        options
    }

    /// Begins the process from what is on the disk.
    pub(crate) fn begin_process(&mut self) -> Result<(), Violation> {
        let options = self.options();
        self.faults.before_start(&self.disk, &self.shared);
        let disk: Arc<dyn Disk> = match self.plan.mutant {
            Some(Mutant::SyncLies) => Arc::new(LyingDisk(self.disk.clone())),
            Some(Mutant::SegmentLost) => {
                self.lose_a_segment();
                Arc::new(self.disk.clone())
            }
            _ => Arc::new(self.disk.clone()),
        };
        let engine = match Stepped::open(options, disk) {
            Ok(engine) => engine,
            Err(error) => {
                self.shared.story.tell(|| format!("the process does not start: {error}"));
                return self.died("crash-in-a-start", &error);
            }
        };
        self.faults.started(&self.disk);
        let opened = engine.opened();
        self.shared.story.tell(|| {
            format!(
                "the process starts at {}, from snapshot {:?}, {:?}",
                engine.state().position(),
                opened.snapshot,
                opened.journal
            )
        });
        self.shared.tally.hit(if opened.snapshot.is_some() { "start from-snapshot" } else { "start from-journal" });
        for (counted, happened) in
            [("start tail-cut", opened.journal.cut.is_some()), ("start clean", opened.journal.clean)]
        {
            self.shared.tally.add(counted, happened.into());
        }
        let handle = engine.handle();
        let mut feed = handle.feed(self.checker.position());
        self.checker.reopened(&mut feed, engine.state(), &self.world.borrow())?;
        let tasks = self.workers(&engine);
        *self.shared.door.borrow_mut() = Some(handle);
        self.process = Some(Process { engine, tasks, feed, idle: [false; LANES] });
        Ok(())
    }

    fn lose_a_segment(&self) {
        let names = self.disk.list().unwrap_or_default();
        let segments: Vec<&String> = names.iter().filter(|name| name.ends_with(".seg")).collect();
        if let [_, .., newest] = segments.as_slice() {
            // A disk that refuses this keeps it.
            let _ =
                self.disk.remove(newest).and_then(|()| self.disk.remove("clean")).and_then(|()| self.disk.sync_dir());
        }
    }

    fn workers(&mut self, engine: &Stepped) -> Tasks {
        let tasks = Tasks::new(&self.alarm);
        let spawner = tasks.spawner();
        let nodes = (0..self.setup.networks.len()).map(|ix| self.world.borrow().node(ix, 0)).collect();
        let planted = self.plan.mutant.map(|mutant| Planted {
            mutant,
            nodes: Arc::new(nodes),
            keyring: Arc::clone(&self.setup.keyring),
            later: Arc::default(),
        });
        let books = Counted { handle: engine.handle(), tally: self.shared.refusals.clone(), planted };
        let network = |(ix, row): (usize, &super::setup::NetworkSetup)| {
            let nodes: Vec<SimNode> = self.world.borrow().nodes(ix);
            let quorum = if self.plan.mutant == Some(Mutant::OneNode) { 1 } else { row.settings.quorum };
            let rules = Nodes { quorum, ..Nodes::default() };
            Arc::new(Network::new(&row.id, nodes, rules).expect("the quorum is at most the nodes"))
        };
        let networks: Vec<_> = self.setup.networks.iter().enumerate().map(network).collect();
        let peers: Arc<Peers<SimNode>> =
            Arc::new(networks.iter().map(|network| (network.id().to_owned(), Arc::clone(network))).collect());
        let site = |(network, row): (&Arc<Network<SimNode>>, &super::setup::NetworkSetup)| {
            Rc::new(Site::new(
                books.clone(),
                Arc::clone(network),
                Arc::clone(&peers),
                Arc::clone(&self.setup.keyring),
                row.rules.clone(),
                self.shared.clone(),
                spawner.clone(),
            ))
        };
        let sites: Vec<Rc<Site>> = networks.iter().zip(&self.setup.networks).map(site).collect();
        let (setup, shared) = (Rc::clone(&self.setup), self.shared.clone());
        spawner.spawn("configure", {
            let (books, sites, spawner) = (books.clone(), sites.clone(), spawner.clone());
            async move {
                operator::configure(&books, &setup, &shared).await;
                sites.iter().for_each(Site::begin);
                spawner.spawn("recover", recover_loop(books.clone(), sites.clone()));
                operator::watch_lost(sites, shared).await;
            }
        });
        tasks
    }

    /// One turn of one part of the engine.
    pub(crate) fn engine_step(&mut self) -> Result<(), Violation> {
        let Some(process) = &mut self.process else { return Ok(()) };
        let busy: Vec<usize> = (0..LANES).filter(|lane| !process.idle[*lane]).collect();
        let lane = *self.rng.pick(&busy);
        let done = match lane {
            0 => process.engine.decide(),
            1 => process.engine.write(),
            _ => Ok(process.engine.tend()),
        };
        self.shared.story.note((2, lane, done.as_ref().is_ok_and(|worked| *worked)));
        match done {
            Ok(true) => process.wake_engine(),
            Ok(false) => process.idle[lane] = true,
            Err(error) => return self.died("engine-fatal", &error),
        }
        Ok(())
    }

    /// The process ended by itself. That is right only if its disk failed it.
    pub(crate) fn died(&mut self, rule: &'static str, error: &Error) -> Result<(), Violation> {
        let Some(fault) = self.faults.why_it_died() else {
            return Err(Violation::new(rule, format!("{}: {}", error.code(), chain_of(error))));
        };
        if matches!(error, Error::Journal(tokengine_journal::Error::Corrupt { .. })) {
            return Err(Violation::new("recovers", chain_of(error)));
        }
        self.shared.story.tell(|| format!("the process ends: {} ({fault})", chain_of(error)));
        self.crash(fault);
        Ok(())
    }

    /// The process is gone: its tasks in the order they were begun, its memory, and what the disk did not keep.
    pub(crate) fn crash(&mut self, how: &'static str) {
        self.shared.tally.hit(how);
        self.shared.story.tell(|| format!("=== {how} ==="));
        self.shared.door.borrow_mut().take();
        drop(self.process.take());
        self.faults.settle_disk(how, &self.disk);
        self.begin_at = self.shared.clock.passed() + self.faults.downtime();
    }

    /// Stops and starts in order.
    pub(crate) fn restart(&mut self) -> Result<(), Violation> {
        let Some(process) = self.process.take() else { return Ok(()) };
        self.shared.tally.hit("restart-in-order");
        self.shared.story.tell(|| "=== restart-in-order ===".into());
        self.shared.door.borrow_mut().take();
        let Process { engine, tasks, mut feed, .. } = process;
        drop(tasks);
        self.begin_at = self.shared.clock.passed() + self.faults.downtime();
        if let Err(error) = engine.stop() {
            return self.died("engine-stops", &error);
        }
        // Answers left on the way down.
        self.checker.observe(&mut feed, &self.world.borrow())?;
        self.shared.durable.set(self.checker.position().0);
        Ok(())
    }
}

fn chain_of(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
