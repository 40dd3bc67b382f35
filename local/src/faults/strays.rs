//! Requests that arrive after their client has given up.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// The requests that have gone astray ([`super::Fault::Stray`]).
#[derive(Debug, Default)]
pub(super) struct Strays {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: Vec<Stray>,
    /// How many have gone astray and have no answer from DynamoDB yet.
    unanswered: usize,
}

/// A request that is held back.
#[derive(Debug)]
struct Stray {
    operation: String,
    /// It arrives once DynamoDB has executed this many requests of its operation.
    after: u64,
    release: oneshot::Sender<()>,
}

impl Strays {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request of `operation`, of which DynamoDB has executed `executed` so far.
    /// The receiver resolves when the request may arrive.
    pub(super) fn add(&self, operation: &str, executed: u64) -> oneshot::Receiver<()> {
        let (release, released) = oneshot::channel();
        // Mostly soon, to meet its own retries, and sometimes late.
        let overtaking = 1 << fastrand::u32(0..7);
        let (operation, after) = (operation.to_owned(), executed + overtaking);
        let mut state = self.state();
        state.held.push(Stray { operation, after, release });
        state.unanswered += 1;
        released
    }

    /// Releases the requests of `operation` that were waiting for `executed` others.
    pub(super) fn release(&self, operation: &str, executed: u64) {
        self.release_if(|stray| stray.operation == operation && stray.after <= executed);
    }

    /// Releases all of them.
    pub(super) fn release_all(&self) {
        self.release_if(|_| true);
    }

    fn release_if(&self, is_due: impl Fn(&Stray) -> bool) {
        for stray in self.state().held.extract_if(.., |stray| is_due(stray)) {
            // Nobody receives this once the proxy is gone.
            let _ = stray.release.send(());
        }
    }

    /// Counts one that DynamoDB has answered.
    pub(super) fn answered(&self) {
        self.state().unanswered -= 1;
    }

    /// How many DynamoDB has not answered yet.
    pub(super) fn unanswered(&self) -> usize {
        self.state().unanswered
    }
}
