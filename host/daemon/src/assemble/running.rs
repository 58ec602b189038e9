//! A host that serves: its tasks are started here, and it is stopped by what stands here.
//!
//! Invariant: it ends in order, so that nothing that still runs misses what it stands on. Does
//! not: open drivers (`assemble`).

use std::sync::Arc;

use host_core::seams::Escrow;
use host_net::Net;
use host_settle::Releaser;
use tokio::sync::Notify;
use tracing::{info, warn};

use super::{Host, HostDesk};
use crate::api::door;
use crate::api::{self, Api};
use crate::backup::instance::Refusal;
use crate::firsts::Firsts;
use crate::machine::pulse::Pulse;
use crate::machine::{self, Watching};
use crate::stakes::StakeDesk;
use crate::standing::Standing;
use crate::supervise::Tasks;
use crate::{
    claim, elsewhere, forget, heartbeat, leave, memory, nvme, prices, prover, scrub, tasks, welcome,
};

/// A serving host.
pub struct Running {
    desk: Arc<HostDesk>,
    net: Net,
    tasks: Tasks,
    standing: Arc<Standing>,
    /// Rung when a restart is asked for over the API.
    pub restart: Arc<Notify>,
    _lock: host_uring::DirLock,
}

impl Host {
    /// Starts every task.
    #[must_use]
    pub fn run(self) -> Running {
        let mut running = Tasks::default();
        let stopping = running.stopping();
        let desk = self.desk;
        let pulse = Pulse::begin(desk.ledger().clone(), self.net.clone());
        let beat = pulse.conversations();
        let converse = tasks::converse(Arc::clone(&desk), self.inlet, beat, stopping.clone());
        running.spawn("converse", converse);
        let watch = tasks::watch_head(
            Arc::clone(desk.chain()),
            self.head,
            Arc::clone(&self.records.vitals),
            stopping.clone(),
        );
        running.spawn("head", watch);
        let announce = heartbeat::announce(
            self.heartbeats.clone(),
            Arc::clone(&desk),
            self.net.clone(),
            Arc::clone(&self.standing),
            stopping.clone(),
        );
        running.spawn("announce", announce);
        let days = heartbeat::keep_days(self.heartbeats, self.net.clone(), stopping.clone());
        running.spawn("days", days);
        running.spawn("reads", tasks::reads(Arc::clone(&desk), stopping.clone()));
        running.spawn("expire", tasks::expire(Arc::clone(&desk), stopping.clone()));
        let storage = self.reloader.started.config.storage.clone();
        let forgetting = forget::keep(Arc::clone(&desk), storage, stopping.clone());
        running.spawn("forget", forgetting);
        let drives = scrub::Keeping {
            dir: self.dir.clone(),
            store: desk.store().clone(),
            ledger: desk.ledger().clone(),
            book: self.records.vitals.drives.clone(),
            pressure: self.pressure.subscribe(),
            beat: pulse.drives(),
        };
        running.spawn("drives", scrub::keep(drives, stopping.clone()));
        let asking = nvme::Asking {
            places: nvme::Places::default(),
            store: desk.store().clone(),
            ledger: desk.ledger().clone(),
            book: self.records.vitals.drives.clone(),
        };
        running.spawn("nvme", nvme::keep(asking, stopping.clone()));
        let memory = memory::keep(
            self.pressure.subscribe(),
            self.net.clone(),
            stopping.clone(),
        );
        running.spawn("memory", memory);
        let paying = Arc::clone(&self.live);
        let cash = tasks::cash(Arc::clone(&self.road), self.live, stopping.clone());
        running.spawn("cash", cash);
        if let Some(prover) = self.records.vitals.proofs.prover() {
            desk.set_prover(Arc::clone(prover));
            let rule = *desk.epoch_rule();
            let defender = self.records.vitals.proofs.defender().cloned();
            let (own, beat) = (Arc::clone(prover), pulse.proofs());
            let proofs = prover::keep(own, defender, rule, beat, stopping.clone());
            running.spawn("proofs", proofs);
            if let Ok(escrows) = host_chain::Escrows::of(&self.road.evm) {
                let escrows: Arc<dyn Escrow> = Arc::new(escrows);
                desk.set_escrow(Arc::clone(&escrows));
                let ledger = desk.ledger().clone();
                let releaser = Releaser::new(ledger, escrows, Arc::clone(prover));
                let release = tasks::release(
                    (Arc::clone(&desk), Arc::clone(&self.road), paying),
                    releaser,
                    stopping.clone(),
                );
                running.spawn("release", release);
            }
        }
        let assumptions = tasks::hold_assumptions(
            Arc::clone(&self.road),
            Arc::clone(&self.reloader.mode),
            self.reloader.started.config.chain.guard_every,
            stopping.clone(),
        );
        running.spawn("assumptions", assumptions);
        let others = Arc::clone(&self.road.elsewhere);
        let others = elsewhere::keep(others, desk.policy().host, stopping.clone());
        running.spawn("elsewhere", others);
        let exit = leave::keep(
            Arc::clone(&desk),
            Arc::clone(&self.road),
            Arc::clone(&self.reloader.mode),
            stopping.clone(),
        );
        running.spawn("exit", exit);
        let stakes = Arc::new(StakeDesk::of(&self.dir));
        let started = &self.reloader.started.config;
        let cold = started.offer.payout;
        let cold = cold.filter(|payout| *payout != desk.policy().host);
        let firsts = Firsts::of(&self.dir, started.first_start, desk.key().peer_id(), cold);
        let whose = {
            let desk = Arc::clone(&desk);
            move || api::whose(&desk)
        };
        let means = welcome::keep(
            Arc::clone(&self.road),
            (firsts, Arc::clone(&stakes)),
            whose,
            stopping.clone(),
        );
        running.spawn("means", means);
        let whose = {
            let desk = Arc::clone(&desk);
            move || api::whose(&desk)
        };
        let prices = prices::keep(
            Arc::clone(&self.road),
            self.reloader.started.config.prices,
            whose,
            stopping.clone(),
        );
        running.spawn("prices", prices);
        let runtime = pulse.runtime();
        let watching = Watching {
            dir: self.dir,
            pressure: self.pressure,
            last: self.records.vitals.machine.clone(),
            net: self.net.clone(),
            drives: self.records.vitals.drives.clone(),
            restart: Arc::clone(&self.restart),
            pulse,
        };
        running.spawn("machine", machine::keep(watching, stopping.clone()));
        let mode = Arc::clone(&self.reloader.mode);
        running.spawn(
            "mode",
            tasks::keep_mode(Arc::clone(&mode), runtime, stopping.clone()),
        );
        let shared = Arc::new(Api {
            desk: Arc::clone(&desk),
            road: self.road,
            stakes,
            places: self.places,
            token: self.records.token,
            restart: Arc::clone(&self.restart),
            reloader: self.reloader,
            backing_up: tokio::sync::Mutex::default(),
            alerts: Arc::clone(&self.records.alerts),
            net: self.net.clone(),
            events: self.records.events,
            vitals: self.records.vitals,
            tokens: self.records.tokens,
            audit: self.records.audit,
            stopping: stopping.clone(),
            mode,
        });
        self.records.alerts.start(&shared, &mut running);
        if let Some(listener) = self.doors.local {
            running.spawn("api", door::serve(Arc::clone(&shared), listener));
        }
        if let Some(listener) = self.doors.socket {
            running.spawn("api-socket", door::serve(Arc::clone(&shared), listener));
        }
        match (self.doors.remote, self.unclaimed) {
            (Some((listener, _)), Some(desk)) => {
                running.spawn("claim", claim::serve(desk, listener, stopping.clone()));
            }
            (Some((listener, _)), None) => {
                running.spawn("api-remote", door::serve(shared, listener));
            }
            (None, _) => {}
        }
        if let Some(listener) = self.gateway {
            running.spawn(
                "page",
                api::serve_page(Arc::clone(&desk), listener, stopping.clone()),
            );
        }
        Running {
            desk,
            net: self.net,
            tasks: running,
            standing: self.standing,
            restart: self.restart,
            _lock: self._lock,
        }
    }
}

impl Running {
    /// Completes when another copy of this host holds the identity.
    pub async fn refused(&self) -> Refusal {
        self.standing.refused().await
    }

    /// Ends everything in order: conversations and tasks, the last word to the hubs, the network,
    /// the ledger.
    pub async fn stop(self) {
        self.tasks.stop().await;
        self.standing.leave(&self.desk, &self.net).await;
        self.net.stop().await;
        if let Err(err) = self.desk.save_all_reads().await {
            warn!(err = %err, "what was read last on paying accounts is forgotten");
        }
        self.desk.ledger().close().await;
        info!("stopped");
    }
}
