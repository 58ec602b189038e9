//! What an answer means.

use super::judge;

#[test]
fn only_200_is_health_and_the_body_says_why_not() {
    assert_eq!(judge("HTTP/1.1 200 OK\r\n\r\nready\n"), Ok(()));
    let late = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 9\r\n\r\nno volume\n";
    assert_eq!(judge(late), Err("no volume".to_owned()));
    assert!(judge("").is_err());
}
