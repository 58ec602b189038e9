//! The demo's report: the names scripts rely on, and the judgement whether it held.

use serde::Serialize;

/// Shards above the data shards below which a guard repairs, when nothing else is said.
pub(crate) const MARGIN: usize = 5;

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
    /// Smallest units the guards' vaults say they have paid to hosts, for shards they repaired.
    pub(crate) guards_cashed: String,
    /// Rise of all hosts' token balances.
    pub(crate) host_balance_delta: String,
    /// Whether that rise is what the renter's and the guards' vaults paid, to the unit.
    pub(crate) sums_agree: bool,
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

/// The guards' work after the kill, in their own signed words.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct RepairReport {
    /// Hosts that joined after the kill.
    pub(crate) joined: usize,
    /// Shards a guard held for lost.
    pub(crate) lost_seen: u64,
    /// Shards that were rebuilt on another host.
    pub(crate) repaired: u64,
    /// Of them, shards whose new place the renter took over.
    pub(crate) adopted: u64,
    /// Verdicts of all guards.
    pub(crate) audits: u64,
    /// Verdicts of one guard that were checked again from their file.
    pub(crate) audits_checked: u64,
    /// Size of that file.
    pub(crate) audits_mib: f64,
    /// From the first question to the last shard rebuilt.
    pub(crate) seconds: f64,
    /// Further hosts killed after the repair, so that too few of the first places are left.
    pub(crate) killed_more: usize,
    /// What came back then.
    pub(crate) get: GetReport,
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
    pub(crate) repair: RepairReport,
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
    /// Whether so many hosts were killed that guards repair: fewer live than the data shards and
    /// the margin of five.
    pub(crate) fn repair_is_due(&self) -> bool {
        let alive = self.hosts.started.saturating_sub(self.hosts.killed);
        let data = usize::from(self.geometry.data);
        self.hosts.killed > 0 && (data..data + MARGIN).contains(&alive)
    }

    /// Hosts to be killed after the repair: without what was rebuilt the file is lost then.
    pub(crate) fn kill_more(&self) -> usize {
        let alive = self.hosts.started.saturating_sub(self.hosts.killed);
        (alive + 1).saturating_sub(usize::from(self.geometry.data))
    }

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
            check("guards rebuilt shards after the kill", {
                let repair = &self.repair;
                let rebuilt = repair.repaired > 0 && repair.adopted == repair.repaired;
                !self.repair_is_due() || (rebuilt && repair.audits_checked > 0)
            }),
            check("the file came back after the repair, which it needed", {
                let repair = &self.repair;
                let right = repair.killed_more > 0 && repair.get.sha256 == self.file.sha256;
                !self.repair_is_due() || right
            }),
            check("no shard was lost", {
                restart.shards_expected > 0 && restart.shards_found == restart.shards_expected
            }),
            check("no cheque was lost", {
                restart.cheques_expected > 0 && restart.cheques_found == restart.cheques_expected
            }),
            check("every cheque was cashed", {
                money.issued != "0" && money.cashed == money.issued
            }),
            check("the hosts were paid", {
                money.host_balance_delta != "0" && money.sums_agree
            }),
            check("no process is left", self.leftover_processes == 0),
        ]
    }
}
