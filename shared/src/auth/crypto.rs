//! The cryptography behind `jsonwebtoken`: ring, which TLS needs anyway.
//!
//! `jsonwebtoken` leaves the backend open; either of its own would put a second
//! implementation of the same algorithms into every function.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind};
use ring::hmac;
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Makes `jsonwebtoken` use ring in this process. May be called again.
pub(super) fn install() {
    static PROVIDER: CryptoProvider = CryptoProvider {
        // Functions check tokens and never make one.
        signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        verifier_factory: verifier,
        key_utils: KeyUtils::new_unimplemented(),
    };
    // An error means that it is installed already.
    let _ = PROVIDER.install_default();
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let public = |check| -> Result<Box<dyn JwtVerifier>> {
        Ok(Box::new(PublicKey { algorithm: *algorithm, check }))
    };
    match (algorithm, key.family(), key.kind()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac, DecodingKeyKind::SecretOrDer(secret)) => {
            Ok(Box::new(Hs256::new(secret)))
        }
        (Algorithm::EdDSA, AlgorithmFamily::Ed, DecodingKeyKind::SecretOrDer(point)) => {
            public(Check::Point(&signature::ED25519, point.clone()))
        }
        (Algorithm::ES256, AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            public(Check::Point(&signature::ECDSA_P256_SHA256_FIXED, point.clone()))
        }
        (Algorithm::ES384, AlgorithmFamily::Ec, DecodingKeyKind::SecretOrDer(point)) => {
            public(Check::Point(&signature::ECDSA_P384_SHA384_FIXED, point.clone()))
        }
        (Algorithm::RS256, AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            public(Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256, n.clone(), e.clone()))
        }
        (Algorithm::PS256, AlgorithmFamily::Rsa, DecodingKeyKind::RsaModulusExponent { n, e }) => {
            public(Check::Rsa(&signature::RSA_PSS_2048_8192_SHA256, n.clone(), e.clone()))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

/// A public key that checks signatures with one algorithm.
struct PublicKey {
    algorithm: Algorithm,
    check: Check,
}

enum Check {
    /// A point of a curve.
    Point(&'static dyn VerificationAlgorithm, Vec<u8>),
    /// Modulus and exponent.
    Rsa(&'static RsaParameters, Vec<u8>, Vec<u8>),
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let checked = match &self.check {
            Check::Point(algorithm, point) => {
                UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            Check::Rsa(parameters, n, e) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
        };
        checked.map_err(|_| Error::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// HMAC with SHA-256 (RFC 7518 section 3.2).
struct Hs256(hmac::Key);

impl Hs256 {
    fn new(secret: &[u8]) -> Hs256 {
        Hs256(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    // Compares in constant time.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        hmac::verify(&self.0, message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}
