//! Facts of the methods, asked as a client asks: JSON in, JSON out, no socket between.
//! Contract bytes are those of the committed Token artefact.
use super::*;
use crate::tx::tests::{Draft, address_of, key};
use crate::world::Gift;
use revm::primitives::{Address, U256, keccak256};

const ID: u64 = 31337;
const WEALTH: u128 = 1_000_000_000_000_000_000_000;

struct Bench {
    chain: Mutex<Chain>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fund: Vec<Gift> = [1, 2]
            .map(|byte| (address_of(&key(byte)), U256::from(WEALTH)))
            .to_vec();
        let chain = Mutex::new(Chain::open(dir.path(), ID, &fund).unwrap());
        Self { chain, _dir: dir }
    }

    fn raw(&self, automine: bool, method: &str, params: Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        answer(&self.chain, automine, request.to_string().as_bytes())
    }

    fn ask(&self, method: &str, params: Value) -> Value {
        let answer = self.raw(true, method, params);
        answer
            .get("result")
            .unwrap_or_else(|| panic!("{method}: {answer}"))
            .clone()
    }

    fn refused(&self, method: &str, params: Value) -> (i64, String) {
        let answer = self.raw(true, method, params);
        let error = &answer["error"];
        (
            error["code"].as_i64().unwrap(),
            error["message"].as_str().unwrap().to_owned(),
        )
    }

    fn send(&self, raw: &[u8]) -> Value {
        self.ask("eth_sendRawTransaction", json!([text(raw)]))
    }

    /// Deploys the Token with key 1 at nonce 0 and wraps 500 wei at nonce 1.
    fn token(&self) -> Value {
        let artefact: Value =
            serde_json::from_str(include_str!("../../../solidity/abi/Token.json")).unwrap();
        let code = artefact["bytecode"].as_str().unwrap();
        let input = hex::decode(code.trim_start_matches("0x")).unwrap();
        let deploy = Draft {
            nonce: 0,
            to: None,
            value: 0,
            input,
            gas: 3_000_000,
            fee: 2 << 30,
        };
        let hash = self.send(&deploy.dynamic(&key(1), ID));
        let receipt = self.ask("eth_getTransactionReceipt", json!([hash]));
        assert_eq!(receipt["status"], "0x1");
        let token: Address = receipt["contractAddress"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        let input = selector("deposit()");
        let wrap = Draft {
            nonce: 1,
            to: Some(token),
            value: 500,
            input,
            gas: 99_000,
            fee: 2 << 30,
        };
        self.send(&wrap.legacy(&key(1), ID));
        receipt["contractAddress"].clone()
    }
}

fn text(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn selector(signature: &str) -> Vec<u8> {
    keccak256(signature)[..4].to_vec()
}

fn transfer(to: Address, amount: u64) -> Vec<u8> {
    let mut input = selector("transfer(address,uint256)");
    input.extend(to.into_word());
    input.extend(U256::from(amount).to_be_bytes::<32>());
    input
}

#[test]
fn a_payment_moves_wei_and_leaves_a_receipt() {
    let bench = Bench::new();
    let to = Address::repeat_byte(7);
    let hash = bench.send(&Draft::pay(0, to, 41).dynamic(&key(1), ID));
    assert_eq!(bench.ask("eth_getBalance", json!([to, "latest"])), "0x29");
    let receipt = bench.ask("eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["gasUsed"], "0x5208");
    assert_eq!(receipt["effectiveGasPrice"], "0x3b9aca01");
    assert_eq!(receipt["blockNumber"], "0x1");
    let block = bench.ask("eth_getBlockByNumber", json!(["latest", true]));
    assert_eq!(block["transactions"][0]["hash"], hash);
    assert_eq!(block["hash"], receipt["blockHash"]);
    assert_eq!(
        bench.ask("eth_getBlockByHash", json!([block["hash"], false]))["number"],
        "0x1"
    );
}

#[test]
fn nonces_must_follow_and_replacements_must_pay_more() {
    let bench = Bench::new();
    let to = Address::repeat_byte(7);
    let raw = Draft::pay(0, to, 1).legacy(&key(1), ID);
    bench.send(&raw);
    let send = |draft: Draft| {
        bench
            .refused(
                "eth_sendRawTransaction",
                json!([text(&draft.legacy(&key(1), ID))]),
            )
            .1
    };
    assert_eq!(send(Draft::pay(0, to, 1)), "already known");
    assert_eq!(
        send(Draft::pay(0, to, 2)),
        "nonce too low: next nonce 1, tx nonce 0"
    );
    bench.send(&Draft::pay(2, to, 1).legacy(&key(1), ID));
    assert_eq!(
        bench.ask(
            "eth_getTransactionCount",
            json!([address_of(&key(1)), "latest"])
        ),
        "0x1"
    );
    assert_eq!(
        send(Draft::pay(2, to, 3)),
        "replacement transaction underpriced"
    );
    bench.send(
        &Draft {
            fee: 2_200_000_000,
            ..Draft::pay(2, to, 3)
        }
        .legacy(&key(1), ID),
    );
    bench.send(&Draft::pay(1, to, 1).legacy(&key(1), ID));
    assert_eq!(
        bench.ask(
            "eth_getTransactionCount",
            json!([address_of(&key(1)), "latest"])
        ),
        "0x3"
    );
    assert_eq!(bench.ask("eth_getBalance", json!([to, "latest"])), "0x5");
    let poor = Draft::pay(0, to, 1).legacy(&key(9), ID);
    let (code, message) = bench.refused("eth_sendRawTransaction", json!([text(&poor)]));
    assert!(
        code == -32000 && message.starts_with("insufficient funds"),
        "{message}"
    );
}

#[test]
fn a_fee_below_the_base_fee_waits_until_it_is_raised() {
    let bench = Bench::new();
    let to = Address::repeat_byte(7);
    let low = Draft {
        fee: 900_000_000,
        ..Draft::pay(0, to, 1)
    };
    let hash = bench.send(&low.dynamic(&key(1), ID));
    bench.ask("evm_mine", json!([]));
    assert_eq!(
        bench.ask("eth_getTransactionReceipt", json!([hash])),
        Value::Null
    );
    assert_eq!(
        bench.ask("eth_getTransactionByHash", json!([hash]))["blockHash"],
        Value::Null
    );
    let owner = address_of(&key(1));
    assert_eq!(
        bench.ask("eth_getTransactionCount", json!([owner, "pending"])),
        "0x1"
    );
    bench.send(
        &Draft {
            fee: 1_800_000_000,
            ..low
        }
        .legacy(&key(1), ID),
    );
    assert_eq!(bench.ask("eth_getBalance", json!([to, "latest"])), "0x1");
}

#[test]
fn a_revert_carries_its_reason_and_costs_no_estimate() {
    let bench = Bench::new();
    let token = bench.token();
    let call = json!([{"to": token, "from": address_of(&key(2)),
        "data": text(&transfer(Address::repeat_byte(3), 1))}, "latest"]);
    let reason = "execution reverted: Token: balance too low";
    assert_eq!(bench.refused("eth_call", call.clone()), (3, reason.into()));
    assert_eq!(bench.refused("eth_estimateGas", call), (3, reason.into()));
}

#[test]
fn an_estimate_suffices_and_is_tight() {
    let bench = Bench::new();
    let token = bench.token();
    let input = transfer(Address::repeat_byte(3), 5);
    let call = json!([{"to": token, "from": address_of(&key(1)), "data": text(&input)}]);
    let estimate = bench.ask("eth_estimateGas", call);
    let gas = u64::from_str_radix(&estimate.as_str().unwrap()[2..], 16).unwrap();
    let to: Address = token.as_str().unwrap().parse().unwrap();
    let draft = Draft {
        nonce: 2,
        to: Some(to),
        value: 0,
        input,
        gas,
        fee: 2 << 30,
    };
    let hash = bench.send(&draft.dynamic(&key(1), ID));
    let receipt = bench.ask("eth_getTransactionReceipt", json!([hash]));
    assert_eq!(receipt["status"], "0x1");
    let used = u64::from_str_radix(&receipt["gasUsed"].as_str().unwrap()[2..], 16).unwrap();
    assert!(
        used <= gas && gas <= used + used / 16,
        "used {used}, estimate {gas}"
    );
}

#[test]
fn logs_are_found_by_block_address_and_topic() {
    let bench = Bench::new();
    let token = bench.token();
    let to: Address = token.as_str().unwrap().parse().unwrap();
    for (nonce, amount) in [(2, 10), (3, 20)] {
        let input = transfer(Address::repeat_byte(3), amount);
        let draft = Draft {
            nonce,
            to: Some(to),
            value: 0,
            input,
            gas: 99_000,
            fee: 2 << 30,
        };
        bench.send(&draft.dynamic(&key(1), ID));
    }
    let count = |filter: Value| {
        bench
            .ask("eth_getLogs", json!([filter]))
            .as_array()
            .unwrap()
            .len()
    };
    let topic = keccak256("Transfer(address,address,uint256)");
    let receiver = Address::repeat_byte(3).into_word();
    let all = json!({"fromBlock": "0x0", "toBlock": "latest", "topics": [topic]});
    assert_eq!(count(all), 2);
    assert_eq!(count(json!({"fromBlock": "0x4", "toBlock": "0x4"})), 1);
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [null, null, receiver]})),
        2
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "topics": [[topic, receiver]]})),
        2
    );
    assert_eq!(
        count(json!({"fromBlock": "0x0", "address": [Address::ZERO]})),
        0
    );
    assert_eq!(count(json!({"fromBlock": "0x0", "address": token})), 3);
    let block = bench.ask("eth_getBlockByNumber", json!(["0x3", false]));
    assert_eq!(count(json!({"blockHash": block["hash"]})), 1);
    let found = bench.ask("eth_getLogs", json!([{"fromBlock": "0x4"}]));
    assert_eq!(
        found[0]["data"],
        text(&U256::from(20_u64).to_be_bytes::<32>())
    );
    assert_eq!(found[0]["removed"], false);
    assert_eq!(
        bench
            .refused(
                "eth_getLogs",
                json!([{"fromBlock": "0x4", "toBlock": "0x1"}])
            )
            .0,
        -32602
    );
}

#[test]
fn blockhash_answers_with_the_hashes_that_were_shown() {
    let bench = Bench::new();
    for _ in 0..3 {
        bench.ask("evm_mine", json!([]));
    }
    // Init code that returns BLOCKHASH(1): PUSH1 1 BLOCKHASH PUSH0 MSTORE PUSH1 32 PUSH0 RETURN.
    let code = "0x6001405f5260205ff3";
    let shown = bench.ask("eth_getBlockByNumber", json!(["0x1", false]))["hash"].clone();
    assert_eq!(
        bench.ask("eth_call", json!([{"data": code}, "latest"])),
        shown
    );
}

#[test]
fn a_batch_is_answered_in_order_and_rubbish_by_name() {
    let bench = Bench::new();
    let batch = json!([
        {"jsonrpc": "2.0", "id": "a", "method": "eth_chainId"},
        {"jsonrpc": "2.0", "id": 2, "method": "eth_nonsense"},
        {"id": 3},
        {"jsonrpc": "2.0", "id": 4, "method": "net_version", "params": {}},
    ]);
    let answers = answer(&bench.chain, true, batch.to_string().as_bytes());
    assert_eq!(
        answers[0],
        json!({"jsonrpc": "2.0", "id": "a", "result": "0x7a69"})
    );
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["error"]["code"], -32600);
    assert_eq!(answers[3]["result"], "31337");
    assert_eq!(answer(&bench.chain, true, b"[]")["error"]["code"], -32600);
    assert_eq!(answer(&bench.chain, true, b"{")["error"]["code"], -32700);
    for params in [
        json!([]),
        json!([5]),
        json!(["0x12", "latest"]),
        json!(["0x", "bad"]),
    ] {
        assert_eq!(bench.refused("eth_getBalance", params).0, -32602);
    }
    let (code, message) = bench.refused("eth_getBalance", json!([Address::ZERO, "0x5"]));
    assert_eq!(
        (code, message.as_str()),
        (-32000, "state of block 5 is not kept, the head is 0")
    );
}

#[test]
fn an_old_state_is_refused_rather_than_answered_wrongly() {
    let bench = Bench::new();
    bench.ask("evm_mine", json!([]));
    let (_, message) = bench.refused("eth_getBalance", json!([Address::ZERO, "earliest"]));
    assert_eq!(message, "state of block 0 is not kept, the head is 1");
}

#[test]
fn the_clock_can_be_moved_forward_and_never_back() {
    let bench = Bench::new();
    let time = |number: &str| {
        let block = bench.ask("eth_getBlockByNumber", json!([number, false]));
        u64::from_str_radix(&block["timestamp"].as_str().unwrap()[2..], 16).unwrap()
    };
    bench.ask("evm_increaseTime", json!([3600]));
    bench.ask("evm_mine", json!([]));
    let jumped = time("latest");
    assert!(jumped >= time("earliest") + 3600);
    bench.ask("evm_mine", json!([]));
    assert!(time("latest") >= jumped);
}

#[test]
fn fee_history_has_one_base_fee_more_than_blocks() {
    let bench = Bench::new();
    bench.ask("evm_mine", json!([]));
    let history = bench.ask("eth_feeHistory", json!(["0x5", "latest", [50]]));
    assert_eq!(history["oldestBlock"], "0x0");
    assert_eq!(history["baseFeePerGas"].as_array().unwrap().len(), 3);
    assert_eq!(history["reward"].as_array().unwrap().len(), 2);
}
