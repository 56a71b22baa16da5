//! What has been started, in which order and how fast.

use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The steps of a start.
#[derive(Default)]
pub(crate) struct Stages {
    steps: Mutex<Vec<Step>>,
    started: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
}

struct Step {
    name: &'static str,
    began: Instant,
    took: Option<Duration>,
    detail: String,
}

impl Stages {
    fn steps(&self) -> MutexGuard<'_, Vec<Step>> {
        self.steps.lock().expect("nobody panics while holding it")
    }

    /// The next step begins, and the one before has ended.
    pub(crate) fn begin(&self, name: &'static str) {
        self.end();
        tracing::info!(stage = name, "Starting");
        self.steps().push(Step { name, began: Instant::now(), took: None, detail: String::new() });
    }

    /// How far the step under way is.
    pub(crate) fn detail(&self, text: String) {
        if let Some(step) = self.steps().last_mut() {
            step.detail = text;
        }
    }

    fn end(&self) {
        let mut steps = self.steps();
        if let Some(step) = steps.last_mut().filter(|step| step.took.is_none()) {
            let took = step.began.elapsed();
            step.took = Some(took);
            let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(stage = step.name, took_ms, detail = step.detail, "Started");
        }
    }

    /// Everything is started.
    pub(crate) fn ready(&self) {
        self.end();
        self.started.store(true, Ordering::Release);
    }

    /// Everything is being stopped.
    pub(crate) fn stopping(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(crate) fn is_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Set once everything is started.
    pub(crate) fn started(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.started)
    }

    /// Set when everything is being stopped.
    pub(crate) fn draining(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.draining)
    }

    /// For `/startupz`.
    pub(crate) fn json(&self) -> Value {
        let steps = self.steps();
        let step = |step: &Step| {
            let took = step.took.unwrap_or_else(|| step.began.elapsed());
            json!({
                "stage": step.name, "done": step.took.is_some(), "detail": step.detail,
                "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            })
        };
        let stages: Vec<Value> = steps.iter().map(step).collect();
        json!({ "started": self.is_started(), "stopping": self.draining.load(Ordering::Acquire), "stages": stages })
    }
}
