//! One box of the fleet, spoken to: its health, its system, and wishes. Every question has a
//! bound; a box that restarts is silent for a while, and who asks decides for how long.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use host_api::{Health, SystemSaid, SystemWish, WishTaken};
use serde::Serialize;

use super::file::{Fleet, One};
use crate::operator::watch::pin;

/// For one answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Between two looks.
const BETWEEN: Duration = Duration::from_millis(500);

/// What was seen of a box.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Seen {
    /// Its name.
    pub(super) name: String,
    /// pass, warn, fail or silent.
    pub(super) health: String,
    /// What is wrong; empty when nothing is.
    pub(super) output: String,
    /// The names of checks that are not as they should be.
    pub(super) worries: Vec<String>,
    /// Its system.
    pub(super) system: SystemSaid,
}

impl Seen {
    /// A box that does not answer.
    pub(super) fn silent(name: &str, why: String) -> Self {
        Self {
            name: name.to_owned(),
            health: "silent".to_owned(),
            output: why,
            worries: Vec::new(),
            system: SystemSaid::default(),
        }
    }

    /// One line for people.
    pub(super) fn line(&self) -> String {
        let system = &self.system;
        let mut line = format!("{}  {}", self.name, self.health);
        if system.version.is_empty() {
            line.push_str("  no updater");
        } else {
            line.push_str(&format!("  {} in slot {}", system.version, system.slot));
        }
        let facts = [
            ("tries", &system.trial),
            ("staged", &system.staged),
            ("pinned to", &system.pinned),
            ("why", &self.output),
        ];
        for (word, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            line.push_str(&format!("  {word} {value}"));
        }
        if let Some(reason) = system.reasons.last() {
            line.push_str(&format!("  left {reason}"));
        }
        line
    }
}

/// A box that can be asked.
pub(super) struct Far {
    name: String,
    base: String,
    client: reqwest::Client,
}

impl Far {
    /// Prepares to ask; nothing is sent yet.
    pub(super) fn open(fleet: &Fleet, one: &One) -> anyhow::Result<Self> {
        Ok(Self {
            name: one.name.clone(),
            base: format!("https://{}", one.address),
            client: pin::client(&one.fingerprint()?, Some(&fleet.identity))?,
        })
    }

    /// Health and system of this moment. Errors when the box does not answer.
    pub(super) async fn look(&self) -> anyhow::Result<Seen> {
        let health: Health = self.get("/health").await?;
        let worries = health.checks.iter().filter(|(_, checks)| {
            let good = host_api::Standing::Pass;
            checks.iter().any(|check| check.status != good)
        });
        Ok(Seen {
            name: self.name.clone(),
            health: health.status.label().to_owned(),
            output: health.output.clone().unwrap_or_default(),
            worries: worries.map(|(name, _)| name.clone()).collect(),
            system: self.get("/api/v1/system").await?,
        })
    }

    /// Leaves a wish. Errors with the box's reason when it takes none.
    pub(super) async fn wish(&self, wish: &SystemWish) -> anyhow::Result<WishTaken> {
        let request = self.client.post(format!("{}/api/v1/system", self.base));
        self.ask(request.json(wish)).await
    }

    /// What became of a wish, once it was looked at; a box that restarts may take its time.
    pub(super) async fn answer(&self, number: u64, patience: Duration) -> anyhow::Result<String> {
        let until = Instant::now() + patience;
        loop {
            let said: anyhow::Result<SystemSaid> = self.get("/api/v1/system").await;
            let answered = said.as_ref().is_ok_and(|said| said.wish >= number);
            if let (true, Ok(said)) = (answered, &said)
                && said.answer != "under way"
            {
                return Ok(said.answer.clone());
            }
            if Instant::now() > until {
                said.context("it does not answer")?;
                bail!("it did not look at it within {patience:?}");
            }
            tokio::time::sleep(BETWEEN).await;
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask(self.client.get(format!("{}{path}", self.base)))
            .await
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let answer = request.timeout(ANSWER).send().await;
        let answer = answer.with_context(|| format!("{} does not answer", self.name))?;
        let status = answer.status();
        let text = answer.text().await?;
        if let Ok(problem) = serde_json::from_str::<host_api::Problem>(&text) {
            bail!("{} ({}): {}", problem.title, problem.code, problem.detail);
        }
        serde_json::from_str(&text).with_context(|| format!("{} answered {status}", self.name))
    }
}
