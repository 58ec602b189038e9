//! Goal: frames keep their bounds and their order whatever the stream does. Method: a pair of
//! conversations over an in-memory pipe of 8 KiB, and a raw writer for what no honest peer sends.

use super::*;
use futures::future::{join, poll_fn};
use host_core::identity::SecretKey;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

const IDLE: Duration = Duration::from_millis(200);
const PIPE_LEN: usize = 8 * 1024;

#[derive(Default)]
struct Pipe {
    bytes: std::collections::VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// One end of two pipes.
struct End {
    incoming: Arc<Mutex<Pipe>>,
    outgoing: Arc<Mutex<Pipe>>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut pipe = self.outgoing.lock().expect("pipe");
        pipe.closed = true;
        if let Some(waker) = pipe.reader.take() {
            waker.wake();
        }
    }
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.incoming.lock().expect("pipe");
        let count = buf.len().min(pipe.bytes.len());
        if count == 0 && !pipe.closed {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        for (slot, byte) in buf.iter_mut().zip(pipe.bytes.drain(..count)) {
            *slot = byte;
        }
        if let Some(waker) = pipe.writer.take() {
            waker.wake();
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut pipe = self.outgoing.lock().expect("pipe");
        let count = buf.len().min(PIPE_LEN - pipe.bytes.len());
        if count == 0 && !buf.is_empty() {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        pipe.bytes.extend(buf.iter().take(count));
        if let Some(waker) = pipe.reader.take() {
            waker.wake();
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut pipe = self.outgoing.lock().expect("pipe");
        pipe.closed = true;
        if let Some(waker) = pipe.reader.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

fn ends() -> (End, End) {
    let one = Arc::new(Mutex::new(Pipe::default()));
    let two = Arc::new(Mutex::new(Pipe::default()));
    let left = End {
        incoming: Arc::clone(&one),
        outgoing: Arc::clone(&two),
    };
    let right = End {
        incoming: two,
        outgoing: one,
    };
    (left, right)
}

fn peer() -> PeerId {
    SecretKey::from_bytes(&[5; 32]).expect("a scalar").peer_id()
}

fn talk(end: End) -> Conversation<End> {
    Conversation::new(peer(), end, IDLE, Vec::new())
}

fn frame(len: usize, head: u8) -> Bytes {
    let mut bytes: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
    bytes[0] = head;
    bytes.into()
}

#[tokio::test]
async fn frames_of_every_length_arrive_whole_and_in_order() {
    let (left, right) = ends();
    let (mut left, mut right) = (talk(left), talk(right));
    let frames: Vec<Bytes> = [
        1,
        2,
        16_379,
        16_380,
        16_381,
        65_536,
        131_077,
        limits::FRAME_LEN_MAX,
    ]
    .into_iter()
    .flat_map(|len| [frame(len, 0x80), frame(len, 0x5a)])
    .collect();
    let send = async {
        for frame in &frames {
            left.send(frame.clone()).await.expect("sent");
        }
        left.close().await.expect("closed");
    };
    let receive = async {
        let mut got = Vec::new();
        while let Some(frame) = right.recv().await.expect("a frame") {
            got.push(frame);
        }
        got
    };
    let ((), got) = join(send, receive).await;
    assert!(got == frames);
    assert!(right.recv().await.expect("still the end").is_none());
}

#[tokio::test]
async fn announced_length_over_the_bound_is_refused_before_any_byte() {
    for len in [limits::FRAME_LEN_MAX as u32 + 1, u32::MAX] {
        let (mut left, right) = ends();
        left.write_all(&len.to_be_bytes()).await.expect("written");
        let mut right = talk(right);
        let error = right.recv().await.expect_err("refused");
        assert!(matches!(error, LinkError::Oversize { len: l, .. } if l == u64::from(len)));
        assert_eq!(right.reading.body.capacity(), 0);
    }
}

#[tokio::test]
async fn frame_over_the_bound_is_not_sent() {
    let (left, _right) = ends();
    let mut left = talk(left);
    let error = left.send(frame(limits::FRAME_LEN_MAX + 1, 0)).await;
    assert!(matches!(error, Err(LinkError::Oversize { .. })));
    assert!(left.send(Bytes::new()).await.is_err());
    left.send(frame(3, 0x80))
        .await
        .expect("the stream is still good");
}

#[tokio::test]
async fn a_stream_that_ends_without_the_end_mark_is_broken() {
    let (mut left, right) = ends();
    let mut right = talk(right);
    left.write_all(&[0, 0, 0, 9, 1, 2]).await.expect("written");
    drop(left);
    assert!(matches!(right.recv().await, Err(LinkError::Broken { .. })));
    let (left, right) = ends();
    drop(left);
    assert!(matches!(
        talk(right).recv().await,
        Err(LinkError::Broken { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn silence_longer_than_the_bound_is_named() {
    let (_left, right) = ends();
    assert!(matches!(
        talk(right).recv().await,
        Err(LinkError::Silent { .. })
    ));
    let (left, _right) = ends();
    let error = talk(left).send(frame(100_000, 0x80)).await;
    assert!(matches!(error, Err(LinkError::Silent { .. })));
}

#[tokio::test]
async fn a_dropped_recv_resumes_where_it_stopped() {
    let (mut left, right) = ends();
    let mut right = talk(right);
    let bytes = [&[0, 0, 0, 5][..], b"\x80abcd"].concat();
    for byte in &bytes {
        {
            let mut pending = right.recv();
            let polled = poll_fn(|cx| Poll::Ready(pending.as_mut().poll(cx))).await;
            assert!(polled.is_pending());
        }
        left.write_all(&[*byte]).await.expect("written");
    }
    let got = right.recv().await.expect("a frame").expect("no end");
    assert_eq!(got.as_ref(), b"\x80abcd");
}

#[tokio::test]
async fn a_dropped_send_ends_the_stream() {
    let (left, _right) = ends();
    let mut left = talk(left);
    {
        let mut pending = left.send(frame(100_000, 0x80));
        let polled = poll_fn(|cx| Poll::Ready(pending.as_mut().poll(cx))).await;
        assert!(polled.is_pending());
    }
    assert!(matches!(
        left.send(frame(3, 0x80)).await,
        Err(LinkError::Broken { .. })
    ));
    assert!(left.close().await.is_err());
}

#[tokio::test]
async fn memory_of_a_frame_is_used_again_once_its_reader_is_done() {
    let (left, right) = ends();
    let (mut left, mut right) = (talk(left), talk(right));
    let mut places = std::collections::HashSet::new();
    for _ in 0..16 {
        let (sent, got) = join(left.send(frame(131_072, 0x5a)), right.recv()).await;
        sent.expect("sent");
        places.insert(got.expect("a frame").expect("no end").as_ptr());
    }
    assert!(places.len() <= 2, "{} allocations", places.len());
}
