//! A rollout: ring after ring, a few boxes at once, each judged before the next begins.
//!
//! The judgement is pure: what was seen before and what is seen now give wait, done or worse. A box
//! that is worse for the version, or that left it, ends the rollout before another box begins; what
//! is under way is waited for.

use std::time::{Duration, Instant};

use host_api::{SystemVerb, SystemWish};

use super::far::{Far, Seen};
use super::file::{Fleet, One};
use crate::print;

/// Between two looks at a box under way.
const BETWEEN: Duration = Duration::from_secs(1);

/// What is rolled out.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The version.
    pub(super) version: String,
    /// For one box.
    pub(super) patience: Duration,
    /// Boxes of a ring at once.
    pub(super) at_once: usize,
    /// Also where it was left before.
    pub(super) again: bool,
}

/// What is to be done with a box before anything is asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum First {
    /// It runs the version already.
    There,
    /// It is left alone, and why.
    Leave(String),
    /// The rollout ends here, and why.
    End(String),
    /// It is upgraded.
    Go,
}

/// How a box under way is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Now {
    /// Not there yet.
    Wait,
    /// On the version, kept, and as healthy as before.
    Done,
    /// Worse for it, and why.
    Worse(String),
}

/// Judges a box before.
pub(super) fn first(plan: &Plan, seen: &Seen) -> First {
    let system = &seen.system;
    if system.version.is_empty() {
        return First::Leave("no updater keeps it".to_owned());
    }
    if !system.pinned.is_empty() && system.pinned != plan.version {
        return First::Leave(format!("pinned to {}", system.pinned));
    }
    if seen.health == "fail" {
        return First::End(format!("it is not healthy before: {}", seen.output));
    }
    if system.version == plan.version && system.trial.is_empty() {
        return First::There;
    }
    if system.left.contains(&plan.version) && !plan.again {
        return First::End(format!("it left {} before", plan.version));
    }
    First::Go
}

/// Judges a box under way: as it was `before`, as it is `now` (none while it is silent), and the
/// number of the wish.
pub(super) fn judge(plan: &Plan, before: &Seen, now: Option<&Seen>, wish: u64) -> Now {
    let Some(now) = now else {
        return Now::Wait;
    };
    let system = &now.system;
    if system.wish >= wish && system.answer.starts_with("refused") {
        return Now::Worse(system.answer.clone());
    }
    let fresh = system.reasons.iter().rev();
    let known = before.system.reasons.last();
    let mut fresh = fresh.take_while(|reason| Some(*reason) != known);
    if let Some(reason) = fresh.next() {
        return Now::Worse(format!("it came back: {reason}"));
    }
    if system.version != plan.version || !system.trial.is_empty() {
        return Now::Wait;
    }
    if now.health == "fail" {
        return Now::Worse(format!("it fails: {}", now.output));
    }
    let worry = now
        .worries
        .iter()
        .find(|name| !before.worries.contains(name));
    match worry {
        // A check may need a moment after a start; the patience decides.
        Some(_) => Now::Wait,
        None => Now::Done,
    }
}

/// Rolls out; false when it was broken off.
pub(super) async fn run(fleet: &Fleet, plan: &Plan) -> anyhow::Result<bool> {
    let mut rings: Vec<u32> = fleet.boxes.iter().map(|one| one.ring).collect();
    rings.dedup();
    for ring in rings {
        let boxes: Vec<&One> = fleet.boxes.iter().filter(|one| one.ring == ring).collect();
        for group in boxes.chunks(plan.at_once) {
            if fleet.paused() {
                print::line("paused; `holdfast fleet resume` and the same command go on")?;
                return Ok(false);
            }
            let under_way = group.iter().map(|one| upgrade(fleet, plan, one));
            let ended = futures::future::join_all(under_way).await;
            let mut good = true;
            for (one, end) in group.iter().zip(ended) {
                let (word, ok) = end.unwrap_or_else(|why| (format!("{why:#}"), false));
                print::line(&format!("ring {ring}  {}  {word}", one.name))?;
                good &= ok;
            }
            if !good {
                print::line("ended: no further box is begun")?;
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// One box from beginning to end: what became of it, and whether the rollout may go on.
async fn upgrade(fleet: &Fleet, plan: &Plan, one: &One) -> anyhow::Result<(String, bool)> {
    let far = Far::open(fleet, one)?;
    let before = far.look().await?;
    match first(plan, &before) {
        First::There => return Ok(("there already".to_owned(), true)),
        First::Leave(why) => return Ok((format!("left alone: {why}"), true)),
        First::End(why) => return Ok((why, false)),
        First::Go => {}
    }
    let wish = SystemWish {
        verb: SystemVerb::Upgrade,
        version: plan.version.clone(),
        again: plan.again,
        drive: String::new(),
        erase: false,
    };
    let number = far.wish(&wish).await?.number;
    let begun = Instant::now();
    loop {
        tokio::time::sleep(BETWEEN).await;
        let now = far.look().await.ok();
        match judge(plan, &before, now.as_ref(), number) {
            Now::Done => {
                let seconds = begun.elapsed().as_secs();
                return Ok((format!("on {} after {seconds} s", plan.version), true));
            }
            Now::Worse(why) => return Ok((why, false)),
            Now::Wait if begun.elapsed() > plan.patience => {
                let what = now.map_or("it is silent".to_owned(), |now| now.line());
                return Ok((
                    format!("not there within {:?}: {what}", plan.patience),
                    false,
                ));
            }
            Now::Wait => {}
        }
    }
}

#[cfg(test)]
mod tests;
