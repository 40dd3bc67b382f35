//! Why a token is refused.

use std::fmt;

use super::MAX_TOKEN_BYTES;

/// Why a request could not be authenticated.
///
/// The caller reads the text. It says what is wrong with the token, and reveals
/// neither a key nor a value that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthError {
    /// The request carries no `Authorization` header.
    Missing,
    /// The header does not hold exactly one Bearer token.
    NotBearer,
    /// The token is longer than [`MAX_TOKEN_BYTES`].
    TooLong,
    /// The token is not a JWT of the accepted form.
    Malformed,
    /// The token's algorithm is unknown, or the settings have no key for it.
    Algorithm,
    /// The token's algorithm is this one, which is known but not supported.
    Unsupported(&'static str),
    /// The issuer publishes no key with the token's `kid` and algorithm.
    UnknownKey,
    /// The token has no `kid`, and the key set does not have exactly one key for its
    /// algorithm.
    NoKeyId,
    /// The issuer's keys cannot be fetched, so the token may be good or not.
    Unavailable,
    /// None of the issuer's keys made the signature.
    Signature,
    /// `exp` is missing, or is not a time.
    NoExpiry,
    /// `exp` has passed.
    Expired,
    /// `nbf` lies in the future, or is not a time.
    NotYetValid,
    /// `iss` is not the configured issuer.
    Issuer,
    /// `aud` does not name this API.
    Audience,
    /// Neither `client_id` nor `azp` is the configured client.
    Client,
    /// The token is not an access token.
    NotAccess,
    /// `sub` names no user.
    Subject,
    /// The token lacks this scope.
    Scope(&'static str),
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            AuthError::TooLong => {
                return write!(f, "The token is longer than {MAX_TOKEN_BYTES} bytes");
            }
            AuthError::Unsupported(name) => {
                return write!(f, "The token's algorithm {name} is not supported");
            }
            AuthError::Scope(scope) => return write!(f, "The token lacks the scope {scope}"),
            AuthError::UnknownKey => {
                "The token is signed with a key that the issuer does not publish"
            }
            AuthError::NoKeyId => "The token does not say which key it is signed with (kid)",
            AuthError::Unavailable => {
                "The token cannot be checked at the moment; try again shortly"
            }
            AuthError::Missing => "Not authenticated: send Authorization: Bearer <token>",
            AuthError::NotBearer => "The Authorization header must be: Bearer <token>",
            AuthError::Malformed => "The token is not a well-formed JWT",
            AuthError::Algorithm => "The token is signed with an algorithm that is not accepted",
            AuthError::Signature => "The token's signature is not valid",
            AuthError::NoExpiry => "The token has no valid expiry (exp)",
            AuthError::Expired => "The token has expired",
            AuthError::NotYetValid => "The token is not valid yet (nbf)",
            AuthError::Issuer => "The token is from another issuer (iss)",
            AuthError::Audience => "The token is not meant for this API (aud)",
            AuthError::Client => "The token was issued to another client (client_id, azp)",
            AuthError::NotAccess => "The token is not an access token",
            AuthError::Subject => "The token names no user (sub)",
        };
        f.write_str(text)
    }
}

impl std::error::Error for AuthError {}
