//! The network's price, moved by the used share of announced, staked space: hosts announce, their
//! daemons step, and the commands people type tell and do the same. What no stake answers for moves
//! nothing and is not paid.

use std::time::Duration;

use host_chain::PriceFacts;
use serde_json::Value;

use crate::stage::{CHAIN_ID, priced_ground};
use crate::stage::{Home, Host, Plan, Said, Shape, Town, block_on, holdfast, noise, until};

const LIMIT: Duration = Duration::from_secs(300);
/// Covers a mebibyte and a little.
const LITTLE: &str = "0.001t";

fn on(host: &Host, words: &[&str]) -> Said {
    let dir = host.dir.to_string_lossy();
    holdfast(None, &[words, &["--dir", &dir, "--json"]].concat())
}

fn price(town: &Town) -> PriceFacts {
    block_on(town.ground.chain().price_facts()).expect("told")
}

/// Transactions of this intent that ended, by how they ended.
fn ended(host: &Host, intent: &str) -> Vec<String> {
    let said: Value = on(host, &["chain", "transactions"]).json();
    let all = said["ended"].as_array().expect("a list").iter();
    let own = all.filter(|one| one["intent"] == intent);
    own.map(|one| one["state"].as_str().expect("a state").to_owned())
        .collect()
}

#[test]
fn the_price_rises_with_the_used_share_of_staked_space_and_falls_when_more_is_staked() {
    // Goal: announced space moves the price through real daemons. Method: four hosts whose stake
    // covers a mebibyte each are filled beyond the target, and the price rises; then they stake
    // for all their space, which they announce, and the price falls. The command line's step is
    // refused where none is due and done where one is.
    let town = Town::start(
        "prices",
        Shape {
            hosts: 4,
            hubs: 1,
            plan: Plan {
                set: vec!["prices.step=true".to_owned()],
                ..Plan::default()
            },
            ground: Some(priced_ground()),
            ..Shape::default()
        },
    );
    assert_eq!(town.network.chain_id, CHAIN_ID);
    for host in &town.hosts {
        on(host, &["stake", "add", LITTLE]).well();
    }
    let first = price(&town).price;
    let home = Home::make_on(
        town.ground,
        &town.dir.join("renter"),
        &town.file,
        crate::objects::RICH,
    );
    home.put("filling", &noise("prices", 1_700_000), &[]);
    let high = until("the price to rise with the used share", LIMIT, || {
        let now = price(&town);
        (now.price > first).then_some(now)
    });
    assert!(high.space.1 * 10 > high.space.0 * 7, "{high:?}");
    let host = &town.hosts[0];
    let own: Value = on(host, &["price", "show"]).json();
    assert_eq!(own["own"]["host"], host.address.to_string(), "{own}");
    assert!(own["own"]["used"].as_u64() > Some(0), "{own}");

    // What the stake does not cover stays out of the dataset, and gets no cheque.
    let over = home.put("over", &noise("over", 900_000), &[]);
    let codes = |paid: &Value| -> Vec<(String, String)> {
        let missed = paid["missed"].as_array().expect("a list").iter();
        let word = |one: &Value, key: &str| one[key].as_str().expect("a word").to_owned();
        missed
            .map(|one| (word(one, "object"), word(one, "code")))
            .collect()
    };
    let paid = until("an agreement without stake to be told of", LIMIT, || {
        let paid: Value = home.say(&["renter", "pay", "--json"]).json();
        (!codes(&paid).is_empty()).then_some(paid)
    });
    for (object, code) in codes(&paid) {
        assert_eq!(
            (object, code.as_str()),
            (over.clone(), "agreement-omitted"),
            "{paid}"
        );
    }
    for host in &town.hosts {
        on(host, &["stake", "add", "1t"]).well();
    }
    until("what is staked for to be paid", LIMIT, || {
        let paid: Value = home.say(&["renter", "pay", "--json"]).json();
        (codes(&paid).is_empty() && paid["paid"].as_u64() > Some(0)).then_some(())
    });
    let mut highest = first;
    until("the price to fall with more staked space", LIMIT, || {
        let now = price(&town).price;
        let fallen = now < highest;
        highest = highest.max(now);
        fallen.then_some(())
    });
    for host in &town.hosts {
        let said = ended(host, "price/announce");
        assert!(
            said.len() >= 2 && said.iter().all(|state| state == "mined"),
            "{said:?}"
        );
    }

    // The contract takes a step a block; the daemons step once an epoch, so this one is its own.
    // One of theirs may stand in the newest block: then none is due before the next.
    let before = price(&town);
    let dry: Value = until("a step to be due", LIMIT, || {
        let said = on(host, &["price", "step", "--dry-run"]);
        said.success.then(|| said.json())
    });
    assert_eq!(dry["moves"], "0", "{dry}");
    until("a step by hand", LIMIT, || {
        on(host, &["price", "step"]).success.then_some(())
    });
    let after = price(&town);
    assert!(after.stepped_at > before.stepped_at && after.price < before.price);
}
