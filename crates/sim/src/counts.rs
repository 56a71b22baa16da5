//! How often everything came up that can: a counter that stays at zero says that nothing was proven about it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Counters by name, over one run or many.
#[derive(Clone, Debug, Default)]
pub struct Counts(BTreeMap<String, u64>);

impl Counts {
    /// One more.
    pub fn hit(&mut self, name: impl Into<String>) {
        self.add(name, 1);
    }

    /// So many more; with none, the name is known from then on.
    pub fn add(&mut self, name: impl Into<String>, times: u64) {
        *self.0.entry(name.into()).or_default() += times;
    }

    /// Adds another run's.
    pub fn merge(&mut self, other: &Self) {
        for (name, times) in &other.0 {
            self.add(name.as_str(), *times);
        }
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, times)| (name.as_str(), *times))
    }

    /// How often that was.
    pub fn of(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// The counters of one run, from everywhere in it.
#[derive(Clone, Debug, Default)]
pub struct Tally(Rc<RefCell<Counts>>);

impl Tally {
    /// One more.
    pub fn hit(&self, name: impl Into<String>) {
        self.0.borrow_mut().hit(name);
    }

    /// So many more.
    pub fn add(&self, name: impl Into<String>, times: u64) {
        self.0.borrow_mut().add(name, times);
    }

    /// As of now.
    pub fn counts(&self) -> Counts {
        self.0.borrow().clone()
    }
}
