//! The label: whose volume this is and where its regions lie.

use host_core::seams::Device;
use host_core::{NetworkId, PeerId, VolumeId};

use crate::error::Error;

/// Whose volume this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its random name.
    pub volume: VolumeId,
    /// The host it belongs to.
    pub owner: PeerId,
    /// The network it serves.
    pub network: NetworkId,
}

impl Label {
    /// A label for a fresh volume.
    #[must_use]
    pub const fn new(volume: VolumeId, owner: PeerId, network: NetworkId) -> Self {
        Self {
            volume,
            owner,
            network,
        }
    }
}

/// Makes a device a volume.
pub async fn format<D: Device>(device: &D, label: Label) -> Result<(), Error> {
    let _ = (device, label);
    std::future::ready(Err(Error::Unformatted)).await
}
