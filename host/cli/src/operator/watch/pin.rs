//! A client that believes one certificate: the one whose SHA-256 it was told.

use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

/// SHA-256 of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint(String);

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain: String = text.chars().filter(|c| *c != ':').collect();
        if plain.len() != 64 || !plain.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err("a fingerprint has 64 hex digits".into());
        }
        Ok(Self(plain.to_ascii_lowercase()))
    }
}

/// What a client shows of itself.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Its certificate, and those above it.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The certificate's key.
    pub(crate) key: PrivateKeyDer<'static>,
}

/// A client that talks to the pinned host only, and shows a certificate where it has one.
pub(crate) fn client(
    pin: &Fingerprint,
    identity: Option<&Identity>,
) -> anyhow::Result<reqwest::Client> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let pinned = Pinned {
        pin: pin.clone(),
        provider: Arc::clone(&provider),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned));
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(of) => config.with_client_auth_cert(of.chain.clone(), of.key.clone_key())?,
    };
    let client = reqwest::Client::builder().no_proxy();
    Ok(client.use_preconfigured_tls(config).build()?)
}

/// Compares the certificate's digest; the handshake's signature proves that its key is there.
#[derive(Debug)]
struct Pinned {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let digest = ring::digest::digest(&ring::digest::SHA256, shown);
        let digest = hex::encode(digest.as_ref());
        if digest == self.pin.0 {
            return Ok(ServerCertVerified::assertion());
        }
        let wrong = CertificateError::ApplicationVerificationFailure;
        Err(Error::InvalidCertificate(wrong))
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
