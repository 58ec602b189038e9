//! One simulated machine: a ledger and volumes on disks that share a power switch, and the few
//! verbs a host uses.

use std::collections::BTreeMap;

use futures::executor::block_on;
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::cheque::{Cheque, SignedCheque};
use host_core::identity::Signature;
use host_core::seams::Device;
use host_core::{
    Address, AgreementDigest, AgreementId, Amount, NetworkId, PeerId, ShardId, VolumeId,
};
use host_ledger::{AgreementRow, AgreementState, Fact, Ledger, MemoryStorage, Options};
use host_proof::TreeBuilder;
use host_store::simulated::{Chance, Disk, Power};
use host_store::{Error, Label, Store, format};

pub(super) const OWNER: PeerId = PeerId([2; 33]);
pub(super) const NETWORK: NetworkId = NetworkId([3; 32]);
pub(super) const VOLUME_LEN: usize = 4 << 20;

pub(super) struct Machine {
    pub(super) power: Power,
    pub(super) state: Disk,
    pub(super) volumes: Vec<Disk>,
}

/// A machine that runs.
pub(super) struct Running<D: Device = Disk> {
    pub(super) ledger: Ledger,
    pub(super) store: Store<D>,
    pub(super) left_out: Vec<(String, Error)>,
}

/// Any failure: the caller only asks whether power was gone.
#[derive(Debug)]
pub(super) enum Failure {
    Store(Error),
    Ledger(host_ledger::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<host_ledger::Error> for Failure {
    fn from(error: host_ledger::Error) -> Self {
        Self::Ledger(error)
    }
}

pub(super) fn volume_id(n: usize) -> VolumeId {
    VolumeId([u8::try_from(n).unwrap() + 1; 16])
}

pub(super) fn label(n: usize) -> Label {
    Label::new(volume_id(n), OWNER, NETWORK)
}

impl Machine {
    /// Formatted volumes and an empty state disk.
    pub(super) fn new(volumes: usize) -> Self {
        let power = Power::default();
        let state = Disk::new("state", 0, &power);
        let volumes: Vec<Disk> = (0..volumes)
            .map(|_| Disk::new("volume", VOLUME_LEN, &power))
            .collect();
        for (n, disk) in volumes.iter().enumerate() {
            block_on(format(disk, label(n))).unwrap();
        }
        // Making the ledger file is atomic by a rename (host/ledger), so lives begin with one.
        drop(Ledger::open_on(state.clone(), Options::default()).unwrap());
        Self {
            power,
            state,
            volumes,
        }
    }

    pub(super) fn start(&self) -> Result<Running, Failure> {
        self.start_with(Ledger::open_on(self.state.clone(), Options::default())?)
    }

    /// Starts with an empty ledger, as after the loss of the state device.
    pub(super) fn start_without_state(&self) -> Result<Running, Failure> {
        self.start_with(Ledger::open_on(
            MemoryStorage::default(),
            Options::default(),
        )?)
    }

    pub(super) fn start_with(&self, ledger: Ledger) -> Result<Running, Failure> {
        let volumes = self.volumes.iter().enumerate();
        let volumes = volumes
            .map(|(n, disk)| (format!("v{n}"), disk.clone()))
            .collect();
        let (store, left_out) = block_on(Store::open(volumes, ledger.clone(), OWNER, NETWORK))?;
        Ok(Running {
            ledger,
            store,
            left_out,
        })
    }

    /// The same disks again, on a switch of their own.
    pub(super) fn copy(&self) -> Self {
        let power = Power::default();
        let state = self.state.copy(&power);
        let volumes = self.volumes.iter().map(|disk| disk.copy(&power)).collect();
        Self {
            power,
            state,
            volumes,
        }
    }

    /// Power is gone: what was cached is decided, then power is back.
    pub(super) fn settle(&self, chance: &mut Chance) {
        self.state.settle(chance);
        for disk in &self.volumes {
            disk.settle(chance);
        }
        self.power.restore();
    }
}

/// Bytes that belong to a number.
pub(super) fn bytes_of(content: u64, len: usize) -> Vec<u8> {
    let mut chance = Chance::new(content);
    (0..len).map(|_| chance.next() as u8).collect()
}

pub(super) fn shard_of(bytes: &[u8]) -> ShardId {
    let mut tree = TreeBuilder::new();
    tree.push(bytes);
    tree.finish().unwrap().shard_id()
}

pub(super) fn digest(n: u64) -> AgreementDigest {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    bytes[24..].copy_from_slice(&n.to_be_bytes());
    AgreementDigest(bytes)
}

pub(super) fn opened(n: u64, shard: ShardId, shard_len: u64) -> Fact {
    let terms = Agreement {
        network: NETWORK,
        id: AgreementId(digest(n).0),
        renter: Address([7; 20]),
        host: Address([8; 20]),
        payout: Address([9; 20]),
        shard,
        shard_len,
        codec: 1,
        price: Amount(1),
        start_epoch: 1,
        end_epoch: 30,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: n,
    };
    let none = Signature([0; 65]);
    let signed = SignedAgreement {
        terms,
        renter_signature: none,
        host_signature: none,
    };
    Fact::AgreementOpened(AgreementRow::new(digest(n), signed, 1))
}

impl<D: Device> Running<D> {
    /// Stores a shard under agreement `n`, as an upload does.
    pub(super) fn put(&self, n: u64, bytes: &[u8]) -> Result<(), Failure> {
        let shard = shard_of(bytes);
        let len = bytes.len() as u64;
        let open = opened(n, shard, len);
        if self.ledger.read()?.placement(&shard)?.is_some() {
            let lease = Fact::LeaseAdded {
                shard,
                agreement: digest(n),
            };
            return Ok(block_on(self.ledger.commit(vec![open, lease]))?);
        }
        let reservation = self.store.reserve(len)?;
        let mut writer = self.store.writer(reservation, shard)?;
        for run in bytes.chunks(50_000) {
            block_on(writer.append(run))?;
        }
        let sealed = block_on(writer.seal(digest(n), 30))?;
        block_on(self.ledger.commit(vec![open, sealed.fact(digest(n))]))?;
        sealed.committed();
        Ok(())
    }

    pub(super) fn remove(&self, n: u64) -> Result<(), Failure> {
        let state = AgreementState::Released;
        let fact = Fact::AgreementClosed {
            agreement: digest(n),
            state,
        };
        Ok(block_on(self.ledger.commit(vec![fact]))?)
    }

    pub(super) fn pay(&self, n: u64, cumulative: u128) -> Result<(), Failure> {
        let cheque = Cheque {
            vault: Address([5; 20]),
            beneficiary: Address([8; 20]),
            cumulative: Amount(cumulative),
            token: None,
        };
        let cheque = SignedCheque {
            cheque,
            signature: Signature([1; 65]),
        };
        let increment = Amount(1);
        // Every other cheque pays for reads.
        let fact = match cumulative.is_multiple_of(2) {
            true => Fact::ReadsPaid { cheque, increment },
            false => Fact::ChequeAccepted {
                cheque,
                agreement: digest(n),
                through_epoch: 2,
                increment,
            },
        };
        Ok(block_on(self.ledger.commit(vec![fact]))?)
    }

    /// The whole shard, every byte verified; none when it is not kept.
    pub(super) fn get(&self, shard: &ShardId) -> Result<Option<Vec<u8>>, Failure> {
        let Some(mut reader) = block_on(self.store.open_shard(shard))? else {
            return Ok(None);
        };
        let len = reader.len();
        Ok(Some(block_on(reader.read(0, len))?.as_ref().to_vec()))
    }

    /// Free and used runs of every volume, which must cover its data region exactly once.
    pub(super) fn check_space(&self) -> Result<(), String> {
        let view = self.ledger.read().unwrap();
        let mut runs: BTreeMap<VolumeId, Vec<(u64, u64)>> = BTreeMap::new();
        for (_, row) in view.placements(None, usize::MAX).unwrap() {
            runs.entry(row.volume)
                .or_default()
                .push((row.offset, row.size));
        }
        for row in view.volumes().unwrap() {
            let mut runs = runs.remove(&row.volume).unwrap_or_default();
            let used: u64 = runs.iter().map(|(_, size)| size).sum();
            if used != row.used {
                return Err(format!(
                    "{used} bytes are placed, the row says {}",
                    row.used
                ));
            }
            runs.extend(view.free_extents(&row.volume, None, usize::MAX).unwrap());
            runs.sort_unstable();
            let mut at = row.start;
            for (offset, size) in runs {
                if offset != at {
                    return Err(format!(
                        "a run begins at {offset}, the one before ended at {at}"
                    ));
                }
                at += size;
            }
            if at != row.start + row.size {
                return Err(format!(
                    "runs end at {at}, the region at {}",
                    row.start + row.size
                ));
            }
        }
        if runs.is_empty() {
            Ok(())
        } else {
            Err("placements on unknown volumes".into())
        }
    }
}
