//! What a command would cost before it does anything: gas, tokens and, given a rate, fiat; and how
//! sums are written for people.
//!
//! Enters: steps that an account would send. Leaves: lines or JSON. Invariants: a dry run signs and
//! sends nothing; sums are whole smallest units until they are written; fiat is for reading alone.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::Args;
use host_chain::{EvmChain, PATIENCE, Quote, Step};
use host_core::{Address, Amount, Digest32};
use serde::{Deserialize, Serialize};

use crate::print;

/// Decimals of a token.
const DECIMALS: u32 = 18;
/// Digits kept of a fiat rate behind the point.
const RATE_DIGITS: u32 = 12;

/// How a command that moves money runs and answers.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct MoneyArgs {
    /// Only show gas and money; nothing is signed or sent
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// What one token is worth, for example `0.0000008 USD`, or `@FILE` that a source keeps fresh
    /// (JSON with price, currency, source, at): sums are shown in that money too
    #[arg(long, global = true, value_name = "PRICE [CURRENCY]")]
    pub(crate) rate: Option<Rate>,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What a token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rate {
    /// In units of 10^-12.
    scaled: u128,
    currency: String,
    /// Who says so, and the age of the word in seconds; none when a person typed it.
    told: Option<(String, u64)>,
}

/// A rate as a source writes it down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RateFile {
    /// One token, as a decimal.
    price: String,
    currency: String,
    /// The name of the source.
    source: String,
    /// When it was so, seconds since 1970.
    at: u64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix('@') {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            return Self::read(Path::new(path), now.map_or(0, |now| now.as_secs()));
        }
        Self::typed(text)
    }
}

impl Rate {
    /// A rate as a person types it.
    fn typed(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let price = words.next().unwrap_or_default();
        let currency = words.next().unwrap_or("USD").to_owned();
        let (whole, part) = price.split_once('.').unwrap_or((price, ""));
        let digits = RATE_DIGITS as usize;
        let fits = part.len() <= digits && !price.is_empty() && words.next().is_none();
        let scaled = format!("{whole}{part:0<digits$}").parse();
        match scaled {
            Ok(scaled) if fits => Ok(Self {
                scaled,
                currency,
                told: None,
            }),
            _ => Err(format!(
                "`{text}` is not PRICE [CURRENCY], as in `0.0000008 USD`"
            )),
        }
    }

    /// The rate that a source keeps in a file. Errors when the file does not read as one.
    fn read(path: &Path, now: u64) -> Result<Self, String> {
        let name = path.display();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| format!("the rate in {name}: {error}"))?;
        let file: RateFile =
            serde_json::from_str(&text).map_err(|error| format!("the rate in {name}: {error}"))?;
        let typed = Self::typed(&format!("{} {}", file.price, file.currency))?;
        let age = now.saturating_sub(file.at);
        Ok(Self {
            told: Some((file.source, age)),
            ..typed
        })
    }

    /// A sum in this money, six digits behind the point.
    pub(crate) fn of(&self, sum: Amount) -> String {
        // Tokens in 10^-9 times the rate in 10^-12 keep every digit that is shown.
        let value = (sum.0 / 1_000_000_000).saturating_mul(self.scaled);
        let micro = value / 10_u128.pow(15);
        let (whole, part) = (micro / 1_000_000, micro % 1_000_000);
        let told = self.told.as_ref().map_or(String::new(), |(source, age)| {
            format!(" by {source}, {} old", age_of(*age))
        });
        format!("{whole}.{part:06} {}{told}", self.currency)
    }
}

/// Seconds for people, in the largest unit that fits.
fn age_of(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("min", 60)];
    let unit = units.into_iter().find(|(_, of)| seconds >= *of);
    unit.map_or(format!("{seconds} s"), |(name, of)| {
        format!("{} {name}", seconds / of)
    })
}

/// A sum in whole tokens, as few digits as say it exactly.
pub(crate) struct Tokens(pub(crate) Amount);

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u128.pow(DECIMALS);
        let (whole, part) = (self.0.0 / one, self.0.0 % one);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{part:018}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// A sum for people: tokens, and fiat when there is a rate.
pub(crate) fn sum(of: Amount, rate: Option<&Rate>) -> String {
    match rate {
        Some(rate) => format!("{} tokens ({})", Tokens(of), rate.of(of)),
        None => format!("{} tokens", Tokens(of)),
    }
}

/// A sum typed by a person: smallest units, or whole tokens with `t` behind them (`1.5t`).
pub(crate) fn typed(text: &str) -> Result<Amount, String> {
    let wrong = || format!("`{text}` is neither smallest units nor tokens as in `1.5t`");
    let Some(tokens) = text.strip_suffix('t') else {
        return text.parse().map_err(|_| wrong());
    };
    let (whole, part) = tokens.split_once('.').unwrap_or((tokens, ""));
    let digits = DECIMALS as usize;
    if part.len() > digits || tokens.is_empty() {
        return Err(wrong());
    }
    let units = format!("{whole}{part:0<digits$}").parse();
    units.map(Amount).map_err(|_| wrong())
}

/// One step of a dry run.
#[derive(Debug, Serialize)]
pub(crate) struct StepSaid {
    what: &'static str,
    to: Option<Address>,
    value: Amount,
    gas: u64,
    gas_price: Amount,
    gas_cost: Amount,
}

/// What a command would do; sums in smallest units.
#[derive(Debug, Serialize)]
pub(crate) struct DrySaid {
    dry_run: bool,
    from: Address,
    /// Tokens that would move.
    moves: Amount,
    steps: Vec<StepSaid>,
    /// The most all steps cost, wei.
    gas_cost: Amount,
    /// Native value of the account, wei.
    native: Amount,
    /// The moved sum in fiat.
    moves_fiat: Option<String>,
    /// The cost in fiat.
    gas_fiat: Option<String>,
}

impl DrySaid {
    fn new(
        from: Address,
        native: Amount,
        plan: &Plan,
        quotes: &[Quote],
        rate: Option<&Rate>,
    ) -> Self {
        let told = plan.steps.iter().zip(quotes).map(|(step, quote)| StepSaid {
            what: step.intent.what,
            to: step.intent.to,
            value: step.intent.value,
            gas: quote.gas,
            gas_price: quote.gas_price,
            gas_cost: quote.cost,
        });
        let all = quotes.iter().map(|quote| quote.cost.0);
        let gas_cost = Amount(all.fold(0, u128::saturating_add));
        Self {
            dry_run: true,
            from,
            moves: plan.moves,
            steps: told.collect(),
            gas_cost,
            native,
            moves_fiat: rate.map(|rate| rate.of(plan.moves)),
            gas_fiat: rate.map(|rate| rate.of(gas_cost)),
        }
    }

    fn words(&self) -> String {
        let fiat = |text: &Option<String>| {
            text.as_ref()
                .map_or(String::new(), |fiat| format!(" ({fiat})"))
        };
        let mut lines = vec![format!("dry run: nothing was sent from {}", self.from)];
        lines.extend(self.steps.iter().map(|step| {
            format!(
                "  {}: {} gas at {} wei, at most {} tokens",
                step.what,
                step.gas,
                step.gas_price,
                Tokens(step.gas_cost)
            )
        }));
        let (moves, moved) = (Tokens(self.moves), fiat(&self.moves_fiat));
        lines.push(format!("  moves {moves} tokens{moved}"));
        let (cost, fiat) = (Tokens(self.gas_cost), fiat(&self.gas_fiat));
        let native = Tokens(self.native);
        lines.push(format!(
            "  gas at most {cost} tokens{fiat} of {native} in the account"
        ));
        lines.join("\n")
    }
}

/// Transactions a command would send, one behind the other, and the tokens they move.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    pub(crate) moves: Amount,
}

/// What transactions came to.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    /// The last one.
    pub(crate) tx: Digest32,
    pub(crate) block: u64,
    pub(crate) gas_used: u64,
}

/// Shows what `plan` would cost `from`.
///
/// Errors: the contract's own reason when a step would be refused.
pub(crate) async fn show(
    chain: &EvmChain,
    from: Address,
    plan: &Plan,
    args: &MoneyArgs,
) -> anyhow::Result<()> {
    let quotes = chain.quote(from, &plan.steps).await?;
    let native = chain.native_balance(from).await?;
    let said = DrySaid::new(from, native, plan, &quotes, args.rate.as_ref());
    print::either(args.json, &said, DrySaid::words)
}

/// Shows what `plan` would cost, or does it with the account `chain` signs with.
pub(crate) async fn run(chain: &EvmChain, plan: &Plan, args: &MoneyArgs) -> anyhow::Result<()> {
    if args.dry_run {
        let from = chain.address().context("this command has no key")?;
        return show(chain, from, plan, args).await;
    }
    let receipts = chain.run_all(&plan.steps, PATIENCE).await?;
    let last = receipts.last().context("there is nothing to do")?;
    let done = Done {
        tx: last.hash,
        block: last.block,
        gas_used: receipts.iter().map(|one| one.gas_used).sum(),
    };
    print::either(args.json, &done, |done| {
        format!(
            "done in block {} ({}), {} gas used",
            done.block, done.tx, done.gas_used
        )
    })
}

#[cfg(test)]
mod tests;
