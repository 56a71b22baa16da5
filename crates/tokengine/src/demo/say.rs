//! What the demo shows: a line for each thing that happened, and one that moves while something is under way.

use crate::out::Out;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::io::Write as _;
use std::sync::Mutex;
use std::time::Instant;

/// The terminal, and what was told so far.
pub(super) struct Say {
    out: Out,
    began: Instant,
    colour: bool,
    told: Mutex<Vec<Value>>,
}

impl Say {
    pub(super) fn new(out: Out) -> Self {
        Self { out, began: Instant::now(), colour: Out::colour(&std::io::stdout()), told: Mutex::default() }
    }

    fn line(&self, text: &str) {
        if !self.out.json {
            let _ = writeln!(std::io::stdout().lock(), "{text}"); // nobody watches
        }
    }

    fn bright(&self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// A part of the story begins.
    pub(super) fn chapter(&self, text: &str) {
        self.line(&format!("\n{}", self.bright(text)));
    }

    /// Something is under way; it is shown until the mark is dropped or cleared.
    pub(super) fn doing(&self, text: &str) -> Doing {
        Doing(self.out.spinner(format!("  {text}")))
    }

    /// Something happened.
    pub(super) fn done(&self, text: &str) {
        let seconds = self.began.elapsed().as_secs_f32();
        let mark = if self.colour { "\x1b[32mok\x1b[0m" } else { "ok" };
        self.line(&format!("  {mark} {seconds:5.1} s  {text}"));
        let after_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let step = json!({ "after_ms": after_ms, "what": text });
        self.told.lock().expect("nobody panics while holding it").push(step);
    }

    /// Something worth to know that is no step.
    pub(super) fn note(&self, text: &str) {
        self.line(&format!("              {text}"));
    }

    /// Everything that was told, for a program.
    pub(super) fn all(&self) -> Value {
        json!(*self.told.lock().expect("nobody panics while holding it"))
    }

    pub(super) fn seconds(&self) -> f32 {
        self.began.elapsed().as_secs_f32()
    }
}

/// The line that moves.
pub(super) struct Doing(ProgressBar);

impl Drop for Doing {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
