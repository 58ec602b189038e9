//! A mirror behind HTTPS, as the reader of the metadata asks for files. What it serves is trusted
//! in nothing: signatures and digests are checked by whoever asked. No redirect leaves HTTPS, and a
//! mirror that stops sending is given up.

use std::path::Path;
use std::time::Duration;

use futures::TryStreamExt;
use tough::async_trait;
use tough::{Transport, TransportError, TransportErrorKind, TransportStream};
use url::Url;

use crate::error::Error;

/// To be connected, and between two pieces of a file.
const PATIENCE: Duration = Duration::from_secs(30);

/// The connection to a mirror.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    client: reqwest::Client,
}

impl Mirror {
    /// Prepares to speak to `url`; `ca`, where there is such a file, is the only authority then.
    ///
    /// # Errors
    /// `Mirror` when the authority does not read.
    pub(crate) fn open(url: &Url, ca: &Path) -> Result<Self, Error> {
        let bad = |why: reqwest::Error| Error::Mirror {
            url: url.to_string(),
            why: why.to_string(),
        };
        let mut builder = reqwest::Client::builder()
            .https_only(true)
            .connect_timeout(PATIENCE)
            .read_timeout(PATIENCE);
        if let Ok(pem) = std::fs::read(ca) {
            let authority = reqwest::Certificate::from_pem(&pem).map_err(bad)?;
            builder = builder
                .tls_built_in_root_certs(false)
                .add_root_certificate(authority);
        }
        let client = builder.build().map_err(bad)?;
        Ok(Self { client })
    }
}

#[async_trait]
impl Transport for Mirror {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let fail = |kind, why: String| TransportError::new_with_cause(kind, url.clone(), why);
        let asked = self.client.get(url.clone()).send().await;
        let answer = asked.map_err(|why| fail(TransportErrorKind::Other, why.to_string()))?;
        let status = answer.status();
        if status.as_u16() == 404 || status.as_u16() == 403 {
            return Err(fail(TransportErrorKind::FileNotFound, status.to_string()));
        }
        if !status.is_success() {
            return Err(fail(TransportErrorKind::Other, status.to_string()));
        }
        let of = url.clone();
        let pieces = answer.bytes_stream().map_err(move |why| {
            TransportError::new_with_cause(TransportErrorKind::Other, of.clone(), why)
        });
        Ok(Box::pin(pieces))
    }
}
