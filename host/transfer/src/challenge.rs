//! Challenges a host off chain. What comes back is the host's signed answer; whether it holds is
//! for the judge (`host_proof::judge`).

use host_core::NetworkId;
use host_core::challenge::{Challenge, ShownProof};
use host_core::seams::{PeerAddr, Peers};
use host_core::wire::{ChallengeReply, ChallengeRequest, Protocol};

use crate::error::Error;
use crate::link::Link;

/// Asks the challenged host, reached at `to`. Errors: link; refusal; a Word that the host did not
/// sign is the host's fault and no proof.
pub async fn ask(
    peers: &dyn Peers,
    to: &PeerAddr,
    network: &NetworkId,
    challenge: &Challenge,
) -> Result<ShownProof, Error> {
    let mut link = Link::open(peers, to, Protocol::Challenge).await?;
    link.say(&ChallengeRequest {
        challenge: challenge.clone(),
    })
    .await?;
    match link.hear("answering a challenge").await? {
        ChallengeReply::Shown(proof) => {
            proof
                .check(challenge, network)
                .map_err(|source| link.word("challenge proof", source))?;
            link.done().await;
            Ok(proof)
        }
        ChallengeReply::Refused(refusal) => Err(link.refused(refusal)),
    }
}
