//! The built-in network files parse, say where they come from, and name only what BTFS has.

use super::KNOWN_NETWORKS;
use host_core::network::Network;

#[test]
fn every_known_network_parses_and_names_its_source() {
    let chains: Vec<u64> = KNOWN_NETWORKS
        .iter()
        .map(|known| {
            assert!(
                known.file.contains("# source = \"github.com/"),
                "{}",
                known.name
            );
            let network: Network = toml::from_str(known.file).unwrap();
            network.check().unwrap();
            assert_eq!(network.name, known.name);
            assert!(network.guard.read_only);
            assert!(!network.private && network.hubs.is_empty());
            assert!(
                network
                    .endpoints
                    .iter()
                    .all(|url| url.starts_with("https://"))
            );
            assert_eq!(network.contracts.named().len(), 3);
            assert!(network.contracts.staking().is_err());
            network.chain_id
        })
        .collect();
    assert_eq!(chains, [199, 1029]);
}
