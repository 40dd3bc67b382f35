//! Check 1: the `Authorization` header.

use super::AuthError;

/// The longest token that is accepted, in bytes. API Gateway's limit for all
/// headers together is 10,240.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// The token in the value of an `Authorization` header (RFC 6750 section 2.1).
///
/// API Gateway joins repeated headers with a comma. No token contains one, so two
/// tokens are refused.
pub(super) fn token(authorization: Option<&[u8]>) -> Result<&str, AuthError> {
    let value = authorization.ok_or(AuthError::Missing)?;
    let value = std::str::from_utf8(value).map_err(|_| AuthError::NotBearer)?.trim_matches(' ');
    if value.is_empty() {
        return Err(AuthError::Missing);
    }
    let (scheme, token) = value.split_once(' ').ok_or(AuthError::NotBearer)?;
    let token = token.trim_start_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(AuthError::NotBearer);
    }
    if token.len() > MAX_TOKEN_BYTES {
        return Err(AuthError::TooLong);
    }
    if !token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~+/=".contains(&b)) {
        return Err(AuthError::NotBearer);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_may_be_in_any_case() {
        for header in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c", " Bearer a.b.c "] {
            assert_eq!(token(Some(header.as_bytes())), Ok("a.b.c"), "{header}");
        }
    }

    #[test]
    fn what_is_not_one_bearer_token_is_refused() {
        assert_eq!(token(None), Err(AuthError::Missing));
        assert_eq!(token(Some(b"")), Err(AuthError::Missing));
        for header in [
            "Bearer",
            "Bearer ",
            "a.b.c",
            "Basic dXNlcjpwYXNz",
            "Token a.b.c",
            "Bearer a.b.c, Bearer d.e.f",
            "Bearer a.b.c d.e.f",
            "Bearer a.b.c,Bearer d.e.f",
            "Bearer\ta.b.c",
            "Bearer \"a.b.c\"",
            "Bearer ä.b.c",
        ] {
            let result = token(Some(header.as_bytes()));
            assert!(matches!(result, Err(AuthError::NotBearer | AuthError::Missing)), "{header}");
        }
        assert_eq!(token(Some(b"Bearer \xff")), Err(AuthError::NotBearer));
    }

    #[test]
    fn a_token_has_a_greatest_length() {
        let longest = format!("Bearer {}", "a".repeat(MAX_TOKEN_BYTES));
        assert!(token(Some(longest.as_bytes())).is_ok());
        let longer = format!("{longest}a");
        assert_eq!(token(Some(longer.as_bytes())), Err(AuthError::TooLong));
    }
}
