//! Goal: the transport's peer id and ours are one text, both ways.

use super::*;

#[test]
fn libp2p_shows_the_same_peer_id_as_core() {
    for seed in 1..=16u8 {
        let key = SecretKey::from_bytes(&[seed; 32]).expect("a scalar");
        let pair = keypair(&key).expect("a key pair");
        let theirs = pair.public().to_peer_id();
        assert_eq!(theirs.to_string(), key.peer_id().to_string());
        assert_eq!(inward(&theirs), Some(key.peer_id()));
        assert_eq!(outward(&key.peer_id()), Some(theirs));
    }
}

#[test]
fn peers_with_other_kinds_of_keys_have_no_name_here() {
    let pair = Keypair::ed25519_from_bytes([7; 32]);
    if let Ok(pair) = pair {
        assert_eq!(inward(&pair.public().to_peer_id()), None);
    }
    assert_eq!(outward(&PeerId([0; 33])), None);
}
