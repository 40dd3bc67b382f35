//! The names of signature algorithms.

use jsonwebtoken::Algorithm;

use super::AuthError;

/// The algorithms of the registry that are not supported, so that a refusal can
/// name them.
/// <https://www.iana.org/assignments/jose/jose.xhtml>
const UNSUPPORTED: [&str; 9] =
    ["ES256K", "ES512", "Ed448", "HS384", "HS512", "PS384", "PS512", "RS384", "RS512"];

/// The signature algorithm that a token's header names.
pub(super) fn algorithm(name: &str) -> Result<Algorithm, AuthError> {
    if name == "HS256" {
        return Ok(Algorithm::HS256);
    }
    public_key_algorithm(name).ok_or_else(|| {
        let known = UNSUPPORTED.into_iter().find(|known| *known == name);
        known.map_or(AuthError::Algorithm, AuthError::Unsupported)
    })
}

/// The signature algorithm with a public key that `name` stands for (RFC 7518
/// section 3.1, RFC 8037 section 3.1, RFC 9864 section 2.2).
pub(super) fn public_key_algorithm(name: &str) -> Option<Algorithm> {
    match name {
        "EdDSA" | "Ed25519" => Some(Algorithm::EdDSA),
        "ES256" => Some(Algorithm::ES256),
        "ES384" => Some(Algorithm::ES384),
        "PS256" => Some(Algorithm::PS256),
        "RS256" => Some(Algorithm::RS256),
        _ => None,
    }
}
