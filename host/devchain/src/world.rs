//! The state of the chain and its execution: the only file that runs the virtual machine.
//!
//! Enters: transactions with a proven sender, call requests, gifts of the operator. Leaves: what
//! they did. Invariants: nothing changes the state but `apply`, which the chain calls after the
//! block's record is durable; execution depends on nothing but the state, the frame and the
//! transactions, so a log replays to the same bytes. The rules are those of Shanghai. Does not:
//! keep old states; know blocks, receipts or JSON.

use crate::tx::SignedTx;
use revm::context::result::{EVMError, ExecutionResult, InvalidTransaction};
use revm::context::{BlockEnv, CfgEnv, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, AddressMap, B256, Bytes, Log, TxKind, U256};
use revm::state::Account;
use revm::{Context, DatabaseCommit, DatabaseRef, ExecuteEvm, MainBuilder, MainContext};
use std::convert::Infallible;

/// Gas that fits in one block; also the most one call may use.
pub(crate) const BLOCK_GAS: u64 = 30_000_000;
/// BLOCKHASH sees this many blocks back.
const HASHES_KEPT: u64 = 256;

type State = CacheDB<EmptyDB>;

/// What surrounds the transactions of one block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    pub(crate) timestamp: u64,
    pub(crate) base_fee: u64,
    pub(crate) randomness: B256,
}

/// A gift of native tokens from the operator's command line.
pub(crate) type Gift = (Address, U256);

/// What one transaction of a block did.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    pub(crate) success: bool,
    pub(crate) gas_used: u64,
    pub(crate) price: u128,
    pub(crate) created: Option<Address>,
    pub(crate) logs: Vec<Log>,
}

/// Changes of one block, ready to be applied once its record is durable.
pub(crate) struct Changes {
    gifts: Vec<Gift>,
    states: Vec<AddressMap<Account>>,
}

/// A block that was executed but not applied.
pub(crate) struct Executed {
    pub(crate) included: Vec<(SignedTx, Effect)>,
    /// Transactions that the rules refuse, with the rule.
    pub(crate) refused: Vec<(SignedTx, String)>,
    pub(crate) changes: Changes,
}

/// A question to the state: a call without a signature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    pub(crate) from: Address,
    pub(crate) to: Option<Address>,
    pub(crate) value: U256,
    pub(crate) input: Bytes,
    pub(crate) gas: Option<u64>,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It ran to its end.
    Done {
        /// Bytes returned.
        output: Bytes,
        /// Gas paid for, after refunds.
        gas_used: u64,
    },
    /// The contract refused it, perhaps with a reason in `output`.
    Reverted {
        /// Bytes given with the revert.
        output: Bytes,
    },
    /// The machine stopped it or the rules do not let it begin.
    Stopped {
        /// Which stop or rule.
        reason: String,
    },
}

/// Accounts, code and storage of the newest block.
pub(crate) struct World {
    state: State,
    chain_id: u64,
}

/// The state in memory cannot fail to answer.
fn read<T>(answer: Result<T, Infallible>) -> T {
    match answer {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

impl World {
    /// An empty state.
    pub(crate) fn new(chain_id: u64) -> Self {
        Self {
            state: State::default(),
            chain_id,
        }
    }

    /// Runs `gifts` and then `txs` in order on a copy-on-write layer over the state.
    pub(crate) fn execute(&self, frame: Frame, gifts: &[Gift], txs: Vec<SignedTx>) -> Executed {
        let mut layer = CacheDB::new(&self.state);
        for (to, wei) in gifts {
            give(&mut layer, *to, *wei);
        }
        let mut done = Executed {
            included: Vec::with_capacity(txs.len()),
            refused: Vec::new(),
            changes: Changes {
                gifts: gifts.to_vec(),
                states: Vec::with_capacity(txs.len()),
            },
        };
        for tx in txs {
            let price = tx.price_at(frame.base_fee).unwrap_or(tx.max_fee);
            let mut evm = Context::mainnet()
                .with_db(&mut layer)
                .with_cfg(self.rules())
                .with_block(block_env(frame))
                .build_mainnet();
            match evm.transact(tx_env(&tx, self.chain_id)) {
                Ok(outcome) => {
                    drop(evm);
                    layer.commit(outcome.state.clone());
                    done.changes.states.push(outcome.state);
                    done.included.push((tx, effect(outcome.result, price)));
                }
                Err(reason) => done.refused.push((tx, rule(&reason))),
            }
        }
        done
    }

    /// Takes over the changes of a block and remembers its hash for BLOCKHASH.
    pub(crate) fn apply(&mut self, number: u64, hash: B256, changes: Changes) {
        for (to, wei) in changes.gifts {
            give(&mut self.state, to, wei);
        }
        for state in changes.states {
            self.state.commit(state);
        }
        let hashes = &mut self.state.cache.block_hashes;
        hashes.insert(U256::from(number), hash);
        if let Some(old) = number.checked_sub(HASHES_KEPT) {
            hashes.remove(&U256::from(old));
        }
    }

    /// Runs a call on the state and throws its changes away. Nonce, balance and fees are not asked
    /// for; fees are zero.
    pub(crate) fn call(&self, frame: Frame, call: &Call) -> Answer {
        let mut cfg = self.rules();
        cfg.disable_nonce_check = true;
        cfg.disable_balance_check = true;
        cfg.disable_eip3607 = true;
        let mut evm = Context::mainnet()
            .with_db(CacheDB::new(&self.state))
            .with_cfg(cfg)
            .with_block(block_env(Frame {
                base_fee: 0,
                ..frame
            }))
            .build_mainnet();
        let env = TxEnv {
            caller: call.from,
            gas_limit: call.gas.unwrap_or(BLOCK_GAS).min(BLOCK_GAS),
            kind: call.to.map_or(TxKind::Create, TxKind::Call),
            value: call.value,
            data: call.input.clone(),
            chain_id: Some(self.chain_id),
            gas_price: 0,
            ..TxEnv::default()
        };
        match evm.transact(env) {
            Ok(outcome) => match outcome.result {
                ExecutionResult::Success {
                    ref gas,
                    ref output,
                    ..
                } => Answer::Done {
                    output: output.data().clone(),
                    gas_used: gas.tx_gas_used(),
                },
                ExecutionResult::Revert { output, .. } => Answer::Reverted { output },
                ExecutionResult::Halt { reason, .. } => Answer::Stopped {
                    reason: format!("{reason:?}"),
                },
            },
            Err(reason) => Answer::Stopped {
                reason: rule(&reason),
            },
        }
    }

    /// Nonce of the next transaction of `address`.
    pub(crate) fn nonce(&self, address: Address) -> u64 {
        read(self.state.basic_ref(address)).map_or(0, |account| account.nonce)
    }

    /// Native balance of `address` in wei.
    pub(crate) fn balance(&self, address: Address) -> U256 {
        read(self.state.basic_ref(address)).map_or(U256::ZERO, |account| account.balance)
    }

    /// Code of `address`, empty when there is none.
    pub(crate) fn code(&self, address: Address) -> Bytes {
        match read(self.state.basic_ref(address)) {
            Some(account) => read(self.state.code_by_hash_ref(account.code_hash)).original_bytes(),
            None => Bytes::new(),
        }
    }

    /// One storage word of `address`.
    pub(crate) fn storage(&self, address: Address, slot: U256) -> U256 {
        read(self.state.storage_ref(address, slot))
    }

    fn rules(&self) -> CfgEnv {
        let mut cfg = CfgEnv::new_with_spec(SpecId::SHANGHAI);
        cfg.chain_id = self.chain_id;
        cfg
    }
}

/// Adds wei to an account of `db`.
fn give<DB: DatabaseRef<Error = Infallible>>(db: &mut CacheDB<DB>, to: Address, wei: U256) {
    let mut account = read(db.basic_ref(to)).unwrap_or_default();
    account.balance = account.balance.saturating_add(wei);
    db.insert_account_info(to, account);
}

fn block_env(frame: Frame) -> BlockEnv {
    BlockEnv {
        number: U256::from(frame.number),
        timestamp: U256::from(frame.timestamp),
        gas_limit: BLOCK_GAS,
        basefee: frame.base_fee,
        prevrandao: Some(frame.randomness),
        ..BlockEnv::default()
    }
}

fn tx_env(tx: &SignedTx, chain_id: u64) -> TxEnv {
    TxEnv {
        tx_type: if tx.max_tip.is_some() { 2 } else { 0 },
        caller: tx.from,
        gas_limit: tx.gas_limit,
        gas_price: tx.max_fee,
        kind: tx.kind,
        value: tx.value,
        data: tx.input.clone(),
        nonce: tx.nonce,
        // The decoder admits no other chain id.
        chain_id: Some(chain_id),
        access_list: tx.access_list.clone(),
        gas_priority_fee: tx.max_tip,
        ..TxEnv::default()
    }
}

fn effect(result: ExecutionResult, price: u128) -> Effect {
    let created = result.created_address();
    let (success, gas_used) = (result.is_success(), result.tx_gas_used());
    Effect {
        success,
        gas_used,
        price,
        created,
        logs: if success { result.into_logs() } else { vec![] },
    }
}

/// The broken rule in words that clients of Ethereum nodes know.
fn rule(error: &EVMError<Infallible, InvalidTransaction>) -> String {
    match error {
        EVMError::Transaction(InvalidTransaction::NonceTooLow { tx, state }) => {
            format!("nonce too low: next nonce {state}, tx nonce {tx}")
        }
        EVMError::Transaction(InvalidTransaction::LackOfFundForMaxFee { fee, balance }) => {
            format!("insufficient funds for gas * price + value: have {balance} want {fee}")
        }
        EVMError::Transaction(InvalidTransaction::CallGasCostMoreThanGasLimit {
            initial_gas,
            gas_limit,
        }) => format!("intrinsic gas too low: have {gas_limit}, want {initial_gas}"),
        other => other.to_string(),
    }
}
