//! What a command prints: for a person, or with `--json` one object for a program. Progress goes to standard error.

use crate::exit::Failure;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::time::Duration;

/// Where output goes, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    pub(crate) json: bool,
}

impl Out {
    /// Whether to colour: on a terminal, unless somebody asked for none (<https://no-color.org>: any value but an empty one).
    pub(crate) fn colour(terminal: &impl IsTerminal) -> bool {
        std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && terminal.is_terminal()
    }

    /// The result of a command.
    pub(crate) fn tell(self, text: &str, value: &Value) {
        let mut out = std::io::stdout().lock();
        // A reader that is gone, such as `head`, is no reason to fail.
        let _ = if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(value).unwrap_or_default())
        } else {
            writeln!(out, "{}", text.trim_end())
        };
    }

    /// Why there is none.
    pub(crate) fn fail(self, failure: &Failure) {
        if self.json {
            self.tell("", &failure.json());
        } else {
            let _ = writeln!(std::io::stderr().lock(), "tokengine: {failure}");
        }
    }

    /// A bar for work of a known length; on a terminal only.
    pub(crate) fn bar(self, what: &'static str, total: u64) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(Some(total), self.target());
        let style = ProgressStyle::with_template("{msg} [{bar:32}] {percent}% {eta} left");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_message(what);
        bar
    }

    /// A mark that turns while something takes its time; on a terminal only.
    pub(crate) fn spinner(self, what: impl Into<std::borrow::Cow<'static, str>>) -> ProgressBar {
        let bar = ProgressBar::with_draw_target(None, self.target());
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    fn target(self) -> ProgressDrawTarget {
        if !self.json && std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        }
    }
}
