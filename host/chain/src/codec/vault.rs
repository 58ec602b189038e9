//! The vault of one issuer: calldata, results, events. Names and signatures are BTFS's where BTFS
//! has them; locks and announced withdrawals are ours.

use super::{Log, calldata, event, result};
use crate::bindings::vault::vault as abi;
use crate::error::Error;
use crate::translate::{address, amount, digest, h160, u256};
use ethers_contract::EthEvent;
use ethers_core::types::U256;
use host_core::cheque::{Cheque, SignedCheque};
use host_core::{Address, Amount, Digest32};

/// Takes `sum` of the vault's token from the caller, who approved it before.
#[must_use]
pub fn deposit(sum: Amount) -> Vec<u8> {
    calldata(abi::DepositCall { amount: u256(sum) })
}

/// Announces a withdrawal of `sum`; zero cancels. Issuer only.
#[must_use]
pub fn request_withdraw(sum: Amount) -> Vec<u8> {
    calldata(abi::RequestWithdrawCall { amount: u256(sum) })
}

/// Takes `sum` of an announced withdrawal out. Issuer only.
#[must_use]
pub fn withdraw(sum: Amount) -> Vec<u8> {
    calldata(abi::WithdrawCall { amount: u256(sum) })
}

/// Sets `sum` aside for `beneficiary` up to block `until`. Issuer only.
#[must_use]
pub fn lock_deposit(beneficiary: Address, sum: Amount, until: u64) -> Vec<u8> {
    calldata(abi::LockDepositCall {
        beneficiary: h160(beneficiary),
        amount: u256(sum),
        until,
    })
}

/// Cashes a cheque; must be sent by its beneficiary.
#[must_use]
pub fn cash(signed: &SignedCheque, recipient: Address) -> Vec<u8> {
    let (recipient, issuer_sig) = (h160(recipient), signed.signature.0.to_vec().into());
    let cumulative_payout = u256(signed.cheque.cumulative);
    match signed.cheque.token {
        None => calldata(abi::CashChequeBeneficiaryCall {
            recipient,
            cumulative_payout,
            issuer_sig,
        }),
        Some(token) => calldata(abi::MultiTokenCashChequeBeneficiaryCall {
            token: h160(token),
            recipient,
            cumulative_payout,
            issuer_sig,
        }),
    }
}

/// Asks who signs this vault's cheques; read with `read_address`.
#[must_use]
pub fn issuer() -> Vec<u8> {
    calldata(abi::IssuerCall {})
}

/// Asks for the vault's own token; read with `read_address`.
#[must_use]
pub fn token() -> Vec<u8> {
    calldata(abi::TokenCall {})
}

/// Asks what the vault holds of its token; read with `token::read_amount`.
#[must_use]
pub fn total_balance() -> Vec<u8> {
    calldata(abi::TotalbalanceCall {})
}

/// Asks what the vault has paid to everyone; read with `token::read_amount`.
#[must_use]
pub fn total_paid_out() -> Vec<u8> {
    calldata(abi::TotalPaidOutCall {})
}

/// Asks what `beneficiary` has been paid; read with `token::read_amount`.
#[must_use]
pub fn paid_out(beneficiary: Address) -> Vec<u8> {
    calldata(abi::PaidOutCall {
        beneficiary: h160(beneficiary),
    })
}

/// Asks what `beneficiary` may count on in `of_token`; read with `token::read_amount`.
#[must_use]
pub fn cover_of(of_token: Address, beneficiary: Address) -> Vec<u8> {
    calldata(abi::CoverOfCall {
        token: h160(of_token),
        beneficiary: h160(beneficiary),
    })
}

/// Asks for the lock of `beneficiary`; read with `read_lock`.
#[must_use]
pub fn lock_of(of_token: Address, beneficiary: Address) -> Vec<u8> {
    calldata(abi::LockOfCall {
        token: h160(of_token),
        beneficiary: h160(beneficiary),
    })
}

/// Asks the vault itself for the digest of a cheque in its own token; read with `read_digest`.
#[must_use]
pub fn cheque_digest(of_token: Address, cheque: &Cheque) -> Vec<u8> {
    calldata(abi::ChequeDigestCall {
        token: h160(of_token),
        beneficiary: h160(cheque.beneficiary),
        cumulative_payout: u256(cheque.cumulative),
    })
}

/// Asks for the live withdrawal request in `of_token`; read with `read_withdraw_request`.
#[must_use]
pub fn withdraw_request_of(of_token: Address) -> Vec<u8> {
    calldata(abi::WithdrawRequestOfCall {
        token: h160(of_token),
    })
}

/// The account that a question for one account returned.
pub fn read_address(what: &'static str, bytes: &[u8]) -> Result<Address, Error> {
    result(what, bytes).map(address)
}

/// The word that a question for one digest returned.
pub fn read_digest(what: &'static str, bytes: &[u8]) -> Result<Digest32, Error> {
    result::<[u8; 32]>(what, bytes).map(|word| digest(word.into()))
}

/// The amount of a lock.
pub fn read_lock(bytes: &[u8]) -> Result<Amount, Error> {
    let lock: abi::LockOfReturn = result("lockOf", bytes)?;
    amount("lockOf", lock.amount)
}

/// An announced withdrawal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WithdrawRequest {
    /// What may still leave.
    pub sum: Amount,
    /// First block in which it may.
    pub ready_at: u64,
    /// Last block in which it may.
    pub ends_at: u64,
}

/// The live withdrawal request, if there is one.
pub fn read_withdraw_request(bytes: &[u8]) -> Result<Option<WithdrawRequest>, Error> {
    let (sum, ready_at, ends_at): (U256, u64, u64) = result("withdrawRequestOf", bytes)?;
    let sum = amount("withdrawRequestOf", sum)?;
    Ok((sum != Amount::ZERO).then_some(WithdrawRequest {
        sum,
        ready_at,
        ends_at,
    }))
}

/// Topics of payments to `beneficiary` in a vault's own token.
#[must_use]
pub fn cashed_topics(beneficiary: Address) -> Vec<Vec<Digest32>> {
    let name = digest(abi::ChequeCashedFilter::signature());
    vec![vec![name], vec![account_topic(beneficiary)]]
}

/// Topics of payments to `beneficiary` that fell short, in any token.
#[must_use]
pub fn short_topics(beneficiary: Address) -> Vec<Vec<Digest32>> {
    let name = digest(abi::ChequeShortFilter::signature());
    vec![vec![name], Vec::new(), vec![account_topic(beneficiary)]]
}

fn account_topic(account: Address) -> Digest32 {
    let mut word = [0; 32];
    word[12..].copy_from_slice(&account.0);
    Digest32(word)
}

/// What a vault tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultEvent {
    /// A cheque was paid, wholly or in part.
    Cashed {
        /// Whose cheque.
        beneficiary: Address,
        /// Who got the money.
        recipient: Address,
        /// What was paid now.
        paid: Amount,
        /// The cheque's cumulative sum.
        cumulative: Amount,
    },
    /// A cheque could not be paid in full.
    Short {
        /// Whose cheque.
        beneficiary: Address,
        /// What is still owed.
        missing: Amount,
    },
    /// Somebody paid in.
    Deposited {
        /// Who.
        from: Address,
        /// How much.
        sum: Amount,
    },
    /// The issuer took money out.
    Withdrawn {
        /// Who.
        to: Address,
        /// How much.
        sum: Amount,
    },
    /// The issuer announced that money will leave.
    WithdrawRequested {
        /// How much.
        sum: Amount,
        /// First block in which it may.
        ready_at: u64,
    },
}

/// Reads a vault's log; nothing when it is another event.
pub fn read_event(log: &Log) -> Result<Option<VaultEvent>, Error> {
    use abi::VaultEvents as Found;
    let Some(found) = event::<Found>(log) else {
        return Ok(None);
    };
    Ok(Some(match found {
        Found::ChequeCashedFilter(one) => VaultEvent::Cashed {
            beneficiary: address(one.beneficiary),
            recipient: address(one.recipient),
            paid: amount("ChequeCashed", one.total_payout)?,
            cumulative: amount("ChequeCashed", one.cumulative_payout)?,
        },
        Found::MultiTokenChequeCashedFilter(one) => VaultEvent::Cashed {
            beneficiary: address(one.beneficiary),
            recipient: address(one.recipient),
            paid: amount("MultiTokenChequeCashed", one.total_payout)?,
            cumulative: amount("MultiTokenChequeCashed", one.cumulative_payout)?,
        },
        Found::ChequeShortFilter(one) => VaultEvent::Short {
            beneficiary: address(one.beneficiary),
            missing: amount("ChequeShort", one.missing)?,
        },
        Found::VaultDepositFilter(one) => VaultEvent::Deposited {
            from: address(one.from),
            sum: amount("VaultDeposit", one.amount)?,
        },
        Found::VaultWithdrawFilter(one) => VaultEvent::Withdrawn {
            to: address(one.from),
            sum: amount("VaultWithdraw", one.amount)?,
        },
        Found::WithdrawRequestedFilter(one) => VaultEvent::WithdrawRequested {
            sum: amount("WithdrawRequested", one.amount)?,
            ready_at: one.ready_at,
        },
        _ => return Ok(None),
    }))
}
