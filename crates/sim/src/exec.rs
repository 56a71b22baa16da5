//! Futures that are polled by hand, in an order that a seed chooses, and dropped at any moment.
//!
//! The clock and its timers are tokio's, paused: time moves only when nothing else can, and then to the next timer.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Wakes the scheduler itself, which sleeps when no task can go on.
#[derive(Default)]
pub struct Alarm(Mutex<Option<Waker>>);

impl Alarm {
    fn ring(&self) {
        if let Some(waker) = self.0.lock().expect("nobody panics while holding it").take() {
            waker.wake();
        }
    }
}

struct Flag {
    ready: AtomicBool,
    alarm: Arc<Alarm>,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.store(true, Ordering::Relaxed);
        self.alarm.ring();
    }
}

struct Task {
    name: &'static str,
    future: Pin<Box<dyn Future<Output = ()>>>,
    flag: Arc<Flag>,
    waker: Waker,
}

type New = (&'static str, Pin<Box<dyn Future<Output = ()>>>);

/// Lets tasks begin others in their own group.
#[derive(Clone, Default)]
pub struct Spawner(Rc<RefCell<Vec<New>>>);

impl Spawner {
    /// Begins a task; it is polled for the first time when its turn comes.
    pub fn spawn(&self, name: &'static str, future: impl Future<Output = ()> + 'static) {
        self.0.borrow_mut().push((name, Box::pin(future)));
    }
}

/// A group of tasks that live and die together.
pub struct Tasks {
    tasks: Vec<Task>,
    alarm: Arc<Alarm>,
    spawner: Spawner,
}

impl Tasks {
    /// No tasks yet.
    pub fn new(alarm: &Arc<Alarm>) -> Self {
        Self { tasks: Vec::new(), alarm: Arc::clone(alarm), spawner: Spawner::default() }
    }

    /// For tasks that begin tasks.
    pub fn spawner(&self) -> Spawner {
        self.spawner.clone()
    }

    fn adopt(&mut self) {
        for (name, future) in self.spawner.0.borrow_mut().drain(..) {
            let flag = Arc::new(Flag { ready: AtomicBool::new(true), alarm: Arc::clone(&self.alarm) });
            let waker = Waker::from(Arc::clone(&flag));
            self.tasks.push(Task { name, future, flag, waker });
        }
    }

    /// Which of them can go on.
    pub fn ready(&mut self) -> Vec<usize> {
        self.adopt();
        let ready = |(ix, task): (usize, &Task)| task.flag.ready.load(Ordering::Relaxed).then_some(ix);
        self.tasks.iter().enumerate().filter_map(ready).collect()
    }

    /// Whether any can go on.
    pub fn has_ready(&self) -> bool {
        !self.spawner.0.borrow().is_empty() || self.tasks.iter().any(|task| task.flag.ready.load(Ordering::Relaxed))
    }

    /// Lets one go on until it waits again or ends; returns its name.
    pub fn poll(&mut self, ix: usize) -> &'static str {
        let task = &mut self.tasks[ix];
        task.flag.ready.store(false, Ordering::Relaxed);
        let (name, waker) = (task.name, task.waker.clone());
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.tasks.remove(ix);
        }
        name
    }

    /// Whether there is none.
    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.spawner.0.borrow().is_empty()
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.tasks.iter().map(|task| task.name)
    }
}

/// Waits until a task of any group can go on, or `due` has come.
pub async fn idle(alarm: &Alarm, due: tokio::time::Instant, can_go_on: impl Fn() -> bool) {
    let mut sleep = std::pin::pin!(tokio::time::sleep_until(due));
    std::future::poll_fn(|context| {
        *alarm.0.lock().expect("nobody panics while holding it") = Some(context.waker().clone());
        if can_go_on() { Poll::Ready(()) } else { sleep.as_mut().poll(context) }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::Instant;

    #[test]
    fn time_moves_only_when_nothing_else_can() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("built").block_on(async {
            let alarm = Arc::new(Alarm::default());
            let mut tasks = Tasks::new(&alarm);
            let told = Rc::new(RefCell::new(Vec::new()));
            for (name, ms) in [("late", 50), ("soon", 10)] {
                let told = Rc::clone(&told);
                tasks.spawner().spawn(name, async move {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    told.borrow_mut().push(name);
                });
            }
            let start = Instant::now();
            while !tasks.is_empty() {
                match tasks.ready().first() {
                    Some(ix) => drop(tasks.poll(*ix)),
                    None => idle(&alarm, start + Duration::from_secs(9), || tasks.has_ready()).await,
                }
            }
            assert_eq!(*told.borrow(), ["soon", "late"]);
            assert_eq!(start.elapsed(), Duration::from_millis(50));
        });
    }
}
