//! Runs a target: examples and corpus first, then mutants, until the time is over.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

use crate::mutate::{MAX_LEN, mutate};
use crate::{Corpus, Rng, Target};

/// Counts what a target takes from the heap.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Time of the processor for one input, without optimisation. Waiting for a machine that is busy does not count.
const CPU_LIMIT: Duration = Duration::from_secs(2);
/// The place of a failure that is none: it took too long.
const TIME: &str = "time";
/// So many inputs that fail in different places are enough to begin with.
const ENOUGH: usize = 5;
/// Inputs that are mutated further.
const POOL: usize = 2_000;

/// How long, and with which dice.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Until then mutants are made; examples and corpus are tried in any case.
    pub time: Duration,
    /// The dice's.
    pub seed: u64,
}

/// An input for which a property does not hold.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What happened.
    pub what: String,
    /// The input, made as small as it goes.
    pub input: Vec<u8>,
    /// Where it is kept.
    pub kept: Option<PathBuf>,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The target's name.
    pub target: &'static str,
    /// Inputs tried.
    pub executions: u64,
    /// How long that took.
    pub took: Duration,
    /// Different answers seen.
    pub answers: usize,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// Runs a target. What fails is made small and kept in `corpus`.
///
/// # Errors
/// What the disk says about the corpus.
pub fn run(target: &mut dyn Target, corpus: &Corpus, budget: Budget) -> io::Result<Report> {
    let started = Instant::now();
    let mut current = Current::new(target.name())?;
    let mut report =
        Report { target: target.name(), executions: 0, took: Duration::ZERO, answers: 0, findings: Vec::new() };
    let mut pool = target.examples();
    pool.extend(corpus.load()?.into_iter().map(|(_, input)| input));
    let (mut answers, mut places) = (HashSet::new(), HashSet::new());
    let mut rng = Rng::new(budget.seed);
    let (shape, words) = (target.shape(), target.words());
    let mut given = pool.clone().into_iter();
    while report.findings.len() < ENOUGH {
        let input = match given.next() {
            Some(input) => input,
            None if started.elapsed() < budget.time => mutate(&mut rng, shape, &pool, words),
            None => break,
        };
        report.executions += 1;
        match try_one(target, &mut current, &input)? {
            Ok(answer) => {
                if answers.insert(answer) && pool.len() < POOL {
                    pool.push(input);
                }
            }
            Err(failure) => {
                if places.insert(failure.place.clone()) {
                    // What takes long would take as long each time.
                    let shrinks = failure.place != TIME;
                    let input = if shrinks { shrink(target, &mut current, input, &failure.place)? } else { input };
                    let kept = Some(corpus.keep("found", &input)?);
                    report.findings.push(Finding { what: failure.what, input, kept });
                }
            }
        }
    }
    report.took = started.elapsed();
    report.answers = answers.len();
    Ok(report)
}

/// Why an input fails, and where: one finding for each place.
struct Failure {
    place: String,
    what: String,
}

/// Panics of threads that no target runs on: an engine's, a server's. They never reach us as panics.
static ELSEWHERE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether a target runs on this thread, and where it panicked.
    static TRYING: Cell<bool> = const { Cell::new(false) };
    static LAST: RefCell<Option<Failure>> = const { RefCell::new(None) };
}

/// While a target runs a panic is a finding and not news for the terminal.
fn hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if TRYING.get() {
                let place = info.location().map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
                LAST.set(Some(Failure { place, what: info.to_string() }));
            } else {
                ELSEWHERE.fetch_add(1, Ordering::SeqCst);
                usual(info);
            }
        }));
    });
}

fn try_one(target: &mut dyn Target, current: &mut Current, input: &[u8]) -> io::Result<Result<String, Failure>> {
    current.set(input)?;
    hook();
    let elsewhere = ELSEWHERE.load(Ordering::SeqCst);
    HEAP.reset_peak_usage();
    let (heap, cpu) = (HEAP.current_usage(), cpu_time());
    TRYING.set(true);
    let answer = panic::catch_unwind(AssertUnwindSafe(|| target.try_one(input)));
    TRYING.set(false);
    let (took, took_bytes) = (cpu_time().saturating_sub(cpu), HEAP.peak_usage().saturating_sub(heap));
    let Ok(answer) = answer else {
        let unknown = || Failure { place: "unknown".to_owned(), what: "it panicked".to_owned() };
        return Ok(Err(LAST.take().unwrap_or_else(unknown)));
    };
    if ELSEWHERE.load(Ordering::SeqCst) != elsewhere {
        let what = "a thread that serves the target panicked: what it said is above".to_owned();
        return Ok(Err(Failure { place: "elsewhere".to_owned(), what }));
    }
    if took > CPU_LIMIT {
        let what = format!("{} bytes took {took:?} of the processor's time", input.len());
        return Ok(Err(Failure { place: TIME.to_owned(), what }));
    }
    if took_bytes > target.memory() + 100 * input.len() {
        let what = format!("{} bytes took {took_bytes} bytes from the heap", input.len());
        return Ok(Err(Failure { place: "memory".to_owned(), what }));
    }
    Ok(Ok(answer))
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Takes pieces out for as long as it goes on failing in the same place.
fn shrink(target: &mut dyn Target, current: &mut Current, mut input: Vec<u8>, place: &str) -> io::Result<Vec<u8>> {
    let mut tries = 400;
    let mut piece = input.len().div_ceil(2);
    while piece > 0 && tries > 0 {
        let mut at = 0;
        while at < input.len() && tries > 0 {
            tries -= 1;
            let smaller = [&input[..at], input.get(at + piece..).unwrap_or_default()].concat();
            match try_one(target, current, &smaller)? {
                Err(failure) if failure.place == place => input = smaller,
                _ => at += piece,
            }
        }
        piece = if piece == 1 { 0 } else { piece.div_ceil(2) };
    }
    Ok(input)
}

/// The input that is being tried, in a file: what overflows the stack or the memory ends the process, and the file is left.
struct Current {
    file: File,
    path: PathBuf,
}

impl Current {
    fn new(target: &str) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("tokengine-fuzz-{target}-{}", std::process::id()));
        Ok(Self { file: File::create(&path)?, path })
    }

    fn set(&mut self, input: &[u8]) -> io::Result<()> {
        debug_assert!(input.len() <= MAX_LEN * 64);
        self.file.set_len(0)?;
        self.file.write_all_at(input, 0)
    }
}

impl Drop for Current {
    fn drop(&mut self) {
        // It has only been of use to whoever finds a process that ended; that one could not have come here.
        let _ = fs::remove_file(&self.path);
    }
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.took.as_secs_f64().max(0.001);
        #[allow(clippy::cast_precision_loss, reason = "a rate for a person")]
        let rate = self.executions as f64 / seconds;
        let Self { target, executions, answers, findings, .. } = self;
        write!(
            f,
            "{target:<12} {executions:>9} inputs {rate:>9.0}/s {answers:>5} answers {:>3} found",
            findings.len()
        )?;
        for Finding { what, input, kept } in findings {
            let at = kept.as_ref().map_or_else(String::new, |path| path.display().to_string());
            write!(f, "\n  {what}\n  {} bytes: {}\n  {at}", input.len(), input.escape_ascii())?;
        }
        Ok(())
    }
}
