//! Certificates for `localhost`, to measure what TLS costs a function.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;

/// A fixed RSA key, because ring cannot generate one: 2,048 bits, like the keys of
/// DynamoDB's certificates. Nothing outside this repository trusts it.
pub const RSA_KEY: &[u8] = include_bytes!("rsa-test-key.pk8");

/// The host `localhost` with a certificate chain as long as DynamoDB's: a leaf, an
/// intermediate and a root.
pub struct Localhost {
    acceptor: TlsAcceptor,
    root: NamedTempFile,
}

impl Localhost {
    /// Creates the certificates. Dropping this deletes the root's file.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn new() -> Result<Localhost> {
        let key = PrivatePkcs8KeyDer::from(RSA_KEY);
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_RSA_SHA256)?;
        let (root, by_root) = authority("Test Root", None, &pair)?;
        let (intermediate, by_intermediate) =
            authority("Test RSA 2048 M01", Some(&by_root), &pair)?;
        let mut host = CertificateParams::new(["localhost".to_owned()])?;
        host.distinguished_name.push(DnType::CommonName, "localhost");
        host.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        host.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let host = host.signed_by(&pair, &by_intermediate)?;

        let chain = vec![host.der().clone(), intermediate.der().clone()];
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key.clone_key().into())?;
        let mut file = NamedTempFile::new().context("a temporary file")?;
        file.write_all(root.pem().as_bytes())?;
        Ok(Localhost { acceptor: TlsAcceptor::from(Arc::new(config)), root: file })
    }

    /// Accepts TLS connections to this host.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// The root certificate's file, for `SSL_CERT_FILE`.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }
}

/// A certificate that signs others. It is signed by `issuer`, or else self-signed.
fn authority<'a>(
    name: &str,
    issuer: Option<&Issuer<'_, &KeyPair>>,
    pair: &'a KeyPair,
) -> Result<(Certificate, Issuer<'static, &'a KeyPair>)> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let certificate = match issuer {
        Some(issuer) => authority.signed_by(pair, issuer)?,
        None => authority.self_signed(pair)?,
    };
    Ok((certificate, Issuer::new(authority, pair)))
}
