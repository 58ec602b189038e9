//! What a home's objects cost, and a budget, through the command line.

use serde::Deserialize;

use crate::objects::RICH;
use crate::stage::{noise, shared};

#[derive(Debug, Deserialize)]
struct Costs {
    objects: Vec<Cost>,
    per_epoch: String,
    ahead: String,
    forecast: String,
    forecast_fiat: Option<String>,
    over_budget: Option<String>,
    missing: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Cost {
    id: String,
    name: String,
    unknown: usize,
}

#[test]
fn costs_are_told_and_a_budget_is_held() {
    // Goal: a home's costs are told in tokens and money; a budget that does not hold is a status.
    // Method: one object, a budget far above and one below, a rate from a file.
    let home = shared().renter("costs", RICH);
    let id = home.put("report.pdf", &noise("costs", 400_000), &[]);
    let rate = home.file(
        "rate.json",
        br#"{"price":"2","currency":"EUR","source":"the treasurer","at":0}"#,
    );
    let rate = format!("@{}", rate.display());
    let words = ["costs", "--json", "--rate", &rate, "--budget"];
    let said = home.say(&[&words[..], &["1000t"]].concat());
    let costs: Costs = said.json();
    assert_eq!(costs.objects.len(), 1);
    assert_eq!(costs.objects[0].id, id);
    assert_eq!(costs.objects[0].name, "report.pdf");
    assert_eq!(costs.objects[0].unknown, 0);
    let sum = |text: &str| text.parse::<u128>().expect("a sum");
    let (ahead, epoch) = (sum(&costs.ahead), sum(&costs.per_epoch));
    let forecast = sum(&costs.forecast);
    assert!(forecast >= ahead && ahead > epoch && epoch > 0);
    assert!(
        costs
            .forecast_fiat
            .expect("told")
            .contains("by the treasurer")
    );
    assert_eq!((costs.over_budget, costs.missing), (None, None));

    let said = home.say(&[&words[..], &["1"]].concat());
    assert!(!said.success, "a budget of one unit does not hold");
    let over: Costs = serde_json::from_str(&said.out).expect("told all the same");
    let over: u128 = over.over_budget.expect("over").parse().expect("a sum");
    assert_eq!(over, forecast - 1);
}
