//! Which announced hosts take part in a put. Announcements enter in any order, one at a time;
//! what is held never exceeds a few candidates for each shard. Pure: randomness is one seed.
//!
//! Two draws decide. While announcements pass, every host that fits has a number from
//! SHA-256(seed, peer), and the lowest numbers are held: a uniform sample, whatever the order. On
//! a public network each network prefix (prefix.rs) holds one place in it at most, so that a
//! thousand hosts in one rack are one candidate; hosts below the bar are held apart, so that they
//! take no place of others. At the end the held ones are ordered by a second draw in which price,
//! free space, version, score, stake and speed weigh: a host at a quarter of the median price is
//! twice as likely as one at the median to come early, and never more than four times (a price of
//! nothing must not draw every shard to itself). Then the list is cut so that no prefix stands in
//! it twice, no operator more often than the policy says, and newcomers not beyond their lane.

use std::collections::{BTreeMap, BTreeSet};

use host_core::PeerId;
use host_core::announce::Announcement;
use host_core::{Address, Amount};
use host_score::{Facts, Lane, Score};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::policy::Constraint;
use super::prefix::{self, Prefix};
use super::{Chosen, Wanted};
use crate::error::Error;

/// Candidates held for each host needed.
const HELD_PER_NEED: usize = 8;
/// Candidates held at least.
const HELD_MIN: usize = 64;
/// How far price can move a host's weight, up or down.
const PRICE_SWAY: f64 = 4.0;
/// How much more likely a host of full score comes early than one of none.
const SCORE_SWAY: f64 = 4.0;
/// On a public network an operator keeps at most this part of the parity: losing it loses little.
const OPERATOR_SHARE: usize = 4;

/// A host's place in the first draw; the peer makes it unique.
type Draw = (u128, PeerId);

/// What is known of a host beside its own words.
pub(crate) type Standing = Option<(Facts, Score)>;

/// Why a host stands where it does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The host.
    pub host: PeerId,
    /// Who is paid for it.
    pub operator: Address,
    /// Its price.
    pub price: Amount,
    /// What it says it has staked.
    pub stake: Amount,
    /// Its score in thousandths of points; none when no hub keeps counts.
    pub score: Option<u32>,
    /// Whether it takes a newcomer's place.
    pub newcomer: bool,
    /// What price, space, version, score, stake and speed weigh in its draw.
    pub weights: [f64; 6],
}

/// How a choice came about: what a placement keeps as its evidence.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The seed, as hexadecimal digits: the same seed and lists make the same choice.
    pub seed: String,
    /// The bar in whole points.
    pub bar: u32,
    /// Hubs whose counts were merged.
    pub hubs: usize,
    /// Hosts announced.
    pub known: usize,
    /// Hosts that fit.
    pub fit: usize,
    /// Hosts left out, by the first constraint each breaks.
    pub left_out: BTreeMap<Constraint, usize>,
    /// Hosts whose stake on the chain is below what they say.
    pub liars: Vec<PeerId>,
    /// Those chosen, in the order they are asked.
    pub ranked: Vec<Reason>,
}

/// Which of two words of a host is newer: the copy restored last, then its time.
pub(crate) const fn age(host: &Announcement) -> (u64, u64) {
    (host.offer.generation, host.offer.at_ms)
}

/// A held host and what is known of it.
struct Held {
    host: Announcement,
    standing: Standing,
    newcomer: bool,
}

/// What several hosts share; one of them stands for it in a sample.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Home {
    Prefix(Prefix),
    /// An operator, and one of as many places as it may have.
    Operator(Address, u128),
}

/// A uniform sample, one place a home.
#[derive(Default)]
struct Pool {
    most: usize,
    held: BTreeMap<Draw, Held>,
    by_home: BTreeMap<Home, Draw>,
}

impl Pool {
    fn hold(&mut self, draw: Draw, home: Home, held: Held) {
        // The lowest number of a home stands for it, so that the order of arrival is nothing.
        match self.by_home.get(&home).copied() {
            Some(before) if before <= draw => return,
            Some(before) => self.drop_held(&before),
            None if self.held.len() < self.most => {}
            None => match self.held.last_key_value().map(|(last, _)| *last) {
                Some(last) if last > draw => self.drop_held(&last),
                _ => return,
            },
        }
        self.by_home.insert(home, draw);
        self.held.insert(draw, held);
    }

    fn drop_held(&mut self, draw: &Draw) {
        if self.held.remove(draw).is_some() {
            self.by_home.retain(|_, held| held != draw);
        }
    }
}

/// The candidates so far.
pub(crate) struct Choice {
    wanted: Wanted,
    /// Whether prefixes must differ.
    apart: bool,
    seed: [u8; 32],
    bar: u32,
    lane: Lane,
    /// Newest word of every host, and what speaks against it.
    seen: BTreeMap<PeerId, ((u64, u64), Option<Constraint>)>,
    /// One place a prefix: a rack of made-up hosts cannot crowd out the others.
    pool: Pool,
    /// As many places an operator as it may keep shards, where that is bounded: neither can one
    /// operator in a thousand racks. A second sample beside the first, since a host that loses its
    /// place in one for its rack and in the other for its owner would make the order count.
    owners: Pool,
    newcomers: Pool,
}

impl Choice {
    /// No candidate yet. `apart` asks for hosts in different network prefixes, `bar` is the
    /// network's.
    pub(crate) fn new(wanted: Wanted, apart: bool, bar: u32, seed: [u8; 32]) -> Self {
        let bar = wanted.policy.score_min.unwrap_or(bar);
        let lane = host_score::lane(wanted.need, wanted.parity, bar);
        let pool = |most| Pool {
            most,
            ..Pool::default()
        };
        Self {
            pool: pool((wanted.need * HELD_PER_NEED).max(HELD_MIN)),
            owners: pool((wanted.need * HELD_PER_NEED).max(HELD_MIN)),
            newcomers: pool(lane.places * HELD_PER_NEED),
            wanted,
            apart,
            seed,
            bar,
            lane,
            seen: BTreeMap::new(),
        }
    }

    /// Hosts held now.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.pool.held.len() + self.owners.held.len() + self.newcomers.held.len()
    }

    /// Considers a host whose signature was checked. An older word than one before is ignored; a
    /// newer one replaces it, also when the host does not fit any more.
    pub(crate) fn take(&mut self, host: &Announcement, standing: Standing) {
        let (peer, age) = (host.offer.peer, age(host));
        let draw = (number(b"held", &self.seed, &peer), peer);
        match self.seen.get(&peer) {
            Some((known, _)) if *known >= age => return,
            Some(_) => {
                self.pool.drop_held(&draw);
                self.owners.drop_held(&draw);
                self.newcomers.drop_held(&draw);
            }
            None => {}
        }
        let newcomer = self.bar > 0 && !standing.is_some_and(|(_, score)| score.reaches(self.bar));
        let broken = self.broken_by(host, newcomer);
        self.seen.insert(peer, (age, broken));
        if broken.is_some() {
            return;
        }
        let held = || Held {
            host: host.clone(),
            standing,
            newcomer,
        };
        let home = Home::Prefix(self.home(host));
        if newcomer {
            return self.newcomers.hold(draw, home, held());
        }
        self.pool.hold(draw, home, held());
        if let Some(bound) = self.per_operator() {
            let places = u128::try_from(bound).unwrap_or(1).max(1);
            let place = number(b"oper", &self.seed, &peer) % places;
            let home = Home::Operator(host.offer.payout, place);
            self.owners.hold(draw, home, held());
        }
    }

    /// Everybody held, once.
    fn all(&self) -> impl Iterator<Item = &Held> {
        let pools = [&self.pool, &self.owners, &self.newcomers];
        let all: BTreeMap<&Draw, &Held> = pools.iter().flat_map(|pool| &pool.held).collect();
        all.into_values()
    }

    fn broken_by(&self, host: &Announcement, newcomer: bool) -> Option<Constraint> {
        let (offer, wanted) = (&host.offer, &self.wanted);
        if offer.leaving {
            return Some(Constraint::Leaving);
        }
        if let Some(broken) = wanted.policy.broken_by(host) {
            return Some(broken);
        }
        let factor = if newcomer { self.lane.stake_factor } else { 1 };
        let asked = wanted.policy.stake_min.0.saturating_mul(factor.into());
        [
            (
                wanted.price_max.is_some_and(|max| offer.price > max),
                Constraint::Price,
            ),
            (offer.epochs_max < wanted.epochs, Constraint::Term),
            (offer.free < wanted.bytes, Constraint::Space),
            (stake(host).0 < asked, Constraint::Stake),
            (newcomer && self.lane.places == 0, Constraint::Score),
        ]
        .into_iter()
        .find_map(|(broken, constraint)| broken.then_some(constraint))
    }

    /// The prefix a host stands for; where prefixes need not differ, itself.
    fn home(&self, host: &Announcement) -> Prefix {
        let own = || Prefix::Peer(host.offer.peer);
        match self.apart {
            true => prefix::of(&host.offer.addrs).into_iter().next(),
            false => None,
        }
        .unwrap_or_else(own)
    }

    /// Shards of a segment one operator may keep; none for no bound.
    fn per_operator(&self) -> Option<usize> {
        let share = (self.wanted.parity / OPERATOR_SHARE).max(1);
        let usual = self.apart.then_some(share);
        self.wanted.policy.per_operator.or(usual)
    }

    /// The hosts in the order they are asked; twice as many as needed and a few at most.
    pub(crate) fn pick(self, hubs: usize) -> Result<Chosen, Error> {
        let need = self.wanted.need;
        let mut left_out: BTreeMap<Constraint, usize> = BTreeMap::new();
        for constraint in self.seen.values().filter_map(|(_, broken)| *broken) {
            *left_out.entry(constraint).or_default() += 1;
        }
        let out: usize = left_out.values().sum();
        let fit = self.seen.len() - out;
        if fit < need {
            return Err(match left_out.iter().max_by_key(|(_, count)| **count) {
                Some((constraint, count)) => Error::TooStrict {
                    need,
                    have: fit,
                    constraint: constraint.key(),
                    left_out: *count,
                    known: self.seen.len(),
                },
                None => Error::TooFewHosts { need, have: fit },
            });
        }
        let (hosts, ranked, cut) = self.list();
        if hosts.len() < need {
            let have = hosts.len();
            return Err(match cut {
                Cut::Prefix => Error::TooFewPrefixes { need, fit, have },
                Cut::Operator(bound) => Error::TooFewOperators {
                    need,
                    fit,
                    have,
                    bound,
                },
                Cut::Lane => Error::TooStrict {
                    need,
                    have,
                    constraint: Constraint::Score.key(),
                    left_out: fit - have,
                    known: self.seen.len(),
                },
            });
        }
        let evidence = Evidence {
            seed: hex::encode(self.seed),
            bar: self.bar,
            hubs,
            known: self.seen.len(),
            fit,
            left_out,
            liars: Vec::new(),
            ranked,
        };
        Ok(Chosen {
            hosts,
            fit,
            known: self.seen.len(),
            evidence,
        })
    }

    /// The held ones by their second draw, cut by prefix, operator and lane; and what cut last.
    fn list(&self) -> (Vec<Announcement>, Vec<Reason>, Cut) {
        let need = self.wanted.need;
        let median = self.median_price();
        let mut scored: Vec<(f64, &Held, [f64; 6])> = self
            .all()
            .map(|held| {
                let weights = self.weights(held, median);
                (
                    self.draw(&held.host, weights.iter().product()),
                    held,
                    weights,
                )
            })
            .collect();
        scored.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
        let bound = self.per_operator();
        let (mut taken, mut of) = (BTreeSet::new(), BTreeMap::<Address, usize>::new());
        let (mut hosts, mut ranked) = (Vec::new(), Vec::new());
        let (mut newcomers, mut cuts) = (0, [0_usize; 3]);
        for (_, held, weights) in scored {
            let host = &held.host;
            let prefixes = match self.apart {
                true => prefix::of(&host.offer.addrs),
                false => BTreeSet::new(),
            };
            let mine = of.entry(host.offer.payout).or_default();
            let [by_prefix, by_operator, by_lane] = &mut cuts;
            if hosts.len() >= 2 * need + HELD_PER_NEED {
                break;
            } else if !prefixes.is_disjoint(&taken) {
                *by_prefix += 1;
            } else if bound.is_some_and(|bound| *mine >= bound) {
                *by_operator += 1;
            } else if held.newcomer && newcomers >= self.lane.places {
                *by_lane += 1;
            } else {
                taken.extend(prefixes);
                *mine += 1;
                newcomers += usize::from(held.newcomer);
                hosts.push(host.clone());
                ranked.push(reason(held, weights));
            }
        }
        let [by_prefix, by_operator, by_lane] = cuts;
        let cut = match bound {
            Some(bound) if by_operator > by_prefix.max(by_lane) => Cut::Operator(bound),
            _ if by_lane > by_prefix => Cut::Lane,
            _ => Cut::Prefix,
        };
        (hosts, ranked, cut)
    }

    /// Where a held host stands in the second draw; lower is earlier. Weighted sampling without
    /// replacement: -ln(u) / weight. Source: Efraimidis and Spirakis, 2006.
    fn draw(&self, host: &Announcement, weight: f64) -> f64 {
        let number = number(b"pick", &self.seed, &host.offer.peer) >> 75;
        // 53 bits fill a double's fraction; half a step keeps 0 out.
        let uniform = (number as f64 + 0.5) / 9_007_199_254_740_992.0;
        -uniform.ln() / weight
    }

    /// The middle price of those held.
    fn median_price(&self) -> u128 {
        let mut prices: Vec<u128> = self.all().map(|held| held.host.offer.price.0).collect();
        prices.sort_unstable();
        prices.get(prices.len() / 2).copied().unwrap_or_default()
    }

    /// What price, space, version, score, stake and speed weigh.
    fn weights(&self, held: &Held, median: u128) -> [f64; 6] {
        let (host, policy) = (&held.host, &self.wanted.policy);
        let offer = &host.offer;
        let ratio = (median as f64 + 1.0) / (offer.price.0 as f64 + 1.0);
        let sway = if policy.speed_first { 1.0 } else { PRICE_SWAY };
        let price = ratio.sqrt().clamp(1.0 / sway, sway);
        // A nearly full host is likelier to have filled up since it said so.
        let roomy = offer.free / 4 >= self.wanted.bytes;
        let room = if roomy { 1.0 } else { 0.5 };
        let version = if is_current(&offer.version) { 1.0 } else { 0.5 };
        let share = |points: u32| f64::from(points) / f64::from(host_score::POINTS);
        let score = held.standing.map_or(1.0, |(_, score)| {
            1.0 + (SCORE_SWAY - 1.0) * share(score.total)
        });
        let asked = policy.stake_min.0;
        let stake = match (stake(host).0, asked) {
            (0, _) => 1.0,
            (_, 0) => 1.5,
            (has, asked) => (has as f64 / asked as f64).sqrt().clamp(1.0, 2.0),
        };
        let fast = held.standing.map_or(0, |(_, score)| {
            let [_, _, _, down, up] = score.parts;
            down.band + up.band
        });
        let speed = match policy.speed_first {
            true => 1.0 + f64::from(fast),
            false => 1.0 + f64::from(fast) / 20.0,
        };
        [price, room, version, score, stake, speed]
    }
}

/// What kept the list short.
enum Cut {
    Prefix,
    Operator(usize),
    Lane,
}

/// What a host says it has staked.
pub(crate) fn stake(host: &Announcement) -> Amount {
    let claims = host.offer.claims.as_ref();
    claims.map_or(Amount::ZERO, |claims| claims.stake)
}

fn reason(held: &Held, weights: [f64; 6]) -> Reason {
    let offer = &held.host.offer;
    Reason {
        host: offer.peer,
        operator: offer.payout,
        price: offer.price,
        stake: stake(&held.host),
        score: held.standing.map(|(_, score)| score.total),
        newcomer: held.newcomer,
        weights,
    }
}

/// Whether a version text, `name/MAJOR.MINOR...`, is of this program's minor version or a later.
fn is_current(version: &str) -> bool {
    let parse = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    };
    let theirs = version.rsplit('/').next().and_then(parse);
    theirs >= parse(env!("CARGO_PKG_VERSION"))
}

/// The number a seed draws for a peer; `what` separates draws.
pub(crate) fn number(what: &[u8; 4], seed: &[u8; 32], peer: &PeerId) -> u128 {
    let mut hash = Sha256::new();
    hash.update(what);
    hash.update(seed);
    hash.update(peer.0);
    let hash: [u8; 32] = hash.finalize().into();
    let (head, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    u128::from_be_bytes(*head)
}

#[cfg(test)]
mod tests;
