//! The remote door's lock: TLS 1.3, the host's own certificate, and the fleet's authority when one
//! is configured.
//!
//! The certificate is self-signed and made once; a client pins its SHA-256 fingerprint, which the
//! host prints when it serves. Its key stands in `api.tls.key` (mode 0600) and is never sent.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// Name of the key's file in the data directory.
pub const KEY_FILE: &str = "api.tls.key";
/// Name of the certificate's file in the data directory.
pub const CERTIFICATE_FILE: &str = "api.tls.crt";

/// The lock of the remote door.
#[derive(Debug, Clone)]
pub struct Lock {
    /// What connections are accepted with.
    pub config: Arc<ServerConfig>,
    /// SHA-256 of the certificate, hex: what a client pins.
    pub fingerprint: String,
}

/// Reads the certificate of a data directory, or makes it. `names` are the names of the host; a
/// certificate made before they changed stays, since clients pin it. Errors name the file.
pub fn open(dir: &Path, names: &[String], client_ca: Option<&Path>) -> anyhow::Result<Lock> {
    let (key, certificate) = (dir.join(KEY_FILE), dir.join(CERTIFICATE_FILE));
    if !key.exists() {
        make(&key, &certificate, names)?;
    }
    let shown = CertificateDer::from_pem_file(&certificate)
        .with_context(|| format!("reading {}", certificate.display()))?;
    let secret =
        PrivateKeyDer::from_pem_file(&key).with_context(|| format!("reading {}", key.display()))?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &shown);
    let fingerprint = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(authority(path)?);
            let asked = WebPkiClientVerifier::builder_with_provider(roots, provider);
            builder.with_client_cert_verifier(asked.allow_unauthenticated().build()?)
        }
    };
    let mut config = builder.with_single_cert(vec![shown], secret)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Lock {
        config: Arc::new(config),
        fingerprint,
    })
}

fn authority(path: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let read = CertificateDer::pem_file_iter(path)
        .with_context(|| format!("reading `health.client_ca` {}", path.display()))?;
    for certificate in read {
        roots.add(certificate.with_context(|| format!("in {}", path.display()))?)?;
    }
    if roots.is_empty() {
        bail!("`health.client_ca` {} holds no certificate", path.display());
    }
    Ok(roots)
}

/// Makes key and certificate. The key is renamed into place last: where it stands, both do.
fn make(key: &Path, certificate: &Path, names: &[String]) -> anyhow::Result<()> {
    let mut known: Vec<String> = vec!["holdfast".into(), "localhost".into()];
    known.extend_from_slice(names);
    let mut params = CertificateParams::new(known).context("`health.names`")?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "holdfast host");
    params.distinguished_name = name;
    let pair = KeyPair::generate()?;
    let signed = params.self_signed(&pair)?;
    write_secret(certificate, &signed.pem())?;
    write_secret(key, &pair.serialize_pem())
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let fresh = path.with_extension("new");
    let _ = std::fs::remove_file(&fresh);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh)
        .with_context(|| format!("writing {}", fresh.display()))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path).with_context(|| format!("writing {}", path.display()))
}
