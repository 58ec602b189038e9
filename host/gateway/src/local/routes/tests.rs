//! Goal: what is documented is served and what is served is documented. Method: the table walked
//! both ways; schemas held to what the program takes and says.

use std::collections::BTreeSet;

use super::*;
use crate::local::row::{Order, Row};

fn schemas() -> Value {
    serde_json::from_str(SCHEMAS).expect("schemas.json is JSON")
}

#[test]
fn every_documented_route_is_served_and_every_verb_is_documented() {
    let document = document();
    let mut verbs = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let path = path
                .replace("{session}", "named")
                .replace("{object}", "named");
            let (verb, named) = route(&method, &path).unwrap();
            assert_eq!(named, if path.contains("named") { "named" } else { "" });
            assert_eq!(operation["operationId"], format!("{verb:?}").to_lowercase());
            assert!(verbs.insert(format!("{verb:?}")), "{verb:?} twice");
        }
    }
    assert_eq!(verbs.len(), ROUTES.len());
}

#[test]
fn what_is_no_route_is_refused_with_the_methods_there_are() {
    for path in [
        "",
        "/",
        "/api/v1",
        "/api/v1/",
        "/api/v1/puts/",
        "/api/v1/puts/a/b/c",
        "/api/v2/puts",
    ] {
        let fault = route(&Method::GET, path).err();
        // An empty name is a name that no put has.
        if path != "/api/v1/puts/" {
            assert_eq!(fault.unwrap().trouble.code, "route-unknown", "{path}");
        }
    }
    let fault = route(&Method::PATCH, "/api/v1/puts").unwrap_err();
    assert_eq!(fault.allow.as_deref(), Some("POST, GET"));
}

#[test]
fn every_schema_that_is_named_is_there() {
    let schemas = schemas();
    let text = document().to_string();
    for part in text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.get(name).is_some(), "{name}");
    }
}

#[test]
fn what_the_schemas_say_of_puts_is_what_they_take_and_say() {
    let schemas = schemas();
    let keys = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let full = json!({
        "name": "a", "length": 1, "days": 1, "data": 1, "parity": 1, "price_max": "1", "cap": "1",
        "retain_days": 1, "sha256": "00",
    });
    assert_eq!(keys(&schemas["Order"]["properties"]), keys(&full));
    let order: Order = serde_json::from_value(full.clone()).unwrap();
    assert_eq!(keys(&json!(order)), keys(&full));
    let said = Row::new(order, 1).to_json("x");
    assert_eq!(keys(&schemas["Put"]["properties"]), keys(&said));
    let fault = Fault::own(Own::Busy, "why");
    assert_eq!(
        keys(&schemas["Trouble"]["properties"]),
        keys(&json!(fault.trouble))
    );
}
