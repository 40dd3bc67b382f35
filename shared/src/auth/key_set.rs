//! The issuer's keys: fetched when they are needed, and kept while they are good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::Algorithm;

use super::fetch::{FetchError, Fetched, Fetcher};
use super::jwk::Key;
use super::{AuthError, Clock};
use crate::config::KeySetUrl;
use crate::deadlines;

/// How long a set is fresh, in seconds, if the issuer does not say.
pub const DEFAULT_FRESH_SECONDS: f64 = 600.0;

/// How long, in seconds, a set that is no longer fresh is still good, if no newer one
/// can be fetched.
pub const MAX_STALE_SECONDS: f64 = 24.0 * 60.0 * 60.0;

/// The pause, in seconds, after a fetch that failed or that an unknown key caused.
/// Until it is over, no unknown key causes another fetch, and a good set is not
/// refreshed. So a flood of made-up keys, or an issuer that is down, costs next to
/// nothing.
pub const COOLDOWN_SECONDS: f64 = 30.0;

/// How long, in seconds, requests are refused at once after a failure while
/// there is no set at all.
pub const FIRST_FETCH_COOLDOWN_SECONDS: f64 = 2.0;

/// How long, in seconds, a set that is due for a refresh goes on serving while no
/// refresh comes to an end. After that, a request waits for one: otherwise a function
/// that is frozen in each refresh would accept a withdrawn key until the set is too old.
pub const PATIENCE_SECONDS: f64 = 600.0;

/// The least and the most that an issuer may say about freshness, in seconds: never so
/// short that every request fetches, never so long that a withdrawn key works for days.
const FRESH_SECONDS: (f64, f64) = (COOLDOWN_SECONDS, 24.0 * 60.0 * 60.0);

pub(super) struct KeySet {
    fetcher: Fetcher,
    clock: Clock,
    state: Mutex<State>,
    /// Held while fetching: requests that need the result wait for it.
    fetching: Arc<tokio::sync::Mutex<()>>,
}

/// All times are in seconds since 1970.
#[derive(Clone)]
struct State {
    keys: Arc<[Arc<Key>]>,
    /// When `keys` were fetched.
    fetched_at: f64,
    /// Until when they may be used.
    good_until: f64,
    /// When to fetch next, in the ordinary course of things.
    refresh_at: f64,
    /// From when on a request waits for that fetch. Not after `good_until`.
    wait_at: f64,
    /// Until this time, an unknown key does not lead to a fetch.
    unknown_after: f64,
    /// How many fetches have ended whose outcome a request that waits can take for
    /// its own.
    attempts: u64,
    /// Whether the last one failed.
    failed: bool,
}

impl KeySet {
    pub(super) fn new(url: KeySetUrl, clock: Clock) -> KeySet {
        KeySet {
            fetcher: Fetcher::new(url),
            clock,
            state: Mutex::new(State::empty()),
            fetching: Arc::default(),
        }
    }

    /// Fetches the set, if the issuer answers. If it does not, this does not count as
    /// an attempt: the first token tries again, without a cooldown.
    pub(super) async fn warm_up(&self) {
        let asked_at = (self.clock)();
        if let Ok(set) = self.fetcher.fetch().await {
            self.state().end(Ok(set), asked_at, asked_at);
        }
    }

    /// The keys that may have signed a token with `algorithm` and `kid`, at
    /// least one. Fetches the set at most once.
    ///
    /// A good set that has the keys serves at once, also when it is due for a refresh.
    pub(super) async fn find(
        self: &Arc<Self>,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Vec<Arc<Key>>, AuthError> {
        let now = (self.clock)();
        let seen = self.snapshot();
        // A clock that was put back would otherwise keep the set for ever.
        let is_due = now >= seen.refresh_at || now < seen.fetched_at;
        let keys = seen.find(kid, algorithm);
        // Some issuers make a key at the moment they first sign with it.
        let is_unknown = keys.is_empty() && now >= seen.unknown_after;
        if is_due && !keys.is_empty() && now < seen.wait_at {
            self.refresh();
        } else if is_due || is_unknown {
            let state = self.fetch(&seen, !is_due).await;
            return state.answer(state.find(kid, algorithm), kid, now);
        }
        seen.answer(keys, kid, now)
    }

    /// Fetches the set in a task of its own, unless somebody is fetching it.
    ///
    /// On Lambda, a process is frozen as soon as its request is answered, so the task
    /// may stop in the middle and go on with a request that comes hours later. Most
    /// likely its time is up then, or the connection is gone, which says nothing about
    /// the issuer; or it has an answer, whose age counts from when it asked
    /// ([`State::end_aside`]). A request that needs the issuer waits for the task to end,
    /// and asks the issuer itself if the task was frozen. [`PATIENCE_SECONDS`] is for
    /// functions with so little to do that no refresh ever ends in time.
    fn refresh(self: &Arc<Self>) {
        let Ok(fetching) = self.fetching.clone().try_lock_owned() else { return };
        let key_set = self.clone();
        tokio::spawn(async move {
            let _fetching = fetching;
            let asked_at = (key_set.clock)();
            let fetched = key_set.fetcher.fetch().await;
            let now = (key_set.clock)();
            key_set.state().end_aside(fetched, asked_at, now);
        });
    }

    /// The state after a fetch: this one, or that of somebody who was quicker. A fetch
    /// because of an unknown key is not repeated soon.
    async fn fetch(&self, seen: &State, for_unknown: bool) -> State {
        let _fetching = self.fetching.lock().await;
        if self.snapshot().attempts == seen.attempts {
            let asked_at = (self.clock)();
            let fetched = self.fetcher.fetch().await;
            // A fetch may take a while, which no cooldown should be shorter by.
            let now = (self.clock)();
            let mut state = self.state();
            state.end(fetched, asked_at, now);
            if for_unknown {
                state.unknown_after = now + COOLDOWN_SECONDS;
            }
        }
        self.snapshot()
    }

    fn snapshot(&self) -> State {
        self.state().clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is consistent between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Before the first fetch.
    fn empty() -> State {
        State {
            keys: Arc::new([]),
            fetched_at: f64::NEG_INFINITY,
            good_until: f64::NEG_INFINITY,
            refresh_at: f64::NEG_INFINITY,
            wait_at: f64::NEG_INFINITY,
            unknown_after: f64::NEG_INFINITY,
            attempts: 0,
            failed: false,
        }
    }

    /// A fetch that began at `asked_at` has ended.
    fn end(&mut self, fetched: Result<Fetched, FetchError>, asked_at: f64, now: f64) {
        self.attempts += 1;
        match fetched {
            Ok(set) => self.take(set, asked_at),
            Err(error) => self.fail(&error, now),
        }
    }

    /// A fetch that began at `asked_at` in a task of its own has ended.
    ///
    /// If that took much longer than a fetch may take, the process was frozen meanwhile.
    /// A set that came all the same is newer than the one that is kept. A failure is none
    /// of the issuer's: it is not logged, and the next refresh comes after a pause. Either
    /// way it does not count as an attempt, so a request that waits asks the issuer anew.
    fn end_aside(&mut self, fetched: Result<Fetched, FetchError>, asked_at: f64, now: f64) {
        let was_frozen = now - asked_at > 2.0 * deadlines::KEY_SET_FETCH.as_secs_f64();
        match fetched {
            fetched if !was_frozen => self.end(fetched, asked_at, now),
            Ok(set) => self.take(set, asked_at),
            Err(_) => self.refresh_at = (now + COOLDOWN_SECONDS).min(self.good_until),
        }
    }

    fn take(&mut self, set: Fetched, asked_at: f64) {
        let (least, most) = FRESH_SECONDS;
        let fresh = set.fresh_seconds.unwrap_or(DEFAULT_FRESH_SECONDS).clamp(least, most);
        self.keys = set.keys.into();
        self.fetched_at = asked_at;
        self.refresh_at = asked_at + fresh;
        self.wait_at = self.refresh_at + PATIENCE_SECONDS;
        self.good_until = self.refresh_at + MAX_STALE_SECONDS;
        self.failed = false;
    }

    fn fail(&mut self, error: &FetchError, now: f64) {
        if !self.failed {
            tracing::warn!(cause = %error, kept = self.keys.len(), "JWKS_URL returned no key set");
        }
        self.failed = true;
        self.unknown_after = now + COOLDOWN_SECONDS;
        self.wait_at = (now + PATIENCE_SECONDS).min(self.good_until);
        self.refresh_at = if now < self.good_until {
            // Once more before the old set is given up.
            (now + COOLDOWN_SECONDS).min(self.good_until)
        } else {
            now + FIRST_FETCH_COOLDOWN_SECONDS
        };
    }

    /// The answer for a token with `kid`, for which the set has `keys`.
    fn answer(
        &self,
        keys: Vec<Arc<Key>>,
        kid: Option<&str>,
        now: f64,
    ) -> Result<Vec<Arc<Key>>, AuthError> {
        if now >= self.good_until {
            Err(AuthError::Unavailable)
        } else if !keys.is_empty() {
            Ok(keys)
        } else if self.failed {
            // The issuer may have such a key by now.
            Err(AuthError::Unavailable)
        } else if kid.is_none() {
            Err(AuthError::NoKeyId)
        } else {
            Err(AuthError::UnknownKey)
        }
    }

    /// Several keys may share a `kid`; then the algorithm decides. A token without a
    /// `kid` is checked only if exactly one key fits.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Vec<Arc<Key>> {
        let fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        match kid {
            Some(kid) => fitting.filter(|key| key.id() == Some(kid)).cloned().collect(),
            None => {
                let all: Vec<_> = fitting.cloned().collect();
                if all.len() == 1 { all } else { Vec::new() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use jsonwebtoken::DecodingKey;

    use super::*;

    /// Fetched at 0, fresh for ten minutes.
    fn fetched() -> Fetched {
        let key = Key::new(None, &[Algorithm::EdDSA], DecodingKey::from_secret(b"any"));
        Fetched { keys: vec![Arc::new(key)], fresh_seconds: None }
    }

    fn with_good_set() -> State {
        let mut state = State::empty();
        state.end(Ok(fetched()), 0.0, 0.1);
        state
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// How many lines `act` logs.
    fn lines(act: impl FnOnce()) -> usize {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, act);
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        text.lines().count()
    }

    #[test]
    fn an_outage_is_logged_once_whoever_notices_it() {
        let mut state = with_good_set();
        let away = || Err(FetchError::Status(503));
        assert_eq!(lines(|| state.end_aside(away(), 600.0, 602.0)), 1);
        assert_eq!(lines(|| state.end_aside(away(), 632.0, 634.0)), 0);
        assert_eq!(lines(|| state.end(away(), 664.0, 666.0)), 0);
        assert_eq!(lines(|| state.end_aside(Ok(fetched()), 696.0, 696.1)), 0);
        assert_eq!(lines(|| state.end(away(), 1296.0, 1298.0)), 1, "the next outage");
    }

    #[test]
    fn a_failure_of_a_frozen_process_is_not_the_issuers() {
        let mut state = with_good_set();
        let before = state.clone();
        assert_eq!(lines(|| state.end_aside(Err(FetchError::Timeout), 600.0, 4200.0)), 0);
        assert!(!state.failed);
        assert_eq!(state.unknown_after, before.unknown_after, "unknown keys are asked for");
        assert_eq!(state.attempts, before.attempts, "who waits asks the issuer itself");
        assert_eq!(state.refresh_at, 4200.0 + COOLDOWN_SECONDS);
        assert_eq!(state.wait_at, before.wait_at, "patience does not start anew");
        assert_eq!(state.good_until, before.good_until);
        let a_day_later = before.good_until + 5.0;
        state.end_aside(Err(FetchError::Timeout), 4230.0, a_day_later);
        assert!(state.refresh_at <= a_day_later, "a set that is too old is due at once");
    }

    #[test]
    fn a_set_that_a_frozen_process_gets_is_as_old_as_its_question() {
        let mut state = with_good_set();
        state.end_aside(Ok(fetched()), 600.0, 4200.0);
        assert_eq!(state.refresh_at, 600.0 + DEFAULT_FRESH_SECONDS);
        assert_eq!(state.attempts, 1, "who waits asks the issuer itself");
    }

    #[test]
    fn nobody_waits_for_an_issuer_that_is_known_to_be_away_while_the_set_is_good() {
        let mut state = with_good_set();
        let mut now = 600.0;
        while now < state.good_until {
            assert!(now < state.wait_at, "{now}");
            state.end_aside(Err(FetchError::Timeout), now, now + 2.0);
            now = state.refresh_at;
        }
        assert!(state.wait_at <= state.good_until);
    }
}
