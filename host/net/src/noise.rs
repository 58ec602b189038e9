//! The Noise handshake for an identity whose key is in another process: the same XX as libp2p's,
//! which wants the identity key itself.
//!
//! Enters: a socket after `/noise` was negotiated. Leaves: the peer on the other side and an
//! encrypted stream. Invariants: the static key is made here and signed once by the identity; the
//! peer's id is the key that signed its static key; no frame is longer than Noise allows. Does not:
//! pool or time out; the transport around it does.

use std::fmt;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::iter::{Once, once};
use std::pin::Pin;
use std::sync::Arc;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use host_core::keeper::{Identity, Signable};
use libp2p::core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p::identity::PublicKey;
use snow::{Builder, HandshakeState};

use crate::error::Error;

mod sealed;

pub(crate) use sealed::Sealed;

const PROTOCOL: &str = "/noise";
const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
/// What an identity signs before its static key, as libp2p defines it.
const DOMAIN: &[u8] = b"noise-libp2p-static-key:";
/// Bytes of the longest Noise message.
const MESSAGE_MAX: usize = u16::MAX as usize;

/// A static key that an identity vouches for.
#[derive(Clone)]
pub(crate) struct Noise {
    secret: Arc<[u8]>,
    payload: Arc<[u8]>,
}

impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noise(..)")
    }
}

fn builder<'a>() -> Result<Builder<'a>, snow::Error> {
    Ok(Builder::new(PATTERN.parse()?))
}

fn failed(error: snow::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

fn wrong(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

impl Noise {
    /// Draws a static key and asks the identity to vouch for it.
    /// Errors: no key can be drawn, or the keeper refuses or is silent.
    pub(crate) async fn draw(identity: &Identity, public: &PublicKey) -> Result<Self, Error> {
        let part = "noise";
        let refused = |why: String| Error::Transport { part, why };
        let pair = builder()
            .and_then(|builder| builder.generate_keypair())
            .map_err(|error| refused(error.to_string()))?;
        let static_key = <[u8; 32]>::try_from(pair.public.as_slice())
            .map_err(|_| refused("a static key of another length".to_owned()))?;
        let signature = identity
            .sign(&Signable::Transport { static_key })
            .await
            .map_err(|error| refused(error.to_string()))?;
        let signature = signature
            .to_der("transport key")
            .map_err(|error| refused(error.to_string()))?;
        let mut payload = Vec::new();
        field(&mut payload, 1, &public.encode_protobuf());
        field(&mut payload, 2, &signature);
        Ok(Self {
            secret: pair.private.into(),
            payload: payload.into(),
        })
    }

    async fn shake<T>(self, mut io: T, first: bool) -> io::Result<(libp2p::PeerId, Sealed<T>)>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let builder = builder().and_then(|builder| builder.local_private_key(&self.secret));
        let builder = builder.map_err(failed)?;
        let mut state = if first {
            builder.build_initiator()
        } else {
            builder.build_responder()
        }
        .map_err(failed)?;
        let said = if first {
            say(&mut io, &mut state, &[]).await?;
            let said = hear(&mut io, &mut state).await?;
            say(&mut io, &mut state, &self.payload).await?;
            said
        } else {
            hear(&mut io, &mut state).await?;
            say(&mut io, &mut state, &self.payload).await?;
            hear(&mut io, &mut state).await?
        };
        let peer = vouched(&said, state.get_remote_static())?;
        let state = state.into_transport_mode().map_err(failed)?;
        Ok((peer, Sealed::new(io, state)))
    }
}

async fn say<T: AsyncWrite + Unpin>(
    io: &mut T,
    state: &mut HandshakeState,
    payload: &[u8],
) -> io::Result<()> {
    let mut message = vec![0; payload.len() + 256];
    let len = state.write_message(payload, &mut message).map_err(failed)?;
    message.truncate(len);
    let head = u16::try_from(len).map_err(|_| wrong("a message too long"))?;
    io.write_all(&head.to_be_bytes()).await?;
    io.write_all(&message).await?;
    io.flush().await
}

async fn hear<T: AsyncRead + Unpin>(io: &mut T, state: &mut HandshakeState) -> io::Result<Vec<u8>> {
    let mut head = [0; 2];
    io.read_exact(&mut head).await?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(head))];
    io.read_exact(&mut message).await?;
    let mut payload = vec![0; MESSAGE_MAX];
    let len = state.read_message(&message, &mut payload).map_err(failed)?;
    payload.truncate(len);
    Ok(payload)
}

/// The peer whose key signed the static key of this handshake.
fn vouched(payload: &[u8], static_key: Option<&[u8]>) -> io::Result<libp2p::PeerId> {
    let static_key = static_key.ok_or_else(|| wrong("no static key"))?;
    let (mut key, mut signature) = (None, None);
    let mut rest = payload;
    while let Some((number, bytes, after)) = next(rest)? {
        match number {
            1 => key = Some(bytes),
            2 => signature = Some(bytes),
            _ => {}
        }
        rest = after;
    }
    let key = key.ok_or_else(|| wrong("no identity key"))?;
    let key = PublicKey::try_decode_protobuf(key).map_err(|_| wrong("an unknown identity key"))?;
    let signature = signature.ok_or_else(|| wrong("no signature"))?;
    if !key.verify(&[DOMAIN, static_key].concat(), signature) {
        return Err(wrong("the identity did not sign the static key"));
    }
    Ok(key.to_peer_id())
}

/// Writes one length-delimited protobuf field below number 16.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | 2);
    let mut len = bytes.len();
    while len >= 0x80 {
        out.push(len.to_le_bytes()[0] | 0x80);
        len >>= 7;
    }
    out.push(len.to_le_bytes()[0]);
    out.extend_from_slice(bytes);
}

/// A field: its number, its bytes, and what follows it.
type Field<'a> = (u64, &'a [u8], &'a [u8]);

/// The next length-delimited field, and what follows it; none at the end.
fn next(bytes: &[u8]) -> io::Result<Option<Field<'_>>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let (tag, rest) = varint(bytes)?;
    if tag & 7 != 2 {
        return Err(wrong("a payload of another shape"));
    }
    let (len, rest) = varint(rest)?;
    let len = usize::try_from(len).map_err(|_| wrong("a payload too long"))?;
    let (bytes, after) = rest
        .split_at_checked(len)
        .ok_or_else(|| wrong("a payload that ends early"))?;
    Ok(Some((tag >> 3, bytes, after)))
}

fn varint(bytes: &[u8]) -> io::Result<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(9) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((value, bytes.get(at + 1..).unwrap_or(&[])));
        }
    }
    Err(wrong("a number without end"))
}

type Shaking<T> = Pin<Box<dyn Future<Output = io::Result<(libp2p::PeerId, Sealed<T>)>> + Send>>;

impl UpgradeInfo for Noise {
    type Info = &'static str;
    type InfoIter = Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        once(PROTOCOL)
    }
}

impl<T> InboundConnectionUpgrade<T> for Noise
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = (libp2p::PeerId, Sealed<T>);
    type Error = io::Error;
    type Future = Shaking<T>;

    fn upgrade_inbound(self, io: T, _: Self::Info) -> Self::Future {
        Box::pin(self.shake(io, false))
    }
}

impl<T> OutboundConnectionUpgrade<T> for Noise
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Output = (libp2p::PeerId, Sealed<T>);
    type Error = io::Error;
    type Future = Shaking<T>;

    fn upgrade_outbound(self, io: T, _: Self::Info) -> Self::Future {
        Box::pin(self.shake(io, true))
    }
}
