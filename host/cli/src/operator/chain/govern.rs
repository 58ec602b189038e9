//! `holdfast chain govern`: whom the host's votes are given to, what is proposed, and voting.
//!
//! Enters: a host, or for looking a network file and an account. Leaves: words, JSON, or an order
//! to the host. Invariant: nothing of it is on the path of storage; a dry run orders nothing.

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use host_chain::codec::governor;
use host_chain::{Governance, Intent, Proposal};
use host_core::network::Contracts;
use host_core::{Address, Amount, Digest32};
use host_daemon::api::Order;
use serde::Serialize;

use crate::operator::onchain::{OnChain, OnChainArgs};
use crate::print;

/// Who decides about the network.
#[derive(Debug, Args)]
pub(super) struct GovernArgs {
    #[command(flatten)]
    on: OnChainArgs,
    #[command(subcommand)]
    what: GovernCommand,
}

#[derive(Debug, Subcommand)]
enum GovernCommand {
    /// Votes, delegation and proposals
    Show {
        /// Whose; the host's account unless given
        #[arg(long)]
        account: Option<Address>,
        /// How many blocks back proposals are looked for
        #[arg(long, default_value_t = 1_000_000)]
        blocks: u64,
    },
    /// Give the host's votes to an account, its own for instance
    Delegate {
        /// Which
        to: Address,
    },
    /// Vote on a proposal
    Vote {
        /// Its number as `show` tells it
        proposal: Digest32,
        /// What the vote says
        answer: Answer,
    },
}

/// What a vote says; numbers as governors count them.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Answer {
    Against,
    For,
    Abstain,
}

/// One proposal, for people.
#[derive(Debug, Serialize)]
struct ProposalSaid {
    id: Digest32,
    state: &'static str,
    proposer: Address,
    vote_start: Amount,
    vote_end: Amount,
    against: Amount,
    #[serde(rename = "for")]
    in_favour: Amount,
    abstain: Amount,
    voted: bool,
    description: String,
}

/// What `chain govern show` says.
#[derive(Debug, Serialize)]
struct GovernanceSaid {
    governor: Address,
    token: Address,
    account: Address,
    delegate: Address,
    votes: Amount,
    proposals: Vec<ProposalSaid>,
}

const STATES: [&str; 8] = [
    "pending",
    "active",
    "cancelled",
    "defeated",
    "succeeded",
    "queued",
    "expired",
    "executed",
];

fn state_of(number: u64) -> &'static str {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    STATES.get(index).copied().unwrap_or("unknown")
}

impl From<Proposal> for ProposalSaid {
    fn from(of: Proposal) -> Self {
        let [against, in_favour, abstain] = of.votes;
        Self {
            id: of.proposed.id,
            state: state_of(of.state),
            proposer: of.proposed.proposer,
            vote_start: of.proposed.vote_start,
            vote_end: of.proposed.vote_end,
            against,
            in_favour,
            abstain,
            voted: of.voted,
            description: of.proposed.description,
        }
    }
}

impl GovernanceSaid {
    fn new(account: Address, of: Governance) -> Self {
        Self {
            governor: of.governor,
            token: of.token,
            account,
            delegate: of.delegate,
            votes: of.votes,
            proposals: of.proposals.into_iter().map(ProposalSaid::from).collect(),
        }
    }

    fn words(&self) -> String {
        let mut lines = vec![
            format!("governor {}, votes of {}", self.governor, self.token),
            format!("account  {} may cast {} votes", self.account, self.votes),
            format!("delegate {}", self.delegate),
        ];
        lines.extend(self.proposals.iter().map(|one| {
            let voted = if one.voted { ", voted" } else { "" };
            format!(
                "{} {}: {} for, {} against, {} abstain, until {}{voted}\n  {}",
                one.id,
                one.state,
                one.in_favour,
                one.against,
                one.abstain,
                one.vote_end,
                one.description
            )
        }));
        lines.join("\n")
    }
}

/// Runs it.
pub(super) async fn run(args: GovernArgs) -> anyhow::Result<()> {
    let on = OnChain::of(&args.on)?;
    match args.what {
        GovernCommand::Show { account, blocks } => {
            let account = match account {
                Some(account) => account,
                None => on.account().await?,
            };
            let told = on.chain.governance(account, blocks).await?;
            let said = GovernanceSaid::new(account, told);
            print::either(args.on.money.json, &said, GovernanceSaid::words)
        }
        GovernCommand::Delegate { to } => {
            let account = on.account().await?;
            let told = on.chain.governance(account, 0).await?;
            let call = Intent::call("delegate", told.token, governor::delegate(to));
            let order = Order::Delegate { to };
            on.order(account, call, Amount::ZERO, &order, &args.on)
                .await
        }
        GovernCommand::Vote { proposal, answer } => vote(&on, proposal, answer, &args.on).await,
    }
}

async fn vote(
    on: &OnChain,
    proposal: Digest32,
    answer: Answer,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let account = on.account().await?;
    let told = on.chain.governance(account, 0).await?;
    if told.votes == Amount::ZERO {
        bail!(
            "{account} has no votes to cast; `holdfast chain govern delegate {account}` makes \
             those of its tokens count"
        );
    }
    let support = match answer {
        Answer::Against => 0,
        Answer::For => 1,
        Answer::Abstain => 2,
    };
    let at = on.chain.contract("governance", Contracts::governor)?;
    let call = Intent::call("vote", at, governor::cast_vote(proposal, support));
    let order = Order::Vote { proposal, support };
    on.order(account, call, Amount::ZERO, &order, args).await
}
