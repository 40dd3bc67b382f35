//! The issuer's keys, fetched when they are needed and kept for as long as
//! they are good.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jsonwebtoken::Algorithm;

use super::AuthError;
use super::fetch::Fetcher;
use super::jwk::Key;
use crate::config::KeySetUrl;

/// How long a set is fresh, in seconds, if the issuer does not say.
pub const DEFAULT_FRESH_SECONDS: f64 = 600.0;

/// How long a set is used, in seconds, while no newer one can be fetched.
pub const MAX_STALE_SECONDS: f64 = 24.0 * 60.0 * 60.0;

/// How long, in seconds, no set is fetched again because of an unknown key or
/// a failure, so that a flood of made-up keys or an issuer that is down costs
/// next to nothing.
pub const COOLDOWN_SECONDS: f64 = 30.0;

/// How long, in seconds, requests are refused at once after a failure while
/// there is no set at all.
const FIRST_FETCH_COOLDOWN_SECONDS: f64 = 2.0;

/// The bounds of what an issuer may say about freshness, in seconds: never so
/// short that every request fetches, never longer than a stale set is used.
const FRESH_SECONDS: (f64, f64) = (COOLDOWN_SECONDS, MAX_STALE_SECONDS);

pub(super) struct KeySet {
    fetcher: Fetcher,
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
    pub(super) fn new(url: KeySetUrl) -> KeySet {
        let state = State {
            keys: Arc::new([]),
            fetched_at: f64::NEG_INFINITY,
            refresh_at: f64::NEG_INFINITY,
            unknown_after: f64::NEG_INFINITY,
            attempts: 0,
            failed: false,
        };
        KeySet {
            fetcher: Fetcher::new(url),
            state: Mutex::new(state),
            fetching: tokio::sync::Mutex::new(()),
        }
    }

    /// The keys that may have signed a token with `algorithm` and `kid`, at
    /// least one.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: f64,
    ) -> Result<Vec<Arc<Key>>, AuthError> {
        let mut state = self.snapshot();
        if now >= state.refresh_at {
            state = self.fetch(&state, now).await;
        }
        if now - state.fetched_at > MAX_STALE_SECONDS {
            return Err(AuthError::Unavailable);
        }
        let mut keys = state.find(kid, algorithm);
        if keys.is_empty() && now >= state.unknown_after {
            // Some issuers make a key at the moment they first sign with it.
            state = self.fetch(&state, now).await;
            self.state().unknown_after = now + COOLDOWN_SECONDS;
            keys = state.find(kid, algorithm);
        }
        if keys.is_empty() { Err(AuthError::UnknownKey) } else { Ok(keys) }
    }

    /// The state after a fetch that began after `seen` was looked at: this
    /// one, or that of a request that came first.
    async fn fetch(&self, seen: &State, now: f64) -> State {
        let _fetching = self.fetching.lock().await;
        if self.snapshot().attempts == seen.attempts {
            let fetched = self.fetcher.fetch().await;
            let mut state = self.state();
            state.attempts += 1;
            match fetched {
                Ok(set) => {
                    let (least, most) = FRESH_SECONDS;
                    let fresh = set.max_age_seconds.unwrap_or(DEFAULT_FRESH_SECONDS);
                    state.keys = set.keys.into();
                    state.fetched_at = now;
                    state.refresh_at = now + fresh.clamp(least, most);
                    state.failed = false;
                }
                Err(error) => {
                    if !state.failed {
                        let kept = state.keys.len();
                        tracing::warn!(cause = %error, kept, "JWKS_URL gives no key set");
                    }
                    let has_set = now - state.fetched_at <= MAX_STALE_SECONDS;
                    let cooldown =
                        if has_set { COOLDOWN_SECONDS } else { FIRST_FETCH_COOLDOWN_SECONDS };
                    state.refresh_at = now + cooldown;
                    state.failed = true;
                }
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
