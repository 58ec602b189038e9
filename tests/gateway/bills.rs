//! What buckets cost, through the gateway's own command.

use serde_json::Value;

use crate::served::{Served, town};
use crate::stage::noise;

fn sum(value: &Value) -> u128 {
    let text = value.as_str().expect("sums are text");
    text.parse().expect("a sum")
}

#[test]
fn the_costs_of_all_buckets_are_those_of_all_objects() {
    // Goal: every unit of what is stored is on one bucket's line, also of objects that two buckets
    // share. Method: small bodies of two buckets in one shared object, a large one, an object
    // stored beside the gateway; the lines against `holdfast costs`.
    let served = Served::start(town(), "bills");
    for bucket in ["one", "two"] {
        served.aws(&["s3", "mb", &format!("s3://{bucket}")]).well();
    }
    let body = |name: &str, len: usize| {
        let path = served.home.file(name, &noise(name, len));
        path.to_string_lossy().into_owned()
    };
    let (small, large) = (body("small", 3000), body("large", 900_000));
    std::thread::scope(|scope| {
        for path in ["one/a", "one/b", "two/a"] {
            let (served, small) = (&served, &small);
            scope.spawn(move || served.curl(path, &["-T", small]).well());
        }
    });
    served.curl("two/large", &["-T", &large]).well();
    let bill: Value = served.home.say(&["gateway", "costs", "--json"]).json();
    let costs: Value = served.home.say(&["costs", "--json"]).json();
    let lines = bill["lines"].as_array().expect("lines");
    for (of, all) in [("epoch", "per_epoch"), ("left", "left"), ("ahead", "ahead")] {
        let shared: u128 = lines.iter().map(|line| sum(&line[of])).sum();
        assert_eq!(shared, sum(&costs[all]), "{of}");
    }
    let of = |bucket: &str| {
        let found = lines.iter().find(|line| line["for"]["bucket"] == bucket);
        found.unwrap_or_else(|| panic!("no line for {bucket}: {bill}"))
    };
    assert_eq!(of("one")["bytes"], 2 * 3000);
    assert!(sum(&of("two")["epoch"]) > sum(&of("one")["epoch"]));
}
