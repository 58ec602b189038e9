//! Asking the questions of the guard.
//!
//! Enters: the network file. Leaves: readings. Invariant: answers are those of two endpoints where
//! there are two. Cost: about a hundred small calls. Does not: judge.

use super::table::{IMPLEMENTATION_SLOT, NOTICES, QUESTIONS, Word};
use super::{Fact, Queued, Readings, anchor_key};
use crate::chain::EvmChain;
use crate::codec::registry;
use crate::error::Error;
use ethers_core::types::U256;
use ethers_core::utils::id;
use host_core::network::{Anchor, Contracts, Network};
use host_core::{Address, Digest32};

/// Name of the reads in errors.
const WHAT: &str = "an assumption";
/// Bytes of a word.
const WORD: usize = 32;

impl EvmChain {
    /// Everything the guard of `network` reads, at one look.
    ///
    /// Errors: `Unreachable`, `Disagreement`, `OtherChain`.
    pub async fn readings(&self, network: &Network) -> Result<Readings, Error> {
        let anchor = network.guard.anchor;
        self.read_all(&network.contracts, anchor).await
    }

    /// The same without a network file.
    pub(crate) async fn read_all(
        &self,
        contracts: &Contracts,
        anchor: Option<Anchor>,
    ) -> Result<Readings, Error> {
        let block = self.newest_block().await?.number;
        let mut readings = Readings {
            facts: Vec::new(),
            queued: Vec::new(),
            block,
        };
        if let Some(anchor) = anchor {
            let found = self.block(anchor.block).await?;
            let value = found.map_or_else(|| "none".into(), |block| block.hash.to_string());
            let key = anchor_key(anchor.block);
            readings.facts.push(Fact { key, value });
        }
        let token = contracts.token;
        for (contract, address) in contracts.named() {
            self.read_code(contract, address, &mut readings).await?;
            self.read_answers(contract, address, token, &mut readings)
                .await?;
            self.read_notices(contract, address, token, &mut readings)
                .await?;
        }
        self.read_vault_logic(contracts, &mut readings).await?;
        self.read_registry(contracts, &mut readings).await?;
        Ok(readings)
    }

    /// Code of a contract and, for a proxy, of what it runs.
    async fn read_code(
        &self,
        contract: &str,
        address: Address,
        readings: &mut Readings,
    ) -> Result<(), Error> {
        let code = self.code_hash(address).await?;
        readings.say(format!("{contract}.code"), code.to_string());
        let slot = self.pool.agreed(WHAT, |endpoint| async move {
            endpoint.storage(address, IMPLEMENTATION_SLOT).await
        });
        let slot = match slot.await {
            Ok(slot) => slot,
            // Not every public endpoint tells storage; the code hash is read all the same.
            Err(Error::Refused { .. } | Error::Malformed { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        if slot != Digest32([0; 32]) {
            let runs = place(&slot.0);
            let code = self.code_hash(runs).await?;
            readings.say(format!("{contract}.implementation"), runs.to_string());
            readings.say(format!("{contract}.implementation.code"), code.to_string());
        }
        Ok(())
    }

    async fn read_answers(
        &self,
        contract: &str,
        address: Address,
        token: Address,
        readings: &mut Readings,
    ) -> Result<(), Error> {
        for question in QUESTIONS.iter().filter(|one| one.contract == contract) {
            let answer = self.answer(address, question.signature, token).await?;
            if let Some(value) = answer.and_then(|bytes| written(&bytes, question.words)) {
                readings.say(format!("{contract}.{}", question.name), value);
            }
        }
        Ok(())
    }

    async fn read_notices(
        &self,
        contract: &str,
        address: Address,
        token: Address,
        readings: &mut Readings,
    ) -> Result<(), Error> {
        for notice in NOTICES.iter().filter(|one| one.contract == contract) {
            let Some(ready) = self.answer(address, notice.ready, token).await? else {
                continue;
            };
            let ready_block = number(&ready);
            if ready_block == 0 {
                continue;
            }
            let next = self.answer(address, notice.next, token).await?;
            let next = next.and_then(|bytes| written(&bytes, notice.words));
            readings.queued.push(Queued {
                key: format!("{contract}.{}", notice.name),
                next: next.unwrap_or_else(|| "unknown".into()),
                ready_block,
            });
        }
        Ok(())
    }

    /// The code every vault runs, and how long a withdrawal from it takes.
    async fn read_vault_logic(
        &self,
        contracts: &Contracts,
        readings: &mut Readings,
    ) -> Result<(), Error> {
        let factory = contracts.vault_factory;
        let Some(master) = self.answer(factory, "master()", factory).await? else {
            return Ok(());
        };
        let logic = place(&master);
        let code = self.code_hash(logic).await?;
        readings.say("vault_factory.master.code".into(), code.to_string());
        let delay = self.answer(logic, "withdrawDelay()", factory).await?;
        if let Some(value) = delay.and_then(|bytes| written(&bytes, &[Word::Count])) {
            readings.say("vault_factory.master.withdraw_delay".into(), value);
        }
        Ok(())
    }

    /// What the registry names, and what it would name.
    async fn read_registry(
        &self,
        contracts: &Contracts,
        readings: &mut Readings,
    ) -> Result<(), Error> {
        let Some(names) = contracts.registry else {
            return Ok(());
        };
        let rows = self.agreed_call(WHAT, names, registry::all()).await?;
        for row in registry::read_all(&rows)? {
            let key = format!("registry.{}", row.name);
            readings.say(
                key.clone(),
                format!("{} version {}", row.entry.contract, row.entry.version),
            );
            if row.change_at > 0 {
                let asked = registry::proposed(&row.name);
                let next = self.agreed_call(WHAT, names, asked).await?;
                let next = registry::read_entry(&next)?;
                readings.queued.push(Queued {
                    key,
                    next: format!("{} version {}", next.contract, next.version),
                    ready_block: row.change_at,
                });
            }
        }
        Ok(())
    }

    /// The answer of a view function; nothing when the contract has none of that name. An argument
    /// of a signature is always the token.
    async fn answer(
        &self,
        to: Address,
        signature: &str,
        token: Address,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut data = id(signature).to_vec();
        if signature.contains("(address)") {
            data.extend([0; 12]);
            data.extend(token.0);
        }
        match self.agreed_call(WHAT, to, data).await {
            Ok(bytes) if bytes.is_empty() => Ok(None),
            Ok(bytes) => Ok(Some(bytes)),
            // Whether the node says so as a revert or as an error of its own, the contract refused.
            Err(Error::Reverted { .. } | Error::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Readings {
    fn say(&mut self, key: String, value: String) {
        self.facts.push(Fact { key, value });
    }

    /// What one fact says.
    #[must_use]
    pub fn fact(&self, key: &str) -> Option<&str> {
        let found = self.facts.iter().find(|fact| fact.key == key);
        found.map(|fact| fact.value.as_str())
    }
}

/// The words of an answer, or nothing when it has other ones.
fn written(bytes: &[u8], words: &[Word]) -> Option<String> {
    if bytes.len() != words.len() * WORD {
        return None;
    }
    let said = bytes
        .chunks(WORD)
        .zip(words)
        .map(|(word, kind)| match kind {
            Word::Place => place(word).to_string(),
            Word::Count => U256::from_big_endian(word).to_string(),
            Word::Hash => format!("0x{}", hex::encode(word)),
        });
    Some(said.collect::<Vec<_>>().join(" "))
}

/// The address in the last twenty bytes of a word.
fn place(word: &[u8]) -> Address {
    let mut bytes = [0; 20];
    if let Some(last) = word.get(12..WORD) {
        bytes.copy_from_slice(last);
    }
    Address(bytes)
}

/// A block number; one beyond 64 bits is as good as never.
fn number(word: &[u8]) -> u64 {
    let word = word.get(..WORD).unwrap_or(word);
    u64::try_from(U256::from_big_endian(word)).unwrap_or(u64::MAX)
}
