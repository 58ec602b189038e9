//! The network at one moment, as its hosts announced it and this server counted it. Pure.

use std::collections::BTreeMap;

use host_core::announce::Announcement;
use host_core::witness::{ScoreRules, Watched};
use host_score::{facts, score};
use serde::Serialize;

/// Samples kept: a day at two a minute.
pub const SAMPLES_MAX: usize = 2880;

/// One moment in few numbers, for the charts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Hosts announced.
    pub hosts: usize,
    /// Bytes they can take.
    pub free: u64,
    /// Bytes they keep.
    pub used: u64,
}

/// The network at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Picture {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Hosts announced and not leaving.
    pub hosts: usize,
    /// Bytes they can take.
    pub free: u64,
    /// Bytes they keep.
    pub used: u64,
    /// The middle price, smallest units per GiB and epoch.
    pub price: u128,
    /// Hosts of each version.
    pub versions: BTreeMap<String, usize>,
    /// Hosts of each whole point of score; those that warm up count as 0.
    pub scores: [usize; 11],
    /// Hosts that reach the network's bar.
    pub above_bar: usize,
    /// Hosts counted, those that are gone too.
    pub counted: usize,
}

impl Picture {
    /// Draws it from announcements and counts.
    pub(crate) fn of<'a>(
        announced: impl Iterator<Item = &'a Announcement>,
        counted: &[Watched],
        (rules, bar): (&ScoreRules, u32),
        at_ms: u64,
    ) -> Self {
        let mut picture = Self {
            at_ms,
            hosts: 0,
            free: 0,
            used: 0,
            price: 0,
            versions: BTreeMap::new(),
            scores: [0; 11],
            above_bar: 0,
            counted: counted.len(),
        };
        let mut prices = Vec::new();
        for offer in announced
            .map(|host| &host.offer)
            .filter(|offer| !offer.leaving)
        {
            picture.hosts += 1;
            picture.free = picture.free.saturating_add(offer.free);
            picture.used = picture.used.saturating_add(offer.used);
            prices.push(offer.price.0);
            *picture.versions.entry(offer.version.clone()).or_default() += 1;
        }
        prices.sort_unstable();
        picture.price = prices.get(prices.len() / 2).copied().unwrap_or_default();
        for watched in counted {
            let score = score(&facts(watched, at_ms, rules), rules);
            let whole = usize::try_from(score.total / 1000).unwrap_or(0);
            if let Some(count) = picture.scores.get_mut(whole) {
                *count += 1;
            }
            picture.above_bar += usize::from(score.reaches(bar));
        }
        picture
    }

    /// Its few numbers.
    #[must_use]
    pub const fn sample(&self) -> Sample {
        Sample {
            at_ms: self.at_ms,
            hosts: self.hosts,
            free: self.free,
            used: self.used,
        }
    }
}
