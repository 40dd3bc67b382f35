//! The clock of a function.

#[cfg(feature = "tools")]
use std::sync::Arc;
#[cfg(feature = "tools")]
use std::sync::atomic::{AtomicI64, Ordering};

use crate::task::{TaskId, Timestamp};

/// The system clock, or one that a test sets.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds since 1970, if a test sets them.
    #[cfg(feature = "tools")]
    set: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// Returns a clock that shows these milliseconds since 1970.
    #[cfg(feature = "tools")]
    #[must_use]
    pub fn set(millis: Arc<AtomicI64>) -> Clock {
        Clock { set: Some(millis) }
    }

    /// Returns the current moment.
    pub(super) fn now(&self) -> Timestamp {
        #[cfg(feature = "tools")]
        if let Some(millis) = &self.set {
            return Timestamp::from_unix_millis(millis.load(Ordering::Relaxed));
        }
        Timestamp::now()
    }

    /// Returns an id for a task that is created now.
    pub(super) fn new_id(&self) -> TaskId {
        #[cfg(feature = "tools")]
        if self.set.is_some() {
            return TaskId::at(self.now());
        }
        TaskId::new()
    }
}
