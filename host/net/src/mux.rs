//! Yamux with bounds of our own. libp2p's wrapper of the same library offers the number of
//! streams as its only knob, at a GiB of windows and 16 KiB writes; here a connection's windows
//! are bounded, writes fill one Noise message, and no more than `ARRIVED_MAX` unread streams wait.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::iter::{Once, once};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::{StreamMuxer, StreamMuxerEvent};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use yamux::{Config, Connection, ConnectionError, Mode, Stream};

/// Streams a connection may hold, both directions; more end the connection, so this is well above
/// what the stream bounds of `talk` let live.
const STREAMS_MAX: usize = 512;
/// Bytes of window every stream has (the protocol's own beginning).
const WINDOW: usize = 256 * 1024;
/// Bytes by which the windows of one connection may grow in all: on a fast and long path one
/// stream reaches 4 MiB, enough for 400 Mbit/s at 80 ms, and a peer cannot make us hold a GiB.
const GROWTH: usize = 4 * 1024 * 1024;
/// Bytes of one write: a Noise message of libp2p (64511 bytes) with Yamux's 12-byte header in it.
const WRITE_LEN: usize = 64_511 - 12;
/// Streams that wait while earlier ones negotiate their protocol; further ones are reset.
const ARRIVED_MAX: usize = 64;

/// Upgrades a connection to Yamux.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yamux;

impl Yamux {
    fn over<C: AsyncRead + AsyncWrite + Unpin>(io: C, mode: Mode) -> Muxer<C> {
        let mut config = Config::default();
        config
            .set_max_num_streams(STREAMS_MAX)
            .set_max_connection_receive_window(Some(STREAMS_MAX * WINDOW + GROWTH))
            .set_split_send_size(WRITE_LEN);
        Muxer {
            connection: Connection::new(io, config, mode),
            arrived: VecDeque::new(),
        }
    }
}

impl UpgradeInfo for Yamux {
    type Info = &'static str;
    type InfoIter = Once<&'static str>;

    fn protocol_info(&self) -> Self::InfoIter {
        once("/yamux/1.0.0")
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> InboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Muxer<C>, Infallible>>;

    fn upgrade_inbound(self, io: C, _: &'static str) -> Self::Future {
        ready(Ok(Self::over(io, Mode::Server)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> OutboundConnectionUpgrade<C> for Yamux {
    type Output = Muxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Muxer<C>, Infallible>>;

    fn upgrade_outbound(self, io: C, _: &'static str) -> Self::Future {
        ready(Ok(Self::over(io, Mode::Client)))
    }
}

/// One multiplexed connection.
pub(crate) struct Muxer<C> {
    connection: Connection<C>,
    arrived: VecDeque<Stream>,
}

impl<C: AsyncRead + AsyncWrite + Unpin> Muxer<C> {
    /// Turns the connection's crank, which also is how streams arrive.
    fn crank(&mut self, cx: &mut Context<'_>) -> Poll<Result<Stream, ConnectionError>> {
        let next = ready!(self.connection.poll_next_inbound(cx));
        Poll::Ready(next.unwrap_or(Err(ConnectionError::Closed)))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for Muxer<C> {
    type Substream = Stream;
    type Error = ConnectionError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        match self.arrived.pop_front() {
            Some(stream) => Poll::Ready(Ok(stream)),
            None => self.crank(cx),
        }
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Stream, ConnectionError>> {
        self.connection.poll_new_outbound(cx)
    }

    fn poll_close(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionError>> {
        self.connection.poll_close(cx)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, ConnectionError>> {
        loop {
            let stream = ready!(self.crank(cx))?;
            if self.arrived.len() < ARRIVED_MAX {
                self.arrived.push_back(stream);
                cx.waker().wake_by_ref();
            }
        }
    }
}

const _: () = assert!(STREAMS_MAX >= 4 * host_core::limits::STREAMS_PER_PEER_MAX);
