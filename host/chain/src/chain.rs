//! The chain as the rest of the program sees it: endpoints, the network's contracts, and perhaps
//! the account that signs.
//!
//! Enters: options by value. Leaves: reads and, through `send.rs`, `money.rs` and `deploy.rs`,
//! transactions; `seam.rs` shows the part that rooms may use. Invariants: making it sends nothing
//! and never fails for a dead endpoint; reads that decide about money go through two endpoints
//! where there are two. Does not: keep facts; outbox and cursor live in settle.

use crate::codec::{Log, factory, token, vault};
use crate::endpoint::Endpoint;
use crate::endpoints::{EndpointReport, Endpoints, Guard, Timing};
use crate::error::Error;
use crate::fault::Fault;
use crate::health::LAG_MAX;
use crate::names::Names;
use crate::reads::{Block, LogFilter, Receipt};
use host_core::identity::SecretKey;
use host_core::keeper::Identity;
use host_core::network::Contracts;
use host_core::seams::{ContractCall, Head, VaultFacts};
use host_core::{Address, Amount, Digest32};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Logs of one request at first; halved when an endpoint finds it too much.
const LOG_RANGE: u64 = 10_000;

/// How to talk to a chain.
#[derive(Debug, Clone)]
pub struct Options {
    /// JSON-RPC endpoints, http or https.
    pub endpoints: Vec<String>,
    /// What every endpoint must show.
    pub guard: Guard,
    /// The network's contracts, once there are any.
    pub contracts: Option<Contracts>,
    /// The most a gas unit may cost, in wei.
    pub fee_cap: u128,
    /// Blocks on top of a transaction before it counts.
    pub depth: u64,
}

/// A chain, with or without an account of ours. Clones share endpoints and nonces.
#[derive(Debug, Clone)]
pub struct EvmChain {
    pub(crate) pool: Arc<Endpoints>,
    pub(crate) contracts: Option<Contracts>,
    pub(crate) fee_cap: u128,
    pub(crate) depth: u64,
    pub(crate) account: Option<Account>,
    pub(crate) read_only: bool,
}

/// The account that signs.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) key: Identity,
    /// Lowest nonce not handed out by this program; the lock keeps two sends apart.
    pub(crate) next_nonce: Arc<Mutex<u64>>,
}

impl EvmChain {
    /// Takes the options; nothing is sent.
    ///
    /// Errors: `NoEndpoint`, `EndpointText`, `HttpClient`.
    pub fn new(options: Options) -> Result<Self, Error> {
        Self::with_timing(options, Timing::default(), &[])
    }

    /// The same with times of one's own, and resolvers (DNS over UDP) that are asked for the
    /// endpoints' names when the system's cannot find them.
    ///
    /// Errors: `NoEndpoint`, `EndpointText`, `HttpClient`.
    pub fn with_timing(
        options: Options,
        timing: Timing,
        resolvers: &[SocketAddr],
    ) -> Result<Self, Error> {
        let names = Names::new(timing.lookup, resolvers);
        Self::with_names(options, timing, names)
    }

    /// The same with every name looked up at `resolvers` alone.
    ///
    /// Errors: `NoEndpoint`, `EndpointText`, `HttpClient`.
    pub fn with_resolvers_only(
        options: Options,
        timing: Timing,
        resolvers: &[SocketAddr],
    ) -> Result<Self, Error> {
        Self::with_names(
            options,
            timing,
            Names::without_system(timing.lookup, resolvers),
        )
    }

    fn with_names(options: Options, timing: Timing, names: Names) -> Result<Self, Error> {
        let pool = Endpoints::new(&options.endpoints, options.guard, timing, names)?;
        Ok(Self {
            pool: Arc::new(pool),
            contracts: options.contracts,
            fee_cap: options.fee_cap,
            depth: options.depth,
            account: None,
            read_only: false,
        })
    }

    /// The same chain with `key` as the account that signs.
    #[must_use]
    pub fn with_key(&self, key: SecretKey) -> Self {
        self.with_identity(key.into())
    }

    /// The same chain with `key` as the account that signs, wherever that key is kept.
    #[must_use]
    pub fn with_identity(&self, key: Identity) -> Self {
        let account = Account {
            key,
            next_nonce: Arc::new(Mutex::new(0)),
        };
        Self {
            account: Some(account),
            ..self.clone()
        }
    }

    /// The same chain, and nothing is ever signed for it when `read_only` says so.
    #[must_use]
    pub fn reading_only(self, read_only: bool) -> Self {
        Self { read_only, ..self }
    }

    /// The same chain with the network's contracts known.
    #[must_use]
    pub fn with_contracts(&self, contracts: Contracts) -> Self {
        Self {
            contracts: Some(contracts),
            ..self.clone()
        }
    }

    /// The chain id of the guard.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.pool.chain_id()
    }

    /// How each endpoint is doing. Asks nothing.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointReport> {
        self.pool.report()
    }

    /// The account that signs, if there is one.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.account.as_ref().map(|account| account.key.address())
    }

    /// The network's contracts. Errors: `NoContracts`.
    pub fn contracts(&self, what: &'static str) -> Result<&Contracts, Error> {
        self.contracts.as_ref().ok_or(Error::NoContracts { what })
    }

    /// The newest block. An endpoint that lags behind a head seen before is passed over.
    pub async fn newest_block(&self) -> Result<Block, Error> {
        let pool = &self.pool;
        pool.any("newest block", |endpoint| async move {
            let block = endpoint.newest().await?;
            let best = pool.saw_head(&endpoint, block.number);
            if block.number + LAG_MAX < best {
                return Err(Fault::Busy {
                    why: format!("head {} of {best}", block.number),
                });
            }
            Ok(block)
        })
        .await
    }

    /// A block by number, or nothing when the chain is shorter.
    pub async fn block(&self, number: u64) -> Result<Option<Block>, Error> {
        self.pool
            .any("block", |endpoint| async move {
                endpoint.block(Some(number)).await
            })
            .await
    }

    /// The native balance of an account; two endpoints must agree.
    pub async fn native_balance(&self, of: Address) -> Result<Amount, Error> {
        self.pool
            .agreed("native balance", |endpoint| async move {
                endpoint.balance(of).await
            })
            .await
    }

    /// The balance of an account in the network's token; two endpoints must agree.
    pub async fn token_balance(&self, of: Address) -> Result<Amount, Error> {
        let token = self.contracts("token balance")?.token;
        let bytes = self
            .agreed_call("token balance", token, token::balance_of(of))
            .await?;
        token::read_amount("token balance", &bytes)
    }

    /// Keccak-256 of the code at an address (of nothing, when there is none), for the guard.
    pub async fn code_hash(&self, of: Address) -> Result<Digest32, Error> {
        self.pool
            .any(
                "code",
                |endpoint| async move { endpoint.code_hash(of).await },
            )
            .await
    }

    /// Logs of a range of blocks; ranges that are too much for an endpoint are halved.
    pub async fn logs(&self, filter: &LogFilter) -> Result<Vec<Log>, Error> {
        let mut found = Vec::new();
        let (mut from, mut range) = (filter.from, LOG_RANGE);
        while from <= filter.to {
            let to = filter.to.min(from.saturating_add(range - 1));
            let part = LogFilter {
                from,
                to,
                ..filter.clone()
            };
            let part = &part;
            let answer = self
                .pool
                .any("logs", |endpoint| async move { endpoint.logs(part).await })
                .await;
            match answer {
                Ok(logs) => {
                    found.extend(logs);
                    from = to.saturating_add(1);
                }
                Err(_) if range > 1 => range /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// A vault as `beneficiary` must judge it; two endpoints must agree on all of it. A vault of
    /// BTFS's own code has no locks, which reads as nothing locked; an address that the factory did
    /// not make is not `known`, and the rest of its facts is zero.
    pub async fn vault_facts(
        &self,
        vault: Address,
        beneficiary: Address,
    ) -> Result<VaultFacts, Error> {
        let contracts = self.contracts("vault facts")?;
        let (factory, of_token) = (contracts.vault_factory, contracts.token);
        let facts = self
            .pool
            .agreed("vault facts", |endpoint| async move {
                RawFacts::read(&endpoint, vault, factory, of_token, beneficiary).await
            })
            .await?;
        facts.decode()
    }

    /// What a vault has paid to all its beneficiaries together.
    pub async fn total_paid_out(&self, of_vault: Address) -> Result<Amount, Error> {
        let data = vault::total_paid_out();
        let bytes = self.agreed_call("total paid out", of_vault, data).await?;
        token::read_amount("totalPaidOut", &bytes)
    }

    /// The live withdrawal request of a vault, if there is one.
    pub async fn withdraw_request(
        &self,
        of_vault: Address,
    ) -> Result<Option<vault::WithdrawRequest>, Error> {
        let of_token = self.contracts("withdraw request")?.token;
        let data = vault::withdraw_request_of(of_token);
        let bytes = self.agreed_call("withdraw request", of_vault, data).await?;
        vault::read_withdraw_request(&bytes)
    }

    /// The vault of a peer id, if the factory made one.
    pub async fn vault_of_peer(&self, id: &str) -> Result<Option<Address>, Error> {
        let factory = self.contracts("vault of a peer")?.vault_factory;
        let data = factory::peer_vault_address(id);
        let bytes = self.agreed_call("vault of a peer", factory, data).await?;
        let found = vault::read_address("peerVaultAddress", &bytes)?;
        Ok((found != Address::ZERO).then_some(found))
    }

    /// The network price: micro-tokens per GiB and day, and smallest units per micro-token.
    pub async fn price(&self) -> Result<(Amount, Amount), Error> {
        let contracts = self.contracts("price")?;
        let (oracle, of_token) = (contracts.price_oracle, contracts.token);
        let price = self.agreed_call("price", oracle, crate::codec::oracle::get_price(of_token));
        let price = token::read_amount("getPrice", &price.await?)?;
        let rate = self.agreed_call("rate", oracle, crate::codec::oracle::get_rate(of_token));
        Ok((price, token::read_amount("getRate", &rate.await?)?))
    }

    /// The receipt of a transaction, once it is in a block.
    pub async fn tx_receipt(&self, hash: Digest32) -> Result<Option<Receipt>, Error> {
        self.pool
            .any(
                "receipt",
                |endpoint| async move { endpoint.receipt(hash).await },
            )
            .await
    }

    /// Calls a contract on the newest state of one endpoint, as `from` if it matters.
    pub async fn call(
        &self,
        what: &'static str,
        from: Option<Address>,
        to: Address,
        data: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.pool
            .any(what, |endpoint| async move {
                endpoint.call(from, to, data).await
            })
            .await
    }

    /// Tries a call as `from` on the newest state; nothing is sent. Errors: Reverted with the
    /// contract's reason.
    pub(crate) async fn tried(
        &self,
        what: &'static str,
        from: Address,
        call: &ContractCall,
    ) -> Result<(), Error> {
        let called = self.call(what, Some(from), call.to, &call.data);
        called.await.map(|_| ())
    }

    /// Calls a contract at two endpoints, which must return the same bytes.
    pub async fn agreed_call(
        &self,
        what: &'static str,
        to: Address,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let data = data.as_slice();
        self.pool
            .agreed(what, |endpoint| async move {
                endpoint.call(None, to, data).await
            })
            .await
    }
}

impl From<Block> for Head {
    fn from(block: Block) -> Self {
        Self {
            block: block.number,
            hash: block.hash,
        }
    }
}

/// The answers of one endpoint about one vault, compared as bytes. What a contract refuses to
/// answer is none: a stranger's address need not be a vault at all.
#[derive(PartialEq)]
struct RawFacts {
    known: Option<Vec<u8>>,
    issuer: Option<Vec<u8>>,
    balance: Option<Vec<u8>>,
    paid_out: Option<Vec<u8>>,
    lock: Option<Vec<u8>>,
}

impl RawFacts {
    async fn read(
        endpoint: &Endpoint,
        of_vault: Address,
        factory: Address,
        of_token: Address,
        beneficiary: Address,
    ) -> Result<Self, Fault> {
        let known = factory::deployed_contracts(of_vault);
        let (issuer, balance) = (vault::issuer(), vault::total_balance());
        let paid_out = vault::paid_out(beneficiary);
        let lock = vault::lock_of(of_token, beneficiary);
        let ask = |to: Address, data: Vec<u8>| async move {
            match endpoint.call(None, to, &data).await {
                Ok(bytes) => Ok(Some(bytes).filter(|bytes| !bytes.is_empty())),
                Err(fault) if fault.final_word() => Ok(None),
                Err(fault) => Err(fault),
            }
        };
        let (known, issuer, balance, paid_out, lock) = tokio::join!(
            ask(factory, known),
            ask(of_vault, issuer),
            ask(of_vault, balance),
            ask(of_vault, paid_out),
            ask(of_vault, lock),
        );
        Ok(Self {
            known: known?,
            issuer: issuer?,
            balance: balance?,
            paid_out: paid_out?,
            lock: lock?,
        })
    }

    fn decode(self) -> Result<VaultFacts, Error> {
        let known = self.known.unwrap_or_default();
        if !factory::read_flag("deployedContracts", &known)? {
            // Whatever a stranger's contract says of itself counts for nothing.
            let (issuer, nothing) = (Address::ZERO, Amount::ZERO);
            return Ok(VaultFacts {
                issuer,
                known: false,
                balance: nothing,
                paid_out: nothing,
                locked: nothing,
            });
        }
        let (balance, paid_out) = (
            self.balance.unwrap_or_default(),
            self.paid_out.unwrap_or_default(),
        );
        Ok(VaultFacts {
            issuer: vault::read_address("issuer", &self.issuer.unwrap_or_default())?,
            known: true,
            balance: token::read_amount("totalbalance", &balance)?,
            paid_out: token::read_amount("paidOut", &paid_out)?,
            locked: self
                .lock
                .map_or(Ok(Amount::ZERO), |lock| vault::read_lock(&lock))?,
        })
    }
}
