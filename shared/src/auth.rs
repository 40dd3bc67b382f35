//! Identity: from an `Authorization` header to a [`User`].
//!
//! A `User` exists only as the result of [`Verifier::verify`], which makes
//! these checks in this order (RFC 6750, RFC 7515, RFC 7519, RFC 8725):
//!
//! 1. `Authorization: Bearer <token>`: the scheme in any case, one token, at
//!    most [`MAX_TOKEN_BYTES`] long.
//! 2. The token's header: `alg` is one that the configuration allows, `crit`
//!    is absent, `typ` says access token or nothing. `jwk`, `jku`, `x5u` and
//!    `x5c` are never looked at.
//! 3. The key: for HS256 the shared secret. A key is made for one algorithm,
//!    so a token cannot choose how its key is used.
//! 4. The signature.
//! 5. `exp` is required and not past; `nbf`, if present, is not to come;
//!    either may be off by [`LEEWAY_SECONDS`].
//! 6. `iss` and `aud` as configured; no refresh token (`type` or `token_use`).
//! 7. `sub`: a string of 1 to [`MAX_SUBJECT_BYTES`] bytes. Nothing else is
//!    ever taken for the user.

mod bearer;
mod claims;
mod crypto;
mod error;
mod token;

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::DecodingKey;

pub use bearer::MAX_TOKEN_BYTES;
pub use claims::{LAST_EXPIRY, LEEWAY_SECONDS, MAX_SUBJECT_BYTES};
pub use crypto::install as install_crypto;
pub use error::AuthError;

use crate::config::Identity;
use claims::Claims;
use token::Token;

/// Somebody whose token was verified.
///
/// There is no other way to make one, and the store asks for one: that is how
/// an endpoint cannot forget to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    id: String,
}

impl User {
    /// The issuer's name for the user: the token's `sub`, 1 to 1,024 bytes.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Verifies tokens against the configured identity.
#[derive(Debug)]
pub struct Verifier {
    secret: DecodingKey,
    issuer: Option<String>,
    audience: Option<String>,
}

impl Verifier {
    /// A verifier of the tokens that `identity` describes.
    #[must_use]
    pub fn new(identity: &Identity) -> Verifier {
        crypto::install();
        Verifier {
            secret: DecodingKey::from_secret(identity.secret.expose().as_bytes()),
            issuer: identity.issuer.clone(),
            audience: identity.audience.clone(),
        }
    }

    /// The user whose token stands in `authorization`, the value of that
    /// header; `None` where the request has none.
    ///
    /// # Errors
    ///
    /// An [`AuthError`] for the first of the checks (see the [module](self))
    /// that fails.
    pub fn verify(&self, authorization: Option<&[u8]>) -> Result<User, AuthError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.verify_at(authorization, now.as_secs_f64())
    }

    /// [`Verifier::verify`] at the time `now`, in seconds since 1970.
    fn verify_at(&self, authorization: Option<&[u8]>, now: f64) -> Result<User, AuthError> {
        let bearer = bearer::token(authorization)?; // 1
        let token = Token::parse(bearer)?; // 2
        let key = &self.secret; // 3
        token.check_signature(key)?; // 4
        let claims = Claims::parse(token.payload())?;
        claims.check_times(now)?; // 5
        claims.check_issued_for(self.issuer.as_deref(), self.audience.as_deref())?; // 6
        let id = claims.subject()?; // 7
        Ok(User { id })
    }
}

#[cfg(test)]
mod tests;
