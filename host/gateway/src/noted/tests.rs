//! Names of a request with many.

use serde_json::{Value, json};

use super::*;

#[test]
fn many_names_take_several_entries_and_none_is_left_out() {
    let name = |index: usize| json!(format!("{index}{}", "\u{1}".repeat(1000)));
    let runs = in_runs((0..100).map(name));
    assert!(
        runs.len() > 1
            && runs
                .iter()
                .all(|run| run.to_string().len() <= NAMES_LEN + 200)
    );
    let all: Vec<Value> = runs
        .iter()
        .flat_map(|run| run.as_array().expect("a list").clone())
        .collect();
    assert_eq!(all, (0..100).map(name).collect::<Vec<Value>>());
    assert_eq!(in_runs(std::iter::empty()), [json!([])]);
}
