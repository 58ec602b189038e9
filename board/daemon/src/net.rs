//! The verbs of `board-net`.
//!
//! Enters: requests. Leaves: changes of this kernel's neighbour tables within the bounds of
//! `board-wire`, checked here against what the kernel says now. Invariants: a table never becomes
//! narrower; only entries that failed are removed, never a gateway's; only a gateway of a route is
//! kept, with the hardware address that the kernel itself resolved, so a client can name no
//! neighbour and no address of its own making.

use std::net::IpAddr;
use std::time::Duration;

use board_watch::neighbour::{Family as Kernels, Sampler, Table};
use board_wire::Refusal;
use board_wire::bounds::{self, FLUSH_PAUSE, GATEWAYS_MAX, WIDEN_PAUSE};
use board_wire::codec::{from_bytes, to_bytes};
use board_wire::net::{Family, Gateway, Limits, Reply, Request, Standing};

use crate::netlink::{Errno, Hop, Neighbour, Netlink};
use crate::pace::once;
use crate::server::{Answer, Verbs};

/// Entries removed at once: the loop is held for a few milliseconds.
const REMOVED_MAX: usize = 4_096;

/// The verbs over this namespace's kernel.
#[derive(Debug, Default)]
pub struct NetVerbs {
    netlink: Netlink,
    sampler: Sampler,
    widened: [Option<Duration>; 2],
    flushed: Option<Duration>,
}

impl NetVerbs {
    fn act(&mut self, request: &Request, at: Duration) -> Result<Reply, Refusal> {
        match request {
            Request::Thresholds => self.thresholds(),
            Request::Widen { limits } => self.widen(*limits, at),
            Request::FlushFailed { interface } => self.flush(*interface, at),
            Request::Gateways => self.gateways(),
            Request::Pin { gateway } => self.pin(*gateway, true),
            Request::Unpin { gateway } => self.pin(*gateway, false),
        }
    }

    fn tables(&mut self) -> Result<[Option<Table>; 2], Refusal> {
        let sample = self.sampler.look(false);
        sample
            .map(|sample| sample.tables)
            .map_err(|_| Refusal::Unreadable)
    }

    fn thresholds(&mut self) -> Result<Reply, Refusal> {
        let told = self.tables()?.into_iter().flatten().map(|table| Limits {
            family: match table.family {
                Kernels::V4 => Family::V4,
                Kernels::V6 => Family::V6,
            },
            thresholds: table.thresholds,
        });
        let tables = told.collect();
        Ok(Reply::Thresholds { tables })
    }

    fn widen(&mut self, limits: Limits, at: Duration) -> Result<Reply, Refusal> {
        let v6 = limits.family == Family::V6;
        let place = usize::from(v6);
        let table = self.tables()?.get(place).copied().flatten();
        let now = table.ok_or(Refusal::Unreadable)?.thresholds;
        bounds::widening(now, limits.thresholds)?;
        if let Some(last) = self.widened.get_mut(place) {
            paced(once(last, at, WIDEN_PAUSE))?;
        }
        self.netlink
            .set_thresholds(v6, limits.thresholds)
            .map_err(kernel)?;
        Ok(Reply::Done { changed: 1 })
    }

    fn flush(&mut self, interface: u32, at: Duration) -> Result<Reply, Refusal> {
        bounds::within(interface.into(), 1, i32::MAX.unsigned_abs().into())?;
        paced(once(&mut self.flushed, at, FLUSH_PAUSE))?;
        let hops = self.netlink.hops().map_err(kernel)?;
        let neighbours = self.netlink.neighbours().map_err(kernel)?;
        let failed = neighbours.into_iter().filter(|one| {
            one.interface == interface && one.has_failed() && !leads_over(&hops, one)
        });
        let mut changed = 0;
        for one in failed.take(REMOVED_MAX) {
            match self.netlink.remove(interface, one.address) {
                Ok(()) => changed += 1,
                // Collected in the meantime.
                Err(libc::ENOENT) => {}
                Err(errno) => return Err(kernel(errno)),
            }
        }
        Ok(Reply::Done { changed })
    }

    fn standing(&mut self) -> Result<Vec<Standing>, Refusal> {
        let hops = self.netlink.hops().map_err(kernel)?;
        let neighbours = self.netlink.neighbours().map_err(kernel)?;
        let kept = neighbours.into_iter().filter_map(|one| {
            let hardware = one.hardware?;
            let gateway = Gateway {
                interface: one.interface,
                address: one.address,
                hardware,
            };
            let pinned = one.is_learned();
            let known = one.is_resolved() && leads_over(&hops, &one);
            known.then_some(Standing { gateway, pinned })
        });
        Ok(kept.take(GATEWAYS_MAX).collect())
    }

    fn gateways(&mut self) -> Result<Reply, Refusal> {
        let gateways = self.standing()?;
        Ok(Reply::Gateways { gateways })
    }

    fn pin(&mut self, gateway: Gateway, pinned: bool) -> Result<Reply, Refusal> {
        let known = self.standing()?;
        let found = known.iter().find(|standing| standing.gateway == gateway);
        let standing = found.ok_or(Refusal::NoGateway)?;
        if standing.pinned == pinned {
            return Ok(Reply::Done { changed: 0 });
        }
        let Gateway {
            interface,
            address,
            hardware,
        } = gateway;
        let learned = self.netlink.learn(interface, address, hardware, pinned);
        learned.map_err(kernel)?;
        Ok(Reply::Done { changed: 1 })
    }
}

impl Verbs for NetVerbs {
    fn answer(&mut self, body: &[u8], at: Duration) -> Answer {
        let read = from_bytes::<Request>("request", body);
        let ends = read.is_err();
        let reply = match read {
            Ok(request) => self.act(&request, at).unwrap_or_else(Reply::from),
            Err(_) => Refusal::Malformed.into(),
        };
        Answer {
            body: to_bytes(&reply),
            descriptor: None,
            ends,
        }
    }

    fn refuse(&self, why: Refusal) -> Vec<u8> {
        to_bytes(&Reply::from(why))
    }
}

fn leads_over(hops: &[Hop], one: &Neighbour) -> bool {
    let same = |hop: &Hop| hop.interface == one.interface && hop.address == one.address;
    !is_unusable(one.address) && hops.iter().any(same)
}

/// Addresses that are no single neighbour.
const fn is_unusable(address: IpAddr) -> bool {
    address.is_unspecified() || address.is_multicast() || address.is_loopback()
}

fn paced(wait: Option<Duration>) -> Result<(), Refusal> {
    let Some(wait) = wait else { return Ok(()) };
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
    Err(Refusal::Early { wait_ms })
}

const fn kernel(errno: Errno) -> Refusal {
    Refusal::Kernel { errno }
}
