//! Asked leaves: read on a way of their own, little of them, and never bad ones.

use futures::executor::block_on;

use super::machine::{Machine, bytes_of, shard_of};
use crate::{AskedLeaves, Error};

#[test]
fn an_asked_leaf_costs_a_list_and_a_unit_and_is_checked_against_the_name() {
    let machine = Machine::new(2);
    let running = machine.start().unwrap();
    let bytes = bytes_of(1, 300_001);
    running.put(1, &bytes).unwrap();
    let shard = shard_of(&bytes);
    let devices: Vec<_> = machine.volumes.to_vec();
    let devices = devices.into_iter().map(|disk| (String::new(), disk));
    let (asked, left_out) = block_on(AskedLeaves::open(devices.collect(), running.ledger.clone()));
    assert!(left_out.is_empty());
    let len = bytes.len() as u64;
    for index in [0, 255, 256, 700, 1171] {
        let before: u64 = machine.volumes.iter().map(|disk| disk.reads()).sum();
        let proof = block_on(asked.leaf(&shard, index)).unwrap().unwrap();
        host_proof::verify(&shard, len, index, &proof).unwrap();
        let after: u64 = machine.volumes.iter().map(|disk| disk.reads()).sum();
        assert_eq!(after - before, 2, "leaf {index}");
    }
    let beyond = block_on(asked.leaf(&shard, 5_000));
    assert!(matches!(beyond, Err(Error::Damaged { .. })), "{beyond:?}");
    let stranger = shard_of(&bytes_of(2, 9));
    assert_eq!(block_on(asked.leaf(&stranger, 0)).unwrap(), None);

    let row = running.ledger.read().unwrap().placement(&shard).unwrap();
    let row = row.unwrap();
    let volume = usize::from(row.volume.0[0]) - 1;
    // A byte of the second unit: its leaves are lost, those of the first are not.
    let at = usize::try_from(row.offset).unwrap() + 4096 + 65_536 + 9;
    machine.volumes[volume].damage(at);
    assert!(block_on(asked.leaf(&shard, 0)).unwrap().is_some());
    let bad = block_on(asked.leaf(&shard, 300));
    assert!(matches!(bad, Err(Error::Damaged { .. })), "{bad:?}");
}
