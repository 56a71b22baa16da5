//! Moves that come one a request, handed to the engine together: one message to the writer and one wake-up back for all
//! requests that a thread has read at once, instead of one for each.
//!
//! Nothing waits for a timer: what is there when the thread has looked at all it was woken for goes at once. The engine
//! decides each by itself, in the order they came.

use crate::Problem;
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokengine_core::Command;
use tokengine_engine::{Done, Error, Handle, Lane};
use tokio::sync::oneshot;

type Reply = oneshot::Sender<Result<Done, Problem>>;

/// Threads share a place only if there are more of them.
const PLACES: usize = 16;

#[derive(Default)]
struct Place {
    commands: Vec<Command>,
    replies: Vec<Reply>,
}

/// What gathers, a place for each thread.
#[derive(Default)]
pub(crate) struct Gather([Mutex<Place>; PLACES]);

fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OURS: Cell<usize> = Cell::new(NEXT.fetch_add(1, Ordering::Relaxed) % PLACES));
    OURS.get()
}

/// Hands a client's command over with those that come at the same moment, and waits for its answer. Dropping the future
/// does not take it back.
pub(crate) async fn submit(app: &crate::app::Shared, command: Command) -> Result<Done, Problem> {
    let (send, receive) = oneshot::channel();
    let at = place();
    let first = {
        let mut place = app.gather.0[at].lock().expect("nobody panics while holding it");
        place.commands.push(command);
        place.replies.push(send);
        place.replies.len() == 1
    };
    if first {
        let app = std::sync::Arc::clone(app);
        tokio::spawn(async move {
            // Behind everything that is ready now.
            tokio::task::yield_now().await;
            let place = std::mem::take(&mut *app.gather.0[at].lock().expect("nobody panics while holding it"));
            hand_over(&app.engine, place).await;
        });
    }
    receive.await.unwrap_or_else(|_| Err(Error::Stopped.into()))
}

async fn hand_over(engine: &Handle, place: Place) {
    let Place { commands, replies } = place;
    // Who has hung up meanwhile will ask again under the same key.
    match engine.submit_many(Lane::Client, commands).await {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                let _ = reply.send(answer.map_err(Problem::from));
            }
        }
        Err(error) => {
            for reply in replies {
                let _ = reply.send(Err(error.clone().into()));
            }
        }
    }
}
