//! What a host loses with a part of it: nothing with the ledger, only its shards with a volume,
//! nothing that was acknowledged with a power cut.

use host_core::Amount;
use host_transfer::upload::Opened;

use crate::stage::{CHAIN_ID, Caller, Plan, Shape, Town, block_on, noise, shard_of};

#[test]
fn a_host_that_lost_its_ledger_finds_every_fact_on_its_volumes() {
    // Goal: the state device may die. Method: shards, a removed agreement and a cheque; remove the
    // ledger's directory, start, and count, read and cash as before.
    let shape = Shape {
        hosts: 1,
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start("lost-ledger", shape);
    let host = &mut town.hosts[0];
    let caller = Caller::with_vault(&town.network, "lost ledger", Amount(1_000_000_000_000_000));
    let shards: Vec<Vec<u8>> = (0..3)
        .map(|index| noise(&format!("lost ledger {index}"), 100_000 + index))
        .collect();
    let mut sum = Amount::ZERO;
    for bytes in &shards {
        let terms = caller.terms(host, shard_of(bytes), bytes.len() as u64);
        sum = sum
            .plus(terms.cost_of(1).expect("a small sum"))
            .expect("a small sum");
        let cheque = caller.cheque(host, sum);
        block_on(async {
            let mut stored = caller.store(host, &terms, bytes).await.expect("stored");
            stored
                .pay(terms.start_epoch + 1, cheque)
                .await
                .expect("paid");
            stored.close().await;
        });
    }
    let gone = noise("lost ledger, removed", 100_000);
    let terms = caller.terms(host, shard_of(&gone), gone.len() as u64);
    block_on(caller.store(host, &terms, &gone)).expect("stored");
    let (id, to, digest) = (town.network.id(), host.addr(), terms.digest(CHAIN_ID));
    let removed = host_transfer::delete::close(&caller.net, &to, &id, digest, &caller.key);
    assert!(block_on(removed).expect("removed").freed);
    let before = host.status();
    assert_eq!(
        (before.shards, before.agreements, before.received),
        (3, 3, sum)
    );
    host.kill();
    std::fs::remove_dir_all(host.dir.join("state")).expect("the ledger is lost");
    host.start();
    let after = host.status_when("the chain is seen again", |status| status.block > 0);
    assert_eq!(
        (after.shards, after.agreements),
        (before.shards, before.agreements)
    );
    assert_eq!(
        (after.cheques, after.received),
        (before.cheques, before.received)
    );
    assert_eq!((after.used, after.free), (before.used, before.free));
    for bytes in &shards {
        assert_eq!(block_on(caller.fetch(host, bytes)), *bytes);
    }
    host.ask("cash").well();
    host.status_when("the cheque is cashed", |status| status.cashed == sum);
}

#[test]
fn a_host_that_lost_a_volume_loses_only_the_shards_on_it() {
    // Goal: volumes fail alone. Method: two volumes, shards until both hold some; one volume's
    // file vanishes, the host serves the others, and with the file back it serves all.
    let volumes = vec!["volume-a=32 MiB".to_owned(), "volume-b=32 MiB".to_owned()];
    let plan = Plan {
        volumes,
        ..Plan::default()
    };
    let mut town = Town::start(
        "lost-volume",
        Shape {
            hosts: 1,
            plan,
            ..Shape::default()
        },
    );
    let host = &mut town.hosts[0];
    let caller = Caller::stranger(&town.network);
    let shards: Vec<Vec<u8>> = (0..8)
        .map(|index| noise(&format!("lost volume {index}"), 1 << 20))
        .collect();
    for bytes in &shards {
        let terms = caller.terms(host, shard_of(bytes), bytes.len() as u64);
        block_on(caller.store(host, &terms, bytes)).expect("stored");
    }
    host.stop();
    let (path, away) = (host.dir.join("volume-b"), host.dir.join("away"));
    std::fs::rename(&path, &away).expect("the volume vanishes");
    host.start();
    let count = |host: &crate::stage::Host| {
        shards
            .iter()
            .filter(|bytes| block_on(caller.try_fetch(host, bytes)).is_some())
            .count()
    };
    let served = count(host);
    assert!(
        0 < served && served < shards.len(),
        "{served} of {} are served",
        shards.len()
    );
    host.stop();
    std::fs::rename(&away, &path).expect("the volume is back");
    host.start();
    assert_eq!(count(host), shards.len());
    host.stop();
    let found = host.inspect();
    assert_eq!((found.shards, found.damaged), (8, 0));
    assert_eq!(found.bytes, 8 << 20);
}

#[test]
fn a_power_cut_loses_nothing_acknowledged_and_keeps_nothing_half_done() {
    // Goal: receipt and acceptance survive kill -9, an upload cut in the middle leaves no trace.
    // Method: kill while one upload is stored, paid, and another one half sent; again and again.
    let mut town = Town::start(
        "power-cuts",
        Shape {
            hosts: 1,
            ..Shape::default()
        },
    );
    let caller = Caller::with_vault(&town.network, "power cuts", Amount(1_000_000_000_000_000));
    let host = &mut town.hosts[0];
    let mut sum = Amount::ZERO;
    for turn in 1..=3_u64 {
        let bytes = noise(&format!("power cut {turn}"), 500_000);
        let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
        sum = sum
            .plus(terms.cost_of(1).expect("a small sum"))
            .expect("a small sum");
        let cheque = caller.cheque(host, sum);
        let half = noise(&format!("half sent {turn}"), 500_000);
        let half_terms = caller.terms(host, shard_of(&half), half.len() as u64);
        block_on(async {
            let mut stored = caller.store(host, &terms, &bytes).await.expect("stored");
            stored
                .pay(terms.start_epoch + 1, cheque)
                .await
                .expect("paid");
            let Opened::Send(mut stream) = caller.open(host, &half_terms).await.expect("fits")
            else {
                panic!("nothing is stored yet");
            };
            stream.send(&half[..300_000]).await.expect("sent");
            host.kill();
        });
        host.start();
        let status = host.status_when("the chain is seen again", |status| status.block > 0);
        assert_eq!((status.shards, status.agreements), (turn, turn));
        assert_eq!(status.received, sum);
        assert_eq!(block_on(caller.fetch(host, &bytes)), bytes);
    }
    host.stop();
    let found = host.inspect();
    assert_eq!((found.shards, found.damaged, found.agreements), (3, 0, 3));
    assert_eq!((found.cheques, found.promised), (1, sum));
}

#[test]
fn a_damaged_shard_never_leaves_the_host_and_is_counted() {
    // Goal: a drive that returns other bytes harms no reader. Method: flip bytes of the shard's
    // content in the volume's file, start, ask for it, inspect.
    let mut town = Town::start(
        "damaged",
        Shape {
            hosts: 1,
            ..Shape::default()
        },
    );
    let host = &mut town.hosts[0];
    let caller = Caller::stranger(&town.network);
    let bytes = noise("damaged", 300_000);
    let whole = noise("undamaged", 300_000);
    for content in [&bytes, &whole] {
        let terms = caller.terms(host, shard_of(content), content.len() as u64);
        block_on(caller.store(host, &terms, content)).expect("stored");
    }
    host.stop();
    let path = host.dir.join("volume-0");
    let mut volume = std::fs::read(&path).expect("the volume reads");
    let needle = &bytes[100_000..100_064];
    let at = volume
        .windows(64)
        .position(|window| window == needle)
        .expect("it lies as it is");
    volume[at] ^= 0xff;
    std::fs::write(&path, &volume).expect("the volume is written");
    host.start();
    assert_eq!(block_on(caller.try_fetch(host, &bytes)), None);
    assert_eq!(block_on(caller.fetch(host, &whole)), whole);
    let log = host.log();
    assert!(log.contains("stored shard does not verify"), "{log}");
    host.stop();
    let found = host.inspect();
    assert_eq!((found.shards, found.damaged), (1, 1));
}
