//! The issuer's keys, fetched when they are needed and kept for as long as
//! they are good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::Algorithm;

use super::fetch::{FetchError, Fetched, Fetcher};
use super::jwk::Key;
use super::{AuthError, Clock};
use crate::config::KeySetUrl;

/// How long a set is fresh, in seconds, if the issuer does not say.
pub const DEFAULT_FRESH_SECONDS: f64 = 600.0;

/// How long a set is used, in seconds, after it was fresh, while no newer one
/// can be fetched.
pub const MAX_STALE_SECONDS: f64 = 24.0 * 60.0 * 60.0;

/// How long, in seconds, no set is fetched again because of an unknown key or
/// a failure, so that a flood of made-up keys or an issuer that is down costs
/// next to nothing.
pub const COOLDOWN_SECONDS: f64 = 30.0;

/// How long, in seconds, requests are refused at once after a failure while
/// there is no set at all.
pub const FIRST_FETCH_COOLDOWN_SECONDS: f64 = 2.0;

/// The bounds of what an issuer may say about freshness, in seconds: never so
/// short that every request fetches, never so long that a key that was
/// withdrawn goes on working for days.
const FRESH_SECONDS: (f64, f64) = (COOLDOWN_SECONDS, 24.0 * 60.0 * 60.0);

pub(super) struct KeySet {
    fetcher: Fetcher,
    clock: Clock,
    state: Mutex<State>,
    /// Held while fetching: requests that come meanwhile wait for the result.
    fetching: tokio::sync::Mutex<()>,
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
    /// Before this, an unknown key does not lead to a fetch.
    unknown_after: f64,
    /// How many fetches have ended.
    attempts: u64,
    /// Whether the last one failed.
    failed: bool,
}

impl KeySet {
    pub(super) fn new(url: KeySetUrl, clock: Clock) -> KeySet {
        let state = State {
            keys: Arc::new([]),
            fetched_at: f64::NEG_INFINITY,
            good_until: f64::NEG_INFINITY,
            refresh_at: f64::NEG_INFINITY,
            unknown_after: f64::NEG_INFINITY,
            attempts: 0,
            failed: false,
        };
        KeySet {
            fetcher: Fetcher::new(url),
            clock,
            state: Mutex::new(state),
            fetching: tokio::sync::Mutex::new(()),
        }
    }

    /// Fetches the set, if the issuer is there. If it is not, nothing has
    /// happened: the first token tries again, and need not wait for that.
    pub(super) async fn warm_up(&self) {
        let asked_at = (self.clock)();
        if let Ok(set) = self.fetcher.fetch().await {
            let mut state = self.state();
            state.attempts += 1;
            state.take(set, asked_at);
        }
    }

    /// The keys that may have signed a token with `algorithm` and `kid`, at
    /// least one. Fetches the set at most once.
    pub(super) async fn find(
        &self,
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
        if !is_due && !is_unknown {
            return seen.answer(keys, kid, now);
        }
        let state = self.fetch(&seen, !is_due).await;
        state.answer(state.find(kid, algorithm), kid, now)
    }

    /// The state after a fetch: this one, or that of a request that was
    /// quicker. A fetch because of an unknown key is not repeated soon.
    async fn fetch(&self, seen: &State, for_unknown: bool) -> State {
        let _fetching = self.fetching.lock().await;
        if self.snapshot().attempts == seen.attempts {
            let asked_at = (self.clock)();
            let fetched = self.fetcher.fetch().await;
            // A fetch may take a while, which no cooldown should be shorter by.
            let now = (self.clock)();
            let mut state = self.state();
            state.attempts += 1;
            if for_unknown || fetched.is_err() {
                state.unknown_after = now + COOLDOWN_SECONDS;
            }
            match fetched {
                Ok(set) => state.take(set, asked_at),
                Err(error) => state.fail(&error, now),
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
    fn take(&mut self, set: Fetched, asked_at: f64) {
        let (least, most) = FRESH_SECONDS;
        let fresh = set.fresh_seconds.unwrap_or(DEFAULT_FRESH_SECONDS).clamp(least, most);
        self.keys = set.keys.into();
        self.fetched_at = asked_at;
        self.refresh_at = asked_at + fresh;
        self.good_until = self.refresh_at + MAX_STALE_SECONDS;
        self.failed = false;
    }

    fn fail(&mut self, error: &FetchError, now: f64) {
        if !self.failed {
            tracing::warn!(cause = %error, kept = self.keys.len(), "JWKS_URL gives no key set");
        }
        self.failed = true;
        self.refresh_at = if now < self.good_until {
            // Once more before the old set is given up.
            (now + COOLDOWN_SECONDS).min(self.good_until)
        } else {
            now + FIRST_FETCH_COOLDOWN_SECONDS
        };
    }

    /// What is known about a token with `kid` whose keys are `keys`.
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
            // The issuer may well have such a key by now.
            Err(AuthError::Unavailable)
        } else if kid.is_none() {
            Err(AuthError::NoKeyId)
        } else {
            Err(AuthError::UnknownKey)
        }
    }

    /// Several keys may share a `kid`, of which the type decides. A token
    /// without one is only tried with a key that leaves no choice.
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
