//! Keys of Secure Boot: RSA of 2048 bits, which every firmware knows, with a certificate signed by
//! itself. Firmware compares certificates and asks for no authority and no date.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, date_time_ymd};

use crate::error::Error;
use crate::sealing::Secret;

/// Makes a key (PKCS#8) and its certificate (PEM), called `name`.
///
/// # Errors
/// `Signing`.
pub(crate) fn make(name: &str) -> Result<(Secret, String), Error> {
    let pair = KeyPair::generate(KeySize::Rsa2048).map_err(Error::signing)?;
    let key = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).map_err(Error::signing)?;
    let signer = rcgen::KeyPair::try_from(key.as_ref()).map_err(Error::signing)?;
    let mut wanted = CertificateParams::default();
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    wanted.not_before = date_time_ymd(2024, 1, 1);
    wanted.not_after = date_time_ymd(2046, 1, 1);
    let certificate = wanted.self_signed(&signer).map_err(Error::signing)?;
    Ok((Secret::of(key.as_ref().to_vec()), certificate.pem()))
}

/// A private key as tools read it.
pub(crate) fn pem(secret: &Secret) -> String {
    let text = STANDARD.encode(secret.bytes());
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

/// A certificate as firmware reads it.
///
/// # Errors
/// `Signing` when it is none.
pub(crate) fn der(pem: &str) -> Result<Vec<u8>, Error> {
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body.trim()).map_err(Error::signing)
}
