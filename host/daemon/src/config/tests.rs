//! Configuration: layers, refusals, units.

use super::layers::{Layer, Layered};
use super::units::Size;
use super::{Config, ConfigError};

fn read(text: &str, overrides: &[&str]) -> Result<Layered, ConfigError> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("host.toml");
    std::fs::write(&path, text).expect("written");
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    Layered::read(&path, &overrides)
}

#[test]
fn the_default_is_valid_and_shows_every_knob() {
    let layered = read("", &[]).expect("the default");
    assert_eq!(layered.config, Config::default());
    let keys: Vec<String> = layered
        .entries()
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    for key in [
        "api.listen",
        "gateway.listen",
        "health.listen",
        "swarm.listen",
        "offer.price",
    ] {
        assert!(keys.iter().any(|have| have == key), "{key} is visible");
    }
}

#[test]
fn default_ports_are_the_documented_ones() {
    let config = Config::default();
    assert_eq!(config.api.listen.to_string(), "127.0.0.1:5001");
    assert_eq!(config.gateway.listen.port(), 8080);
    assert_eq!(config.health.listen.port(), 5102);
    assert!(
        config
            .swarm
            .listen
            .iter()
            .all(|addr| addr.contains("/4001"))
    );
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let error = read("[swarm]\nlisten_on = []\n", &[]).expect_err("unknown");
    assert!(error.to_string().contains("listen_on"), "{error}");
    let error = read("", &["swarm.port=1"]).expect_err("unknown");
    assert!(error.to_string().contains("port"), "{error}");
}

#[test]
fn a_value_tells_the_layer_it_comes_from() {
    let layered = read("[offer]\nprice = \"7\"\n", &["offer.epochs_max=9"]).expect("valid");
    assert_eq!(
        layered.entry("offer.price").expect("known").layer,
        Layer::File
    );
    assert_eq!(
        layered.entry("offer.epochs_max").expect("known").layer,
        Layer::CommandLine
    );
    assert_eq!(
        layered.entry("offer.open").expect("known").layer,
        Layer::Default
    );
    assert_eq!(layered.config.offer.epochs_max, 9);
}

#[test]
fn a_bad_value_never_reaches_the_file() {
    let layered = read("", &[]).expect("valid");
    assert!(layered.with("storage.queue_depth", "0").is_err());
    assert!(layered.with("api.listen", "nowhere").is_err());
    assert!(layered.with("api.port", "1").is_err());
    assert!(
        layered.with("api.cors.origins", "[\"*\"]").is_err(),
        "any page could act for its reader"
    );
    let (text, live) = layered.with("offer.price", "\"12\"").expect("valid");
    assert!(live && text.contains("12"));
    let (_, live) = layered.with("api.listen", "127.0.0.1:6001").expect("valid");
    assert!(!live);
}

#[test]
fn sizes_read_and_print_as_people_write_them() {
    assert_eq!("64 MiB".parse(), Ok(Size(64 << 20)));
    assert_eq!("1024".parse(), Ok(Size(1024)));
    assert_eq!(Size(1 << 40).to_string(), "1 TiB");
    assert!("many".parse::<Size>().is_err());
    assert!("99999999 TiB".parse::<Size>().is_err());
}

#[test]
fn the_price_of_gas_is_bounded_by_what_its_chain_asks() {
    // The floor of BTTC's validators, in wei, with every raise to four times that.
    let floor = 9_000_000_000_000_000;
    let config = super::ChainConfig::default();
    for chain in [199, 1029] {
        assert!(config.fee_bound(chain) >= 4 * floor);
    }
    assert!(config.fee_bound(1) < floor);
    let set = super::ChainConfig {
        fee_cap: host_core::Amount(5),
        ..config
    };
    assert_eq!(set.fee_bound(199), 5);
}
