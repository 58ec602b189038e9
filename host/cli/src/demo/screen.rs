//! What a person sees of the demo: one line a step, a table at the end, the commands to try.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use host_api::TokenSecret;

use super::report::{Check, Report};

/// The demo's output, on standard error: standard output stays free for scripts.
pub(crate) struct Screen {
    step: Option<(String, Instant)>,
    live: bool,
}

impl Screen {
    /// Opens with the file's name, size and hash.
    pub(crate) fn start(file: &Path, bytes: u64, sha256: &str) -> Self {
        line(&format!(
            "file    {} ({bytes} bytes)\nsha256  {sha256}\n",
            file.display()
        ));
        Self {
            step: None,
            live: std::io::stderr().is_terminal(),
        }
    }

    /// Begins a step.
    pub(crate) fn step(&mut self, what: &str) {
        if self.live {
            let _ = write!(std::io::stderr(), "  ....    {what}");
            let _ = std::io::stderr().flush();
        }
        self.step = Some((what.to_owned(), Instant::now()));
    }

    /// Leaves the step's line to a command that shows its own progress.
    pub(crate) fn make_room(&mut self) {
        if self.live {
            line("");
        }
    }

    /// Ends the step with what came of it.
    pub(crate) fn done(&mut self, how: &str) {
        let Some((what, since)) = self.step.take() else {
            return;
        };
        let back = if self.live { "\r" } else { "" };
        line(&format!(
            "{back}  {:5.1} s {what}: {how}",
            since.elapsed().as_secs_f64()
        ));
    }

    /// The closing table.
    pub(crate) fn table(&self, report: &Report) {
        let (repair, restart) = (&report.repair, &report.restart);
        let money = &report.settlement;
        line(&format!(
            "\n  put              {:8.2} s   {:.1} MiB/s, {}+{} shards\n\
             \x20 get              {:8.2} s\n\
             \x20 get after kill   {:8.2} s   {} of {} hosts dead, {} with data shards\n\
             \x20 proofs accepted  {} of {} hosts, {} committed\n\
             \x20 repaired         {} of {} lost shards on {} joined hosts in {:.1} s, \
             {} verdicts checked\n\
             \x20 get after repair {:8.2} s   {} more dead\n\
             \x20 shards found     {} of {}   cheques found {} of {}\n\
             \x20 cheques cashed   {} of {}   hosts' balances rose by {}\n\
             \x20 host memory      {:.1} MiB at most",
            report.put.seconds,
            report.put.mib_per_s,
            report.geometry.data,
            report.geometry.parity,
            report.get.seconds,
            report.get_after_kill.seconds,
            report.hosts.killed,
            report.hosts.started,
            report.hosts.killed_with_data_shards,
            report.proofs.accepted,
            report.proofs.hosts,
            report.proofs.committed,
            repair.repaired,
            repair.lost_seen,
            repair.joined,
            repair.seconds,
            repair.audits_checked,
            repair.get.seconds,
            repair.killed_more,
            restart.shards_found,
            restart.shards_expected,
            restart.cheques_found,
            restart.cheques_expected,
            money.cashed,
            money.issued,
            money.host_balance_delta,
            report.host_rss_mib_max,
        ));
    }

    /// Says what held and what did not; true when everything did.
    pub(crate) fn verdict(&self, checks: &[Check]) -> bool {
        line("");
        for check in checks {
            line(&format!(
                "  {} {}",
                if check.held { "ok  " } else { "FAIL" },
                check.what
            ));
        }
        checks.iter().all(|check| check.held)
    }

    /// The commands to try on the running network.
    pub(crate) fn try_next(&self, home: &Path, network: &Path) {
        line(&format!(
            "\nThe network keeps running (Ctrl-C ends and removes it). In another terminal:\n\n\
             \x20 export HOLDFAST_HOME={}\n\
             \x20 holdfast ls\n\
             \x20 holdfast put FILE --days 1\n\
             \x20 holdfast get ID -o FILE\n\
             \x20 holdfast wallet balance\n\n\
             The network file is {}.",
            home.display(),
            network.display(),
        ));
    }

    /// Where the first host's dashboard is, and a login made for it.
    pub(crate) fn dashboard(&self, of: Option<(SocketAddr, TokenSecret)>) {
        if let Some((api, token)) = of {
            let token = token.reveal();
            line(&format!(
                "\n  dashboard  http://{api}/dashboard\n  login      {token}"
            ));
        }
    }
}

fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
