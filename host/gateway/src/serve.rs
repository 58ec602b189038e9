//! Services on a socket: one task a connection, bounded in number, header size and time.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use s3s::Body;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::error::Error;
use crate::gateway::Gateway;

/// Connections at once; more wait in the kernel's queue.
const CONNECTIONS: usize = 1024;
/// Longest time for a request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// Most bytes of a request's head; longer ones are 431.
const HEAD_LEN: usize = 64 << 10;
/// After the kernel refused a connection.
const REST: Duration = Duration::from_millis(100);

/// Serves S3 until the listener fails. Each connection is a task that ends with the runtime.
pub async fn serve(gateway: Gateway, listener: TcpListener) -> Result<(), Error> {
    let mut builder = S3ServiceBuilder::new(gateway.clone());
    builder.set_auth(gateway.clone());
    builder.set_access(gateway);
    let service = builder.build();
    connections(listener, move |request| {
        let service = service.clone();
        async move {
            let answered = service.call(request.map(Body::from)).await;
            answered.unwrap_or_else(|error| {
                tracing::warn!(err = ?error, "request without an answer");
                let mut broken = Response::new(Body::empty());
                *broken.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                broken
            })
        }
    })
    .await
}

/// Answers every request of every connection.
pub(crate) async fn connections<F, W>(listener: TcpListener, answer: F) -> Result<(), Error>
where
    F: Fn(Request<Incoming>) -> W + Clone + Send + 'static,
    W: Future<Output = Response<Body>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let place = place.map_err(|_| Error::Worker)?;
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(err = %error, "connection not accepted");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let answer = answer.clone();
        tokio::spawn(async move {
            let _place = place;
            let service = service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            let mut server = http1::Builder::new();
            let server = server
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_WITHIN)
                .max_buf_size(HEAD_LEN);
            let ended = server.serve_connection(TokioIo::new(stream), service).await;
            if let Err(error) = ended {
                tracing::debug!(err = %error, "connection ends early");
            }
        });
    }
}
