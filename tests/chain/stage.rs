//! What the tests stand on: keys, a ledger that holds one cheque, a word with a node.

use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::cheque::Cheque;
use host_core::identity::SecretKey;
use host_core::{Address, AgreementId, Amount, NetworkId, ShardId, VolumeId};
use host_ledger::{AgreementRow, Fact, Ledger, Options, PlacementRow};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const SUM: Amount = Amount(1_000_000);

pub(crate) fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("a scalar")
}

/// A ledger that holds one paid agreement whose cheque promises `SUM` on `vault`.
pub(crate) async fn ledger_with_cheque(dir: &std::path::Path, vault: Address) -> Ledger {
    let ledger = Ledger::open(dir, Options::default()).expect("opens");
    let (renter, host) = (key(2), key(3));
    let shard = ShardId([5; 32]);
    let terms = Agreement {
        network: NetworkId::of_name("test"),
        id: AgreementId([4; 32]),
        renter: renter.address(),
        host: host.address(),
        payout: host.address(),
        shard,
        shard_len: 4096,
        codec: 1,
        price: Amount(1),
        start_epoch: 0,
        end_epoch: 9,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    };
    let agreement = terms.digest(CHAIN);
    let signed = SignedAgreement {
        renter_signature: terms.sign(CHAIN, &renter),
        host_signature: terms.sign(CHAIN, &host),
        terms,
    };
    let cheque = Cheque {
        vault,
        beneficiary: host.address(),
        cumulative: SUM,
        token: None,
    }
    .sign(CHAIN, &renter);
    let volume = VolumeId([1; 16]);
    let row = PlacementRow {
        volume,
        offset: 8192,
        size: 8192,
        len: 4096,
    };
    let facts = vec![
        Fact::VolumeAdded {
            volume,
            start: 8192,
            size: 1 << 20,
        },
        Fact::AgreementOpened(AgreementRow::new(agreement, signed, 0)),
        Fact::ShardPlaced {
            shard,
            row,
            agreement,
        },
        Fact::ChequeAccepted {
            cheque,
            agreement,
            through_epoch: 1,
            increment: SUM,
        },
    ];
    ledger.commit(facts).await.expect("committed");
    ledger
}

/// One JSON-RPC request to a node at `address`; nothing when it does not answer.
pub(crate) async fn rpc(address: &str, method: &str, params: Value) -> Option<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).await.ok()?;
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let at = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    serde_json::from_slice(answer.get(at + 4..)?).ok()
}
