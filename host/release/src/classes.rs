//! A publishing policy: classes of objects, and what each demands of who publishes, keeps and
//! rehearses (docs/formats/classes.md). One signed file of a team; a home takes only newer ones.
//!
//! Enters: the file's text, what somebody is about to do. Leaves: nothing, or the rule it breaks.
//! What this does not do: hold anyone to it who does not use these tools; the chain knows no
//! classes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::sshsig::PublishKey;

/// What the first key says.
const KIND: &str = "holdfast classes 1";

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Classes {
    /// `holdfast classes 1`.
    pub kind: String,
    /// Rises with every change.
    pub version: u64,
    /// The classes by name.
    pub class: BTreeMap<String, Class>,
}

/// What one class demands. A key that is not there demands nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// Open data that anyone may read; false: encrypted.
    pub public: bool,
    /// A version may be published again under its name.
    #[serde(default)]
    pub replaced: bool,
    /// Shortest term, in days.
    #[serde(default)]
    pub days: u64,
    /// Shortest retention, in days.
    #[serde(default)]
    pub retain_days: u64,
    /// Under a legal hold.
    #[serde(default)]
    pub hold: bool,
    /// Fewest hosts of a segment that may die.
    #[serde(default)]
    pub may_die: u16,
    /// Longest a whole restore may take: recovery time objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_seconds: Option<u64>,
    /// Oldest the newest release may be: recovery point objective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_days: Option<u64>,
    /// Where the canonical copy is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canonical: Option<String>,
    /// Who is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Keys that may publish, as `ssh-ed25519` lines; none: any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publishers: Vec<String>,
    /// Buckets of a gateway that are of this class, `NAME` or `BEGINNING*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<String>,
}

/// What somebody is about to publish.
#[derive(Debug, Clone, Copy)]
pub struct Publishing {
    /// Open data.
    pub public: bool,
    /// The term, in days.
    pub days: u64,
    /// The retention, in days.
    pub retain_days: u64,
    /// Under a legal hold.
    pub hold: bool,
    /// Hosts of a segment that may die.
    pub may_die: u16,
    /// Whose key signs.
    pub key: PublishKey,
    /// Whether this name and version were published before.
    pub again: bool,
}

impl Classes {
    /// Reads a policy. Errors: `Unreadable` naming the key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unreadable = |why: String| Error::Unreadable {
            what: "the policy of classes",
            why,
        };
        let classes: Self = toml::from_str(text).map_err(|why| unreadable(why.to_string()))?;
        if classes.kind != KIND {
            return Err(unreadable(format!("it is of kind {:?}", classes.kind)));
        }
        for (name, class) in &classes.class {
            for line in &class.publishers {
                let why = |_| unreadable(format!("class.{name}.publishers: {line:?} is no key"));
                PublishKey::parse(line).map_err(why)?;
            }
        }
        let mut all: Vec<_> = classes
            .class
            .values()
            .flat_map(|one| &one.buckets)
            .collect();
        all.sort_unstable();
        if let Some(twice) = all.windows(2).find(|two| two[0] == two[1]) {
            return Err(unreadable(format!("{:?} is of two classes", twice[0])));
        }
        Ok(classes)
    }

    /// The class of a bucket: the one that names it, else the one with the longest beginning.
    #[must_use]
    pub fn of_bucket(&self, bucket: &str) -> Option<(&str, &Class)> {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => bucket.starts_with(beginning).then_some(beginning.len()),
            None => (pattern == bucket).then_some(usize::MAX),
        };
        let all = self.class.iter().filter_map(|(name, class)| {
            let best = class.buckets.iter().filter_map(fits).max()?;
            Some((best, name.as_str(), class))
        });
        let best = all.max_by_key(|(best, ..)| *best);
        best.map(|(_, name, class)| (name, class))
    }

    /// One class. Errors: `Rule` that names those there are.
    pub fn get(&self, name: &str) -> Result<&Class, Error> {
        self.class.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.class.keys().map(String::as_str).collect();
            rule(name, "class", format!("there are {}", known.join(", ")))
        })
    }

    /// Errors: `Rule`, when this policy is not newer than the one a home has.
    pub fn follows(&self, before: &Self) -> Result<(), Error> {
        let is_newer = self.version > before.version;
        if is_newer || self == before {
            return Ok(());
        }
        let (old, new) = (before.version, self.version);
        let why = format!("{new} does not follow {old}, which this home has");
        Err(rule("all", "version", why))
    }
}

fn rule(class: &str, key: &'static str, why: String) -> Error {
    Error::Rule {
        class: class.to_owned(),
        key,
        why,
    }
}

impl Class {
    /// Holds a publication to the class. Errors: `Rule`, the first that it breaks.
    pub fn admits(&self, name: &str, asked: &Publishing) -> Result<(), Error> {
        let broken = |key, why: String| Err(rule(name, key, why));
        let days = |asked: u64, least: u64| format!("{asked} days, at least {least}");
        if asked.public != self.public {
            return broken(
                "public",
                match self.public {
                    true => "this class is open data: publish with --public".to_owned(),
                    false => "this class is encrypted: publish without --public".to_owned(),
                },
            );
        }
        if asked.again && !self.replaced {
            let why = "this name and version were published before";
            return broken("replaced", why.to_owned());
        }
        if asked.days < self.days {
            return broken("days", days(asked.days, self.days));
        }
        if asked.retain_days < self.retain_days {
            return broken("retain_days", days(asked.retain_days, self.retain_days));
        }
        if self.hold && !asked.hold {
            return broken("hold", "this class is held: publish with --hold".to_owned());
        }
        if asked.may_die < self.may_die {
            let why = format!("{} hosts may die, at least {}", asked.may_die, self.may_die);
            return broken("may_die", why);
        }
        let is_it = |line: &String| PublishKey::parse(line).is_ok_and(|key| key == asked.key);
        if !self.publishers.is_empty() && !self.publishers.iter().any(is_it) {
            return broken("publishers", "this home's key is none of them".to_owned());
        }
        Ok(())
    }

    /// Holds a gateway to the class: the term of what it stores, and how many hosts may die.
    /// Errors: `Rule`.
    pub fn admits_gateway(&self, name: &str, days: u64, may_die: u16) -> Result<(), Error> {
        if days < self.days {
            let why = format!("a gateway stores for {days} days, at least {}", self.days);
            return Err(rule(name, "days", why));
        }
        if may_die < self.may_die {
            let why = format!("{may_die} hosts may die, at least {}", self.may_die);
            return Err(rule(name, "may_die", why));
        }
        Ok(())
    }

    /// What the class means, in words.
    #[must_use]
    pub fn explain(&self, name: &str) -> String {
        let mut text = format!("class {name}\n");
        let mut line = |what: &str, says: String| {
            let _infallible = writeln!(text, "  {what:<22} {says}");
        };
        line(
            "canonical",
            match &self.canonical {
                Some(place) => format!("{place}; Holdfast is the copy that is fallen back to"),
                None => {
                    "the objects on Holdfast; there is no other copy to fall back to".to_owned()
                }
            },
        );
        line(
            "who reads",
            match self.public {
                true => "anyone who knows the name; copies are beyond recall".to_owned(),
                false => "who has the key; deletion destroys it".to_owned(),
            },
        );
        line(
            "a version",
            match self.replaced {
                true => "may be published again".to_owned(),
                false => "is published once".to_owned(),
            },
        );
        line(
            "stored for",
            format!("at least {} days, then renewed or gone", self.days),
        );
        line(
            "not deleted for",
            match (self.retain_days, self.hold) {
                (0, false) => "no time: `rm` works at once".to_owned(),
                (days, false) => format!("{days} days"),
                (days, true) => format!("{days} days, and not before its hold is lifted"),
            },
        );
        line(
            "hosts that may die",
            format!("at least {} of each segment", self.may_die),
        );
        if let Some(seconds) = self.restore_seconds {
            line(
                "restored within",
                format!("{seconds} s, or its drill fails"),
            );
        }
        if let Some(days) = self.newest_days {
            line("newest release", format!("at most {days} days old"));
        }
        line(
            "may publish",
            match self.publishers.len() {
                0 => "any key".to_owned(),
                count => format!("{count} keys"),
            },
        );
        if let Some(owner) = &self.owner {
            line("is told", owner.clone());
        }
        if !self.buckets.is_empty() {
            line("buckets", self.buckets.join(", "));
        }
        line(
            "the chain can stop",
            "payment: an empty vault, dear gas, a halt".to_owned(),
        );
        line("the chain cannot", "delete, read or change it".to_owned());
        text
    }
}

#[cfg(test)]
mod tests;
