//! Tokens that must be rejected: one list, for every kind of key.

mod claims;
mod headers;
mod signatures;

use serde_json::{Value, json};

use super::keys::Signer;

/// The API that the tokens attack.
pub(crate) struct Target<'a> {
    /// The key that the API trusts.
    pub(crate) signer: &'a Signer,
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    /// A URL that must not be fetched.
    pub(crate) trap: &'a str,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

type Tokens = Vec<(String, String)>;

impl Target<'_> {
    pub(crate) fn claims(&self) -> Value {
        json!({
            "sub": "alice", "iss": self.issuer, "aud": self.audience,
            "iat": self.now, "exp": self.now + 600,
        })
    }

    pub(crate) fn good(&self) -> String {
        self.signer.token(&self.claims())
    }

    /// All hostile tokens, each with a descriptive name.
    pub(crate) fn hostile(&self) -> Tokens {
        let mut all = Tokens::new();
        all.extend(self.algorithms());
        all.extend(self.confusions());
        all.extend(self.headers());
        all.extend(self.key_ids());
        all.extend(self.encodings());
        all.extend(self.signatures());
        all.extend(self.payloads());
        all.extend(self.times());
        all.extend(self.other_claims());
        all
    }

    fn with_header(&self, change: &Value) -> String {
        self.signer.token_with(&merged(&self.signer.header(), change), &self.claims())
    }

    fn with_claims(&self, change: &Value) -> String {
        self.signer.token(&merged(&self.claims(), change))
    }
}

/// `base` with the members of `change`. `null` removes an existing member, except `alg`.
fn merged(base: &Value, change: &Value) -> Value {
    let mut merged = base.clone();
    for (name, value) in change.as_object().unwrap() {
        if value.is_null() && base.get(name).is_some() && name != "alg" {
            merged.as_object_mut().unwrap().remove(name);
        } else {
            merged[name] = value.clone();
        }
    }
    merged
}
