//! From twelve or twenty-four words alone: every object is back, and the renter goes on.

use std::time::Duration;

use host_core::Amount;

use crate::objects::RICH;
use crate::stage::{Home, Shape, Town, block_on, ground, holdfast, noise, until};

#[test]
fn the_phrase_alone_brings_every_object_back_and_the_renter_pays_on() {
    // Goal: a lost machine loses nothing. Method: three objects, then an empty home elsewhere and
    // the phrase; list, get each, and put one more on the same hosts.
    let town = Town::start(
        "recovery",
        Shape {
            hosts: 5,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("forgetful", RICH);
    let objects: Vec<(String, Vec<u8>)> = (0..3)
        .map(|index| {
            let bytes = noise(&format!("recovery {index}"), 200_000 + index * 1_000_000);
            (home.put(&format!("file-{index}"), &bytes, &[]), bytes)
        })
        .collect();
    let words = home.file("words", home.phrase.as_bytes());
    let empty = town.dir.join("elsewhere");
    let (words, network) = (words.to_string_lossy(), town.file.to_string_lossy());
    let said = [
        "recover",
        "--phrase",
        &words,
        "--network",
        &network,
        "--json",
    ];
    holdfast(Some(&empty), &said).well();
    let back = Home {
        dir: empty,
        account: home.account,
        phrase: home.phrase.clone(),
    };
    let listed: serde_json::Value = back.say(&["ls", "--json"]).json();
    for (id, bytes) in &objects {
        assert!(listed.to_string().contains(id), "{id} is not listed");
        assert_eq!(back.get(id, &[]), *bytes);
    }
    let bytes = noise("after recovery", 300_000);
    let id = back.put("after", &bytes, &[]);
    assert_eq!(back.get(&id, &[]), bytes);
}

#[test]
fn every_cheque_of_a_put_is_cashed_and_the_balances_rise_by_what_was_issued() {
    // Goal: the money of a put adds up to the unit on three sides. Method: put twice, cash at
    // every host, compare the renter's book, the vault and the hosts' balances.
    let town = Town::start(
        "money",
        Shape {
            hosts: 4,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("payer", RICH);
    let before = home.balance();
    assert_eq!((before.issued, before.vault_balance), (Amount::ZERO, RICH));
    for name in ["one", "two"] {
        home.put(name, &noise(name, 2_500_000), &[]);
    }
    let issued = home.balance().issued;
    let received: u128 = town.hosts.iter().map(|host| host.status().received.0).sum();
    assert_eq!(Amount(received), issued);
    for host in &town.hosts {
        host.ask("cash").well();
    }
    let mut sum = 0;
    for host in &town.hosts {
        let status = host.status_when("all is cashed", |status| status.cashed == status.received);
        let balance = block_on(ground().chain().token_balance(host.address));
        assert_eq!(balance.expect("the chain answers"), status.received);
        sum += status.received.0;
    }
    let after = home.balance();
    assert_eq!((after.vault_paid_out, after.issued), (Amount(sum), issued));
    assert_eq!(after.vault_balance, Amount(RICH.0 - sum));
    assert_eq!(after.available, after.vault_balance);
    assert_eq!(
        block_on(ground().chain().total_paid_out(after.vault))
            .expect("answers")
            .0,
        sum
    );
}

#[test]
fn a_put_killed_in_the_middle_leaves_book_and_hosts_in_agreement() {
    // Goal: kill -9 of the command line harms nothing that follows. Method: kill a put once hosts
    // hold some of its shards, put the same file again, get it, cash at every host.
    let town = Town::start(
        "killed-put",
        Shape {
            hosts: 5,
            hubs: 1,
            ..Shape::default()
        },
    );
    let home = town.renter("killed", RICH);
    let bytes = noise("killed put", 24 << 20);
    let file = home.file("file", &bytes);
    let mut put = home.begin(&Home::put_words(&file.to_string_lossy(), &[]));
    until("some shards are stored", Duration::from_secs(20), || {
        let agreements: u64 = town.hosts.iter().map(|host| host.status().agreements).sum();
        (agreements > 0).then_some(())
    });
    put.kill().expect("killed");
    put.wait().expect("gone");
    let id = home.put("file", &bytes, &[]);
    assert_eq!(home.get(&id, &[]), bytes);
    for host in &town.hosts {
        host.ask("cash").well();
        host.status_when("all is cashed", |status| status.cashed == status.received);
    }
}
