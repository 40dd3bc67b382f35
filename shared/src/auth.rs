//! Identity: from an `Authorization` header to a [`User`].
//!
//! A `User` exists only as the result of [`Verifier::verify`], which makes
//! these checks in this order (RFC 6750, RFC 7515, RFC 7519, RFC 8725):
//!
//! 1. `Authorization: Bearer <token>`: the scheme in any case, one token, at
//!    most [`MAX_TOKEN_BYTES`] long.
//! 2. The token's header: `alg` is supported, `crit` is absent, and `typ`, if
//!    present, is that of an access token. `jwk`, `jku`, `x5u` and `x5c` are
//!    ignored.
//! 3. The key: for HS256 the shared secret; otherwise the key of the issuer's
//!    key set with the token's `kid` and a fitting `kty`, `crv`, `use` and
//!    `alg`. A secret is never compared with a public key, nor the reverse.
//! 4. The signature.
//! 5. `exp` is required and has not passed; `nbf`, if present, does not lie in the
//!    future. Clocks may differ by [`LEEWAY_SECONDS`].
//! 6. `iss`, `aud` and `client_id` or `azp` as configured; no refresh token
//!    (`type`, `token_use` or `typ`) and no ID token (`token_use` or `typ`).
//! 7. `sub`: a string of 1 to [`MAX_SUBJECT_BYTES`] bytes, not only white space
//!    and control characters. No other claim is ever taken for the user.
//!
//! A token may be for reading only: its `scope` (RFC 9068 section 2.2.3) or `scp` then has
//! [`READ_SCOPE`] and not [`WRITE_SCOPE`]. One that has neither may do everything.
//!
//! `docs/authentication.md` has the settings for each issuer.

mod algorithm;
mod bearer;
mod claims;
mod crypto;
mod error;
mod fetch;
mod jwk;
mod key_set;
mod token;

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey};

pub use bearer::MAX_TOKEN_BYTES;
pub use claims::{LAST_EXPIRY, LEEWAY_SECONDS, MAX_SUBJECT_BYTES, READ_SCOPE, WRITE_SCOPE};
pub use error::AuthError;
pub use fetch::MAX_KEY_SET_BYTES;
pub use key_set::{
    COOLDOWN_SECONDS, DEFAULT_FRESH_SECONDS, FIRST_FETCH_COOLDOWN_SECONDS, MAX_STALE_SECONDS,
    PATIENCE_SECONDS,
};

use crate::config::{Identity, Secret};
use claims::Claims;
use jwk::Key;
use key_set::KeySet;
use token::Token;

/// A user whose token was verified.
///
/// Only [`Verifier::verify`] makes one, and the store requires one, so no endpoint
/// can forget to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    id: String,
    access: Access,
}

/// What the scopes of a token allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// They say nothing about tasks.
    Unscoped,
    Read,
    Write,
}

impl User {
    /// The issuer's name for the user: the token's `sub`, 1 to 1,024 bytes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the user, if the token may read: unless a scope is `required`, each may.
    ///
    /// # Errors
    ///
    /// [`AuthError::Scope`] otherwise.
    pub fn reading(self, required: bool) -> Result<User, AuthError> {
        match self.access {
            Access::Unscoped if required => Err(AuthError::Scope(READ_SCOPE)),
            _ => Ok(self),
        }
    }

    /// Returns the user, if the token may write: it must not be for reading only and, if a scope
    /// is `required`, have that.
    ///
    /// # Errors
    ///
    /// [`AuthError::Scope`] otherwise.
    pub fn writing(self, required: bool) -> Result<User, AuthError> {
        match self.access {
            Access::Write => Ok(self),
            Access::Unscoped if !required => Ok(self),
            _ => Err(AuthError::Scope(WRITE_SCOPE)),
        }
    }
}

#[cfg(test)]
impl User {
    /// A user for tests of what comes after authentication.
    pub(crate) fn named(name: &str) -> User {
        User { id: name.to_owned(), access: Access::Unscoped }
    }
}

/// Returns the time in seconds since 1970.
pub type Clock = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Verifies tokens against the configured identity.
pub struct Verifier {
    secret: Option<Arc<Key>>,
    key_set: Option<Arc<KeySet>>,
    issuer: Option<String>,
    audience: Option<String>,
    client_id: Option<String>,
    clock: Clock,
}

impl Verifier {
    /// A verifier of the tokens that `identity` describes. It fetches nothing
    /// before the first token that needs a key set.
    #[must_use]
    pub fn new(identity: &Identity) -> Verifier {
        let clock = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Verifier::with_clock(identity, Arc::new(move || clock().as_secs_f64()))
    }

    /// Fetches the key set, if one is configured, before the first token needs it.
    pub(crate) async fn warm_up(&self) {
        if let Some(key_set) = &self.key_set {
            key_set.warm_up().await;
        }
    }

    /// As [`Verifier::new`], with `clock` for the time.
    #[must_use]
    pub fn with_clock(identity: &Identity, clock: Clock) -> Verifier {
        crypto::install();
        let shared = |secret: &Secret| {
            let key = DecodingKey::from_secret(secret.expose().as_bytes());
            Arc::new(Key::new(None, &[Algorithm::HS256], key))
        };
        let key_set = |url| Arc::new(KeySet::new(url, clock.clone()));
        Verifier {
            secret: identity.secret.as_ref().map(shared),
            key_set: identity.key_set.clone().map(key_set),
            issuer: identity.issuer.clone(),
            audience: identity.audience.clone(),
            client_id: identity.client_id.clone(),
            clock,
        }
    }

    /// Returns the user whose token is in `authorization`: the value of that
    /// header, or `None` if the request has no such header.
    ///
    /// # Errors
    ///
    /// An [`AuthError`] for the first of the checks (see the [module](self))
    /// that fails; [`AuthError::Unavailable`] if the issuer's keys cannot be
    /// fetched.
    pub async fn verify(&self, authorization: Option<&[u8]>) -> Result<User, AuthError> {
        let bearer = bearer::token(authorization)?; // 1
        let token = Token::parse(bearer)?; // 2
        let keys = self.keys(&token).await?; // 3
        token.check_signature(&keys)?; // 4
        let claims = Claims::parse(token.payload())?;
        claims.check_times((self.clock)())?; // 5
        claims.check_issuer(self.issuer.as_deref())?; // 6
        claims.check_audience(self.audience.as_deref(), self.client_id.as_deref())?;
        claims.check_is_access_token()?;
        let access = claims.access();
        let id = claims.subject()?; // 7
        Ok(User { id, access })
    }

    /// Check 3: the keys that may have signed `token`, at least one.
    async fn keys(&self, token: &Token<'_>) -> Result<Vec<Arc<Key>>, AuthError> {
        match (token.algorithm(), &self.secret, &self.key_set) {
            (Algorithm::HS256, Some(secret), _) => Ok(vec![secret.clone()]),
            (Algorithm::HS256, None, _) | (_, _, None) => Err(AuthError::Algorithm),
            (algorithm, _, Some(key_set)) => key_set.find(token.key_id(), algorithm).await,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
