//! The demo's report: the names scripts rely on, and the judgement whether it held.

use serde::Serialize;

/// The file that went through the network.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct FileReport {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Data and parity shards a segment.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct GeometryReport {
    pub(crate) data: u16,
    pub(crate) parity: u16,
}

/// Host processes.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct HostsReport {
    pub(crate) started: usize,
    pub(crate) killed: usize,
    /// Killed hosts that keep at least one data shard.
    pub(crate) killed_with_data_shards: usize,
}

/// The upload.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct PutReport {
    pub(crate) seconds: f64,
    pub(crate) mib_per_s: f64,
    /// CPU-seconds and peak memory of each phase, as the renter measured them.
    pub(crate) phases: serde_json::Value,
}

/// A download.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct GetReport {
    pub(crate) sha256: String,
    pub(crate) seconds: f64,
}

/// What killed hosts still hold.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct RestartReport {
    pub(crate) shards_expected: u64,
    pub(crate) shards_found: u64,
    pub(crate) cheques_expected: u64,
    pub(crate) cheques_found: u64,
}

/// Money, read from the chain.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct SettlementReport {
    /// Smallest units promised by cheques (from the renter's book).
    pub(crate) issued: String,
    /// Smallest units the vault says it has paid.
    pub(crate) cashed: String,
    /// Rise of all hosts' token balances.
    pub(crate) host_balance_delta: String,
}

/// Storage proofs, read from the chain.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct ProofsReport {
    pub(crate) hosts: usize,
    /// Hosts whose shards stand in a dataset on chain.
    pub(crate) committed: usize,
    /// Hosts of which a period's proof was accepted.
    pub(crate) accepted: usize,
    pub(crate) seconds: f64,
}

/// The whole report.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) file: FileReport,
    pub(crate) geometry: GeometryReport,
    pub(crate) hosts: HostsReport,
    pub(crate) put: PutReport,
    pub(crate) proofs: ProofsReport,
    pub(crate) get: GetReport,
    pub(crate) get_after_kill: GetReport,
    pub(crate) restart: RestartReport,
    pub(crate) settlement: SettlementReport,
    pub(crate) host_rss_mib_max: f64,
    pub(crate) leftover_processes: usize,
}

/// One line of the judgement.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) what: &'static str,
    pub(crate) held: bool,
}

impl Report {
    /// Everything that must hold for the demo to have succeeded.
    pub(crate) fn checks(&self, wanted_kills: usize) -> Vec<Check> {
        let check = |what, held| Check { what, held };
        let money = &self.settlement;
        let restart = &self.restart;
        let killed_data = self.hosts.killed_with_data_shards;
        let data_wanted = wanted_kills.min(8).min(usize::from(self.geometry.data));
        vec![
            check("the file came back", self.get.sha256 == self.file.sha256),
            check("the file came back after the kill", {
                self.get_after_kill.sha256 == self.file.sha256
            }),
            check("proofs were accepted on chain", {
                self.proofs.committed > 0 && self.proofs.accepted > 0
            }),
            check("hosts were killed", self.hosts.killed == wanted_kills),
            check("killed hosts held data shards", killed_data >= data_wanted),
            check("no shard was lost", {
                restart.shards_expected > 0 && restart.shards_found == restart.shards_expected
            }),
            check("no cheque was lost", {
                restart.cheques_expected > 0 && restart.cheques_found == restart.cheques_expected
            }),
            check("every cheque was cashed", {
                money.issued != "0" && money.cashed == money.issued
            }),
            check(
                "the hosts were paid",
                money.host_balance_delta == money.cashed,
            ),
            check("no process is left", self.leftover_processes == 0),
        ]
    }
}
