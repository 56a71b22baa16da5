//! Every target for a few seconds, and the fuzzer itself on decoders with planted faults.

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use tokengine_fuzz::{Budget, Corpus, Report, Shape, Target, run, targets};

/// The heap that is measured belongs to the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const SEED: u64 = 20_260_301;

#[test]
fn no_decoder_panics_hangs_or_reads_what_it_would_not_write() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let seconds = std::env::var("TOKENGINE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(4);
    let mut found = Vec::new();
    for (name, make) in targets::ALL {
        let mut target = make();
        let budget = Budget { time: Duration::from_secs(seconds), seed: SEED };
        let report = run(&mut *target, &Corpus::of(name), budget).expect("the corpus can be read");
        println!("{report}");
        assert!(report.answers > 1, "{name} answers everything alike: nothing is tried");
        if !report.findings.is_empty() {
            found.push(report.to_string());
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A length, so many bytes, and a check; with a fault.
struct Planted(fn(&[u8]));

impl Target for Planted {
    fn name(&self) -> &'static str {
        "planted"
    }

    fn examples(&self) -> Vec<Vec<u8>> {
        vec![b"\x04\0\0\0abcd".to_vec(), b"\x01\0\0\0{".to_vec()]
    }

    fn shape(&self) -> Shape {
        Shape::Bytes
    }

    fn try_one(&mut self, input: &[u8]) -> String {
        (self.0)(input);
        input.first().map_or_else(String::new, u8::to_string)
    }
}

fn fuzz(fault: fn(&[u8])) -> Report {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let folder = tempfile::tempdir().expect("a folder");
    let corpus = Corpus::at(folder.path());
    let budget = Budget { time: Duration::from_secs(20), seed: SEED };
    let report = run(&mut Planted(fault), &corpus, Budget { time: Duration::from_millis(1), ..budget }).expect("run");
    let report =
        if report.findings.is_empty() { run(&mut Planted(fault), &corpus, budget).expect("run") } else { report };
    // What was found is kept, and found again at once when it is tried again.
    if !report.findings.is_empty() {
        let again = run(&mut Planted(fault), &corpus, Budget { time: Duration::ZERO, seed: 0 }).expect("run");
        assert!(!again.findings.is_empty(), "kept and found again");
    }
    report
}

fn length(input: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(*input.first_chunk::<4>()?)).ok()
}

#[test]
fn a_length_that_is_believed_is_found() {
    let report = fuzz(|input| {
        if let Some(length) = length(input) {
            black_box(&input[4..][..length.min(1 << 20)]);
        }
    });
    assert!(report.findings[0].what.contains("out of range"), "{report}");
    assert!(report.findings[0].input.len() <= 8, "made small: {report}");
}

#[test]
fn memory_taken_on_somebody_s_word_is_found() {
    let report = fuzz(|input| {
        if let Some(length) = length(input) {
            black_box(Vec::<u8>::with_capacity(length.min(1 << 26)));
        }
    });
    assert!(report.findings[0].what.contains("from the heap"), "{report}");
}

#[test]
fn work_that_grows_out_of_bounds_is_found() {
    let report = fuzz(|input| {
        if let Some(length) = length(input) {
            // Each round is far from nothing without optimisation.
            black_box((0..length.min(1 << 28)).fold(0_u64, |sum, n| black_box(sum.wrapping_add(n as u64))));
        }
    });
    assert!(report.findings[0].what.contains("processor"), "{report}");
}
