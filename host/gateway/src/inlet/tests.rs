//! How slow a body may come.

use s3s::dto::StreamingBlob;

use super::*;

#[tokio::test]
async fn a_body_past_its_time_ends_with_an_error() {
    let run = || Body::from(b"run".to_vec());
    let mut paced = Paced::new(run(), 3);
    assert!(paced.next().await.unwrap().is_ok());
    assert!(paced.next().await.is_none());
    let mut late = Paced::new(run(), 3);
    late.until = Instant::now();
    assert!(late.next().await.unwrap().is_err());
    let mut silent = Paced::new(Body::from(StreamingBlob::wrap(Silent)), 3);
    silent.wait = Box::pin(tokio::time::sleep_until(Instant::now()));
    assert!(silent.next().await.unwrap().is_err());
}

/// A client that says nothing.
struct Silent;

impl Stream for Silent {
    type Item = std::io::Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Pending
    }
}
