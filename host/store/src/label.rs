//! The label: whose volume this is and where its regions lie. Two copies, in the first block and
//! in the last whole one; the first that reads counts. `format` writes the second copy last, so
//! a volume half formatted has one label at most and takes no shard without it.

use host_core::seams::Device;
use host_core::{NetworkId, PeerId, VolumeId};

use crate::block::{BlockReader, BlockWriter};
use crate::error::Error;
use crate::layout::{BLOCK, BLOCK_LEN, Regions, second_label};

const MAGIC: [u8; 8] = *b"HFVOLUME";
const VERSION: u32 = 1;

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

/// A label as it stands on a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) label: Label,
    pub(crate) regions: Regions,
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

impl Written {
    fn encode(&self, block: &mut [u8]) {
        let regions = &self.regions;
        BlockWriter::new(block)
            .put(&MAGIC)
            .put(&VERSION.to_be_bytes())
            .put(&[0; 4])
            .put(&self.label.volume.0)
            .put(&self.label.owner.0)
            .put(&[0; 7])
            .put(&self.label.network.0)
            .put(&regions.size.to_be_bytes())
            .put(&regions.ring_start.to_be_bytes())
            .put(&regions.half_len.to_be_bytes())
            .put(&regions.data_start.to_be_bytes())
            .put(&regions.data_size.to_be_bytes())
            .seal();
    }

    fn decode(block: &[u8]) -> Result<Self, Error> {
        if block.get(..MAGIC.len()) != Some(&MAGIC) {
            return Err(Error::Unformatted);
        }
        let mut reader = BlockReader::new(block).ok_or(Error::LabelDamaged)?;
        let _magic = reader.take::<8>();
        let have = reader
            .take()
            .map(u32::from_be_bytes)
            .ok_or(Error::LabelDamaged)?;
        if have != VERSION {
            return Err(Error::Version {
                have,
                need: VERSION,
            });
        }
        Self::fields(&mut reader)
            .filter(|at| at.regions.is_sound())
            .ok_or(Error::LabelDamaged)
    }

    fn fields(reader: &mut BlockReader<'_>) -> Option<Self> {
        reader.take::<4>()?;
        let volume = VolumeId(reader.take()?);
        let owner = PeerId(reader.take()?);
        reader.take::<7>()?;
        let network = NetworkId(reader.take()?);
        let regions = Regions {
            size: reader.number()?,
            ring_start: reader.number()?,
            half_len: reader.number()?,
            data_start: reader.number()?,
            data_size: reader.number()?,
        };
        Some(Self {
            label: Label {
                volume,
                owner,
                network,
            },
            regions,
        })
    }
}

/// Makes a device a volume. Durability: both labels and the empty ring are flushed.
/// Errors: Formatted when a label is there; TooSmall; Block; Device.
pub async fn format<D: Device>(device: &D, label: Label) -> Result<(), Error> {
    check_block(device)?;
    match read(device).await {
        Err(Error::Unformatted) => (),
        Ok(found) => {
            return Err(Error::Formatted {
                volume: found.label.volume,
            });
        }
        Err(Error::Truncated { volume, .. }) => return Err(Error::Formatted { volume }),
        Err(error) => return Err(error),
    }
    let regions = Regions::of_size(device.facts().size)?;
    let written = Written { label, regions };
    for half in [0, 1] {
        write_block(device, regions.ring_start + half * regions.half_len, |_| ()).await?;
    }
    device.flush().await?;
    write_block(device, 0, |block| written.encode(block)).await?;
    write_block(device, regions.second_label(), |block| {
        written.encode(block)
    })
    .await?;
    device.flush().await?;
    Ok(())
}

/// The label of a volume. Errors: those of a label; Device.
pub async fn label<D: Device>(device: &D) -> Result<Label, Error> {
    Ok(read(device).await?.label)
}

/// Bytes a volume was made or grown to. Errors: those of a label, Truncated among them; Device.
pub async fn length<D: Device>(device: &D) -> Result<u64, Error> {
    Ok(read(device).await?.regions.size)
}

/// Makes a volume as long as `size` bytes of its device, or of the device where that is shorter.
/// Only the region for shards grows; `Store::open` tells the ledger. Gives the new length, none
/// when it is that long already. Durability: the new second label is flushed before the first
/// names it, so a cut leaves the volume at its old length or at its new one.
/// Errors: those of a label; Device.
pub async fn grow<D: Device>(device: &D, size: u64) -> Result<Option<u64>, Error> {
    let mut written = read(device).await?;
    let size = size.min(device.facts().size) / BLOCK * BLOCK;
    let regions = &mut written.regions;
    if size <= regions.size {
        return Ok(None);
    }
    let data_size = second_label(size).saturating_sub(regions.data_start) / BLOCK * BLOCK;
    if data_size <= regions.data_size {
        return Ok(None);
    }
    (regions.size, regions.data_size) = (size, data_size);
    let second = written.regions.second_label();
    write_block(device, second, |block| written.encode(block)).await?;
    device.flush().await?;
    write_block(device, 0, |block| written.encode(block)).await?;
    device.flush().await?;
    Ok(Some(size))
}

/// The label of a volume: the first copy, or the second when the first does not read.
pub(crate) async fn read<D: Device>(device: &D) -> Result<Written, Error> {
    check_block(device)?;
    let size = device.facts().size;
    if size < 2 * BLOCK {
        return Err(Error::TooSmall {
            need: crate::layout::VOLUME_SIZE_MIN,
            have: size,
        });
    }
    let first = match read_block(device, 0).await {
        Ok(block) => Written::decode(block.as_ref()),
        Err(error) => Err(error),
    };
    let found = match first {
        Ok(found) => found,
        Err(first) => {
            let block = read_block(device, second_label(size)).await?;
            match (first, Written::decode(block.as_ref())) {
                (_, Ok(found)) => found,
                (Error::Unformatted, Err(second)) => return Err(second),
                (first, Err(_)) => return Err(first),
            }
        }
    };
    if size < found.regions.size {
        let volume = found.label.volume;
        return Err(Error::Truncated {
            volume,
            need: found.regions.size,
            have: size,
        });
    }
    Ok(found)
}

fn check_block<D: Device>(device: &D) -> Result<(), Error> {
    let have = device.facts().block;
    if have == 0 || !BLOCK.is_multiple_of(have) {
        return Err(Error::Block { need: BLOCK, have });
    }
    Ok(())
}

async fn read_block<D: Device>(device: &D, offset: u64) -> Result<D::Buf, Error> {
    let buf = device.buffer(BLOCK_LEN)?;
    let (buf, done) = device.read(offset, buf).await;
    done?;
    Ok(buf)
}

async fn write_block<D: Device>(
    device: &D,
    offset: u64,
    fill: impl FnOnce(&mut [u8]) + Send,
) -> Result<(), Error> {
    let mut buf = device.buffer(BLOCK_LEN)?;
    buf.as_mut().fill(0);
    fill(buf.as_mut());
    let (_, done) = device.write(offset, buf).await;
    Ok(done?)
}
