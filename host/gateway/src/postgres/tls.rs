//! TLS to the catalogue's server: its certificate must be signed by the authority that the operator
//! named and carry the name it was asked by. Without an authority only a socket or a loopback
//! address is talked to, in plain.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream as Inner;

use crate::error::Error;

fn wrong(why: String) -> Error {
    let what = "setting up its connection";
    Error::Database { what, why }
}

/// Whether nobody else hears a connection to this host.
fn is_near(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|at| at.is_loopback())
        }
    }
}

/// Makes connections to a server safe.
#[derive(Clone)]
pub(super) struct Connector {
    trusts: Option<Arc<ClientConfig>>,
}

impl Connector {
    /// With what `authority` signed; asks `config` for it. Errors: Database without an authority
    /// for a server elsewhere, or when the file holds none.
    pub(super) fn of(config: &mut Config, authority: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = authority else {
            if !config.get_hosts().iter().all(is_near) {
                let why = "it is on another machine: name the certificate of its authority";
                return Err(wrong(why.to_owned()));
            }
            config.ssl_mode(SslMode::Disable);
            return Ok(Self { trusts: None });
        };
        config.ssl_mode(SslMode::Require);
        let unread = |why: &dyn std::fmt::Display| wrong(format!("{}: {why}", path.display()));
        let mut roots = RootCertStore::empty();
        for found in CertificateDer::pem_file_iter(path).map_err(|error| unread(&error))? {
            let found = found.map_err(|error| unread(&error))?;
            roots.add(found).map_err(|error| unread(&error))?;
        }
        if roots.is_empty() {
            return Err(unread(&"it holds no certificate"));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let trusts = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unread(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            trusts: Some(Arc::new(trusts)),
        })
    }
}

impl<S> MakeTlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Safe<S>;
    type TlsConnect = Towards;
    type Error = io::Error;

    fn make_tls_connect(&mut self, name: &str) -> io::Result<Towards> {
        // A socket has no name, and is not asked for TLS.
        let name = ServerName::try_from(name.to_owned()).ok();
        let trusts = self.trusts.clone();
        Ok(Towards { name, trusts })
    }
}

/// A connection to be made safe.
pub(super) struct Towards {
    name: Option<ServerName<'static>>,
    trusts: Option<Arc<ClientConfig>>,
}

impl<S> TlsConnect<S> for Towards
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Safe<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Safe<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let (Some(name), Some(trusts)) = (self.name, self.trusts) else {
                return Err(io::Error::other("its address is no name or number"));
            };
            let safe = TlsConnector::from(trusts).connect(name, stream).await?;
            Ok(Safe(safe))
        })
    }
}

/// A safe connection.
pub(super) struct Safe<S>(Inner<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Safe<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Safe<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Safe<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
