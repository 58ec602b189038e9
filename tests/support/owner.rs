//! Operators with their certificates, as files beside a test: what claims a box and what the fleet
//! shows it afterwards.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

/// An operator's authority, and the certificate that it gave the operator, as files.
pub(crate) struct Owner {
    pub(crate) authority: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Owner {
    /// Makes both in `dir`, under a name.
    pub(crate) fn make(dir: &Path, name: &str) -> Self {
        let params = |of: &str| {
            let mut params = CertificateParams::new(Vec::new()).expect("parameters");
            params.distinguished_name.push(DnType::CommonName, of);
            params
        };
        let top = KeyPair::generate().expect("a key");
        let mut above = params(name);
        above.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let above = above.self_signed(&top).expect("an authority");
        let own = KeyPair::generate().expect("a key");
        let signed = params("operator").signed_by(&own, &above, &top);
        let signed = signed.expect("a certificate");
        let write = |word: &str, text: String| {
            let path = dir.join(format!("{name}-{word}.pem"));
            std::fs::write(&path, text).expect("written");
            path
        };
        Self {
            authority: write("authority", above.pem()),
            certificate: write("operator", signed.pem()),
            key: write("key", own.serialize_pem()),
        }
    }

    /// Writes a fleet file of boxes (name, address, pin, ring) beside the certificates.
    pub(crate) fn fleet(&self, boxes: &[(String, String, String, u32)]) -> PathBuf {
        let mut text = format!(
            "certificate = {:?}\nkey = {:?}\n",
            self.certificate, self.key
        );
        for (name, address, pin, ring) in boxes {
            text.push_str(&format!(
                "[[box]]\nname = {name:?}\naddress = {address:?}\npin = {pin:?}\nring = {ring}\n"
            ));
        }
        let path = self.authority.with_extension("fleet.toml");
        std::fs::write(&path, text).expect("written");
        path
    }
}
