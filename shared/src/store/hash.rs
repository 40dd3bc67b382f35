//! The hash that keys and cursors carry in place of what they stand for.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::digest::{Context, SHA256};

/// SHA-256 over parts of which each is preceded by its length, so that no two
/// lists of parts are alike; in base64url.
pub(super) fn hash(parts: &[&[u8]]) -> String {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    BASE64.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn different_parts_have_different_hashes() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
        assert_eq!(hash(&[b"a", b"b"]), hash(&[b"a", b"b"]));
    }
}
