//! Places where a test may kill the process, so that every step of a deposit and of a payout is tried.
//!
//! `TOKENGINE_FAILPOINT=name` aborts the process when it comes by `name` the first time, `name:n` the n-th time. Only
//! builds with debug assertions listen; in a release build [`hit`] is nothing at all.

#[cfg(debug_assertions)]
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

#[cfg(debug_assertions)]
struct Armed {
    name: String,
    left: AtomicU64,
}

#[cfg(debug_assertions)]
fn parse(text: &str) -> Option<Armed> {
    let (name, times) = text.rsplit_once(':').unwrap_or((text, "1"));
    let times: u64 = times.parse().ok().filter(|times| *times > 0)?;
    Some(Armed { name: name.to_owned(), left: AtomicU64::new(times) })
}

#[cfg(debug_assertions)]
impl Armed {
    /// Whether this is the hit that was waited for.
    fn is_due(&self, name: &str) -> bool {
        self.name == name && self.left.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Aborts the process, without any cleaning up, if a test asked for this place.
#[inline]
pub fn hit(name: &str) {
    #[cfg(debug_assertions)]
    {
        static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
        let armed = ARMED.get_or_init(|| parse(&std::env::var("TOKENGINE_FAILPOINT").ok()?));
        if armed.as_ref().is_some_and(|armed| armed.is_due(name)) {
            eprintln!("fail point {name}: aborting");
            std::process::abort();
        }
    }
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn the_nth_hit_of_the_named_place_is_due() {
        let armed = parse("engine.after_append:3").expect("well formed");
        let hits =
            ["engine.after_append", "other", "engine.after_append", "engine.after_append", "engine.after_append"];
        assert_eq!(hits.map(|name| armed.is_due(name)), [false, false, false, true, false]);
        assert!(parse("a.b").expect("once").is_due("a.b"));
        assert!(parse("a.b:0").is_none() && parse("a.b:x").is_none());
    }
}
