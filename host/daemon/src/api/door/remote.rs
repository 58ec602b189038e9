//! Connections of the remote door: a TLS handshake each, made beside each other so that a slow one
//! holds up nobody, counted, and ended when they are quiet for too long.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::api::tls::Lock;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may say nothing in either direction.
const QUIET_MAX: Duration = Duration::from_secs(60);
/// Pause after the system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remote {
    /// Its address.
    pub from: IpAddr,
    /// Whether it showed a certificate of the configured authority.
    pub certified: bool,
}

/// The remote door.
pub struct RemoteDoor {
    local: io::Result<SocketAddr>,
    greeted: mpsc::Receiver<(Connection, Remote)>,
    accepting: tokio::task::JoinHandle<()>,
}

impl RemoteDoor {
    /// Opens the door over a bound listener.
    pub(super) fn open(listener: TcpListener, lock: Lock, patience: Duration) -> Self {
        let local = listener.local_addr();
        let (greet, greeted) = mpsc::channel(1);
        let acceptor = TlsAcceptor::from(lock.config);
        let accepting = tokio::spawn(accept(listener, acceptor, greet, patience));
        Self {
            local,
            greeted,
            accepting,
        }
    }

    /// Where it listens.
    pub fn listens(&self) -> io::Result<SocketAddr> {
        match &self.local {
            Ok(addr) => Ok(*addr),
            Err(err) => Err(err.kind().into()),
        }
    }
}

impl Drop for RemoteDoor {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Listener for RemoteDoor {
    type Io = Connection;
    type Addr = Remote;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.greeted.recv().await {
            Some(greeted) => greeted,
            // The accepting task ends only with the door itself.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        let from = self.listens()?.ip();
        Ok(Remote {
            from,
            certified: false,
        })
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    greet: mpsc::Sender<(Connection, Remote)>,
    patience: Duration,
) {
    let seats = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(seat) = Arc::clone(&seats).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, from)) => {
                let (acceptor, greet) = (acceptor.clone(), greet.clone());
                tokio::spawn(async move {
                    let shaken = tokio::time::timeout(patience, acceptor.accept(stream)).await;
                    // A caller that does not speak TLS 1.3 in time is nobody's concern.
                    if let Ok(Ok(stream)) = shaken {
                        let certified = stream.get_ref().1.peer_certificates().is_some();
                        let remote = Remote {
                            from: from.ip(),
                            certified,
                        };
                        let _ = greet.send((Connection::new(stream, seat), remote)).await;
                    }
                });
            }
            Err(err) => {
                tracing::warn!(err = %err, "the remote door could not accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that ends when it is quiet for too long, and frees its seat with it.
pub struct Connection {
    stream: TlsStream<TcpStream>,
    quiet: Pin<Box<Sleep>>,
    _seat: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TlsStream<TcpStream>, seat: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            quiet: Box::pin(tokio::time::sleep(QUIET_MAX)),
            _seat: seat,
        }
    }

    /// Passes a result on; progress starts the clock again, waiting longer than it is an error.
    fn watch<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.quiet.as_mut().reset(Instant::now() + QUIET_MAX);
            return done;
        }
        match self.quiet.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, done)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, done)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
