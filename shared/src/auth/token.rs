//! Checks 2 and 4: a token's form, header and signature (RFC 7515).

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::AuthError;
use super::algorithm::algorithm;
use super::jwk::Key;
use crate::json;

/// A signed token in compact form whose header has been checked. Its payload
/// cannot be trusted before [`Token::check_signature`].
pub(super) struct Token<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    signed: &'a str,
    signature: &'a str,
    payload: Vec<u8>,
}

/// The header parameters that are read. `jwk`, `jku`, `x5u` and `x5c` are not
/// among them: a token does not bring its own key.
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

/// Whether a parameter is present, whatever its value.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'a> Token<'a> {
    /// Reads `text` as three parts in base64url and checks the header.
    pub(super) fn parse(text: &'a str) -> Result<Token<'a>, AuthError> {
        let (signed, signature) = text.rsplit_once('.').ok_or(AuthError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(AuthError::Malformed)?;
        let header: Header = json::object(&decode(header)?).map_err(|_| AuthError::Malformed)?;
        let algorithm = algorithm(&header.alg)?;
        // RFC 7515 section 4.1.11: a recipient must understand every extension
        // that the token calls critical. This one understands none, and so not
        // RFC 7797's b64.
        if header.crit || header.b64 {
            return Err(AuthError::Malformed);
        }
        if !header.typ.is_none_or(|typ| is_access_token_type(&typ)) {
            return Err(AuthError::NotAccess);
        }
        decode(signature)?;
        let payload = decode(payload)?;
        Ok(Token { algorithm, key_id: header.kid, signed, signature, payload })
    }

    /// The header's `alg`.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid` of the header.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// Check 4: one of `keys` made the signature, with the algorithm of the
    /// header.
    pub(super) fn check_signature(&self, keys: &[Arc<Key>]) -> Result<(), AuthError> {
        let signed = self.signed.as_bytes();
        let is_signed_by = |key: &Arc<Key>| {
            let (key, algorithm) = (key.decoding_key(), self.algorithm);
            matches!(jsonwebtoken::crypto::verify(self.signature, signed, key, algorithm), Ok(true))
        };
        if keys.iter().any(is_signed_by) { Ok(()) } else { Err(AuthError::Signature) }
    }

    /// The JSON text of the claims.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// RFC 7515 section 4.1.9: the `application/` prefix may be left out, and case
/// does not matter. `at+jwt` is RFC 9068's access token.
fn is_access_token_type(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    matches!(typ.strip_prefix("application/").unwrap_or(&typ), "jwt" | "at+jwt")
}

/// Decodes base64url without padding. Leftover bits must be zero, so that every
/// value has one spelling.
fn decode(part: &str) -> Result<Vec<u8>, AuthError> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed)
}
