//! The signer against a malicious daemon: a process that holds the socket and wants the money.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use holdfast_tests::program;
use host_core::agreement::{Agreement, PayMode};
use host_core::announce::HostOffer;
use host_core::identity::SecretKey;
use host_core::keeper::Signable;
use host_core::tx::TxBody;
use host_core::{Address, AgreementId, Amount, NetworkId, ShardId};
use host_keystore::SealedKey;
use host_signer::calls::selector;
use host_signer::policy::{Day, Places};
use host_signer::{Client, Error, Policy, Refusal, Standing};

use crate::objects::RICH;
use crate::stage::{Child, Plan, Shape, Town, block_on, ground, noise, until};

const CHAIN: u64 = 31_337;
/// Wei a unit of gas, in all these transactions.
const PRICE: u128 = 1_000_000_000;
const GAS: u64 = 100_000;
/// What one of them counts.
const COST: u128 = PRICE * GAS as u128;

fn account(seed: u8) -> Address {
    Address([seed; 20])
}

const TOKEN: u8 = 1;
const FACTORY: u8 = 2;
const STAKING: u8 = 3;
const PROOFS: u8 = 4;
const COLD: u8 = 9;
const THIEF: u8 = 66;

fn key() -> SecretKey {
    SecretKey::from_bytes(&[7; 32]).expect("a scalar")
}

/// A signer's directory, and its process while it runs.
struct Booth {
    dir: PathBuf,
    child: Option<Child>,
}

impl Booth {
    fn make(name: &str, payout: Option<Address>) -> Self {
        let dir = ground().place(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        let bytes = SealedKey::plain(&key()).to_bytes();
        std::fs::write(dir.join("identity.key"), bytes.as_slice()).expect("a key file");
        let booth = Self { dir, child: None };
        booth.write_policy(payout);
        booth
    }

    fn write_policy(&self, payout: Option<Address>) {
        let places = Places {
            token: Some(account(TOKEN)),
            vault_factory: Some(account(FACTORY)),
            staking: Some(account(STAKING)),
            proof_of_storage: Some(account(PROOFS)),
            ..Places::default()
        };
        let policy = Policy {
            day: Day {
                native: Amount(5 * COST),
                token: Amount(1_000),
                proofs: Amount(20 * COST),
                gas_price: Amount(PRICE),
            },
            ..Policy::of(CHAIN, places, payout)
        };
        let text = toml::to_string(&policy).expect("a policy");
        std::fs::write(self.dir.join("signer.toml"), text).expect("a policy file");
    }

    fn start(&mut self) -> Client {
        let path = |name: &str| self.dir.join(name).to_string_lossy().into_owned();
        let words = [
            "serve".to_owned(),
            "--key-file".into(),
            path("identity.key"),
            "--policy".into(),
            path("signer.toml"),
            "--book".into(),
            path("signer.book"),
            "--socket".into(),
            path("s"),
        ];
        let child = Child::start("holdfast-signer", &words, &self.dir.join("log"));
        let _ready: serde_json::Value = child.ready();
        self.child = Some(child);
        Client::connect(&self.dir.join("s"), Duration::from_secs(20)).expect("connects")
    }

    fn kill(&mut self) {
        self.child.take().expect("it runs").kill();
    }
}

fn word_of(address: Address) -> Vec<u8> {
    [&[0; 12], address.0.as_slice()].concat()
}

fn number(value: u128) -> Vec<u8> {
    [&[0; 16], value.to_be_bytes().as_slice()].concat()
}

fn call(signature: &str, words: &[Vec<u8>]) -> Vec<u8> {
    let head = selector(signature).to_be_bytes().to_vec();
    [head, words.concat()].concat()
}

fn tx(nonce: u64, to: u8, value: u128, data: Vec<u8>) -> TxBody {
    TxBody {
        chain_id: CHAIN,
        nonce,
        to: Some(account(to)),
        value: Amount(value),
        data,
        gas: GAS,
        max_fee: Amount(PRICE),
        tip: Some(Amount(1)),
    }
}

fn sign(client: &Client, body: TxBody) -> Result<(), Refusal> {
    let body = Box::new(body);
    match block_on(client.sign(&Signable::Transaction { body })) {
        Ok(_) => Ok(()),
        Err(Error::Refused(why)) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

fn standing(client: &Client) -> Standing {
    block_on(client.standing()).expect("answers")
}

fn seal(nonce: u64) -> TxBody {
    tx(nonce, PROOFS, 0, call("seal(uint64)", &[number(1)]))
}

fn cash(nonce: u64, recipient: u8) -> TxBody {
    let text = "cashChequeBeneficiary(address,uint256,bytes)";
    let words = [
        word_of(account(recipient)),
        number(5),
        number(96),
        number(0),
    ];
    tx(nonce, 50, 0, call(text, &words))
}

/// Every way out that the contracts or the chain offer, with what is said to it.
#[test]
fn every_way_to_drain_the_wallet_is_refused_by_its_name() {
    // Goal: a daemon that is somebody else's can take nothing. Method: ask the real process for
    // each transaction that would move money, and look at the day afterwards: nothing was counted.
    let mut booth = Booth::make("signer-drain", Some(account(COLD)));
    let client = booth.start();
    let thief = || word_of(account(THIEF));
    let theft = [
        tx(0, THIEF, 1, Vec::new()),
        tx(
            0,
            TOKEN,
            0,
            call("transfer(address,uint256)", &[thief(), number(1)]),
        ),
        cash(0, THIEF),
        tx(0, FACTORY, 0, call("setPayout(address)", &[thief()])),
        tx(0, STAKING, 0, call("setPayout(address)", &[thief()])),
    ];
    for body in theft {
        let (to, payout) = (account(THIEF), account(COLD));
        assert_eq!(sign(&client, body), Err(Refusal::Recipient { to, payout }));
    }
    let spender = account(THIEF);
    let approve = call("approve(address,uint256)", &[thief(), number(1)]);
    let refused = sign(&client, tx(0, TOKEN, 0, approve));
    assert_eq!(refused, Err(Refusal::Spender { spender }));
    let unknown = [
        (
            TOKEN,
            call(
                "transferFrom(address,address,uint256)",
                &[word_of(key().address()), thief(), number(1)],
            ),
        ),
        (
            STAKING,
            call("movePayout(address,address)", &[thief(), thief()]),
        ),
        (
            FACTORY,
            call("movePayout(address,address)", &[thief(), thief()]),
        ),
        (
            PROOFS,
            call("transfer(address,uint256)", &[thief(), number(1)]),
        ),
        (
            THIEF,
            call("transfer(address,uint256)", &[thief(), number(1)]),
        ),
    ];
    for (to, data) in unknown {
        let refused = sign(&client, tx(0, to, 0, data));
        assert!(
            matches!(refused, Err(Refusal::Function { .. })),
            "{refused:?}"
        );
    }
    let unlimited = call(
        "approve(address,uint256)",
        &[word_of(account(STAKING)), vec![0xff; 32]],
    );
    let refused = sign(&client, tx(0, TOKEN, 0, unlimited));
    assert!(matches!(refused, Err(Refusal::DayToken { .. })));
    let mut odd = seal(0);
    odd.value = Amount(1);
    let refused = sign(&client, odd);
    assert_eq!(refused, Err(Refusal::Value { value: Amount(1) }));
    let mut odd = seal(0);
    odd.max_fee = Amount(PRICE + 1);
    assert!(matches!(sign(&client, odd), Err(Refusal::GasPrice { .. })));
    let mut odd = seal(0);
    odd.chain_id = 1;
    assert!(matches!(sign(&client, odd), Err(Refusal::Chain { .. })));
    let mut odd = seal(0);
    odd.to = None;
    assert_eq!(sign(&client, odd), Err(Refusal::Creation));
    let after = standing(&client);
    let nothing = (Amount(0), Amount(0), Amount(0));
    assert_eq!((after.native, after.token, after.proofs), nothing);
}

#[test]
fn a_day_holds_through_kills_and_proofs_go_on_after_it() {
    // Goal: the limit is the signer's, not one process's. Method: use the day up with cashings to
    // the cold address, kill -9 between them, go on asking after the limit, then prove.
    let mut booth = Booth::make("signer-day", Some(account(COLD)));
    let mut client = booth.start();
    let mut signed = 0;
    for nonce in 0..9 {
        signed += u128::from(sign(&client, cash(nonce, COLD)).is_ok());
        if nonce % 2 == 0 {
            booth.kill();
            client = booth.start();
        }
    }
    assert_eq!(signed, 5, "the day is five transactions");
    let refused = sign(&client, cash(20, COLD));
    let said = Refusal::DayNative {
        asked: Amount(COST),
        spent: Amount(5 * COST),
        limit: Amount(5 * COST),
    };
    assert_eq!(refused, Err(said));
    // Moving what is left to the cold address would stop the proofs: it is of the same day.
    let refused = sign(&client, tx(21, COLD, 1, Vec::new()));
    assert!(matches!(refused, Err(Refusal::DayNative { .. })));
    for nonce in 21..41 {
        assert_eq!(sign(&client, seal(nonce)), Ok(()), "proof at nonce {nonce}");
    }
    let refused = sign(&client, seal(41));
    assert!(matches!(refused, Err(Refusal::DayProofs { .. })));
    // The same proof at the same nonce again is no new money.
    assert_eq!(sign(&client, seal(40)), Ok(()));
}

#[test]
fn the_payout_address_moves_only_by_the_file_and_after_its_delay() {
    // Goal: whoever has the socket, or writes another address into the file, gains nothing now.
    // Method: name another address, start again several times, collect to both.
    let mut booth = Booth::make("signer-payout", Some(account(COLD)));
    drop(booth.start());
    booth.kill();
    booth.write_policy(Some(account(THIEF)));
    for _ in 0..2 {
        let client = booth.start();
        let told = standing(&client);
        assert_eq!(told.payout, Some(account(COLD)));
        let (to, at) = told.pending.expect("it waits");
        assert_eq!(to, account(THIEF));
        assert!(at > told.now + 47 * 3600, "two days");
        let refused = sign(&client, cash(0, THIEF));
        assert!(matches!(refused, Err(Refusal::Recipient { .. })));
        assert_eq!(sign(&client, cash(0, COLD)), Ok(()));
        booth.kill();
    }
    let client = booth.start();
    let mut stop = Command::new(program("holdfast-signer"));
    stop.args(["keep-payout", "--socket"])
        .arg(booth.dir.join("s"));
    assert!(stop.output().expect("runs").status.success());
    assert_eq!(standing(&client).pending, None);
}

#[test]
fn words_that_would_lead_money_elsewhere_are_not_signed() {
    // Goal: agreements and announcements name the payout address too. Method: ask for each with
    // the right and with another address.
    let mut booth = Booth::make("signer-words", Some(account(COLD)));
    let client = booth.start();
    let terms = |payout| Agreement {
        network: NetworkId([1; 32]),
        id: AgreementId([2; 32]),
        renter: account(30),
        host: key().address(),
        payout,
        shard: ShardId([3; 32]),
        shard_len: 10,
        codec: 1,
        price: Amount(1),
        start_epoch: 0,
        end_epoch: 1,
        egress_price: Amount(0),
        pay_mode: PayMode::Escrow,
        nonce: 0,
    };
    let offer = |payout| HostOffer {
        peer: key().peer_id(),
        addrs: Vec::new(),
        price: Amount(1),
        egress_price: Amount(0),
        free: 0,
        used: 0,
        payout,
        version: String::new(),
        epochs_max: 1,
        at_ms: 0,
        instance: [0; 16],
        generation: 0,
        leaving: false,
        claims: None,
    };
    for (payout, good) in [(account(COLD), true), (account(THIEF), false)] {
        let agreement = Signable::Agreement {
            terms: Box::new(terms(payout)),
            chain_id: CHAIN,
        };
        let announcement = Signable::Announcement {
            offer: Box::new(offer(payout)),
            network: NetworkId([1; 32]),
        };
        for what in [agreement, announcement] {
            let said = block_on(client.sign(&what));
            match said {
                Ok(signature) => {
                    assert!(good, "{what:?}");
                    let by = signature.recover_address("test", &what.digest());
                    assert_eq!(by.expect("a signature"), key().address());
                }
                Err(Error::Refused(Refusal::Foreign { .. })) => assert!(!good, "{what:?}"),
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// The dump limit of a process, as the kernel tells it.
fn core_limit(pid: u32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits"));
    let limits = limits.unwrap_or_default();
    let line = limits.lines().find(|line| line.contains("core file"));
    line.unwrap_or_default().to_owned()
}

#[test]
fn a_host_serves_with_its_key_in_the_signers_process() {
    // Goal: `signer.mode = "process"` is a whole host. Method: put to hosts of which one keeps its
    // key so, get back from them all, kill its signer, put again.
    let mut town = Town::start(
        "signer-host",
        Shape {
            hubs: 1,
            ..Shape::default()
        },
    );
    for mode in ["process", "inside", "inside", "inside"] {
        let set = vec![format!(r#"signer.mode="{mode}""#)];
        town.add(&Plan {
            set,
            ..Plan::default()
        });
    }
    let policy = Command::new(program("holdfast-signer"))
        .args(["policy", "--network"])
        .arg(&town.file)
        .output()
        .expect("prints a policy");
    assert!(policy.status.success());
    let dir = town.hosts[0].dir.clone();
    std::fs::write(dir.join("signer.toml"), policy.stdout).expect("a policy file");
    for host in &mut town.hosts {
        host.start();
    }
    town.listed(4);
    let home = town.renter("signer-renter", RICH);
    let bytes = noise("signer", 300_000);
    let id = home.put("file", &bytes, &[]);
    assert_eq!(home.get(&id, &[]), bytes);
    assert!(dir.join("signer.book").is_file());
    let signer = signer_of(town.hosts[0].pid());
    assert!(core_limit(signer).contains(" 0 "), "{}", core_limit(signer));
    let killed = Command::new("kill")
        .args(["-9", &signer.to_string()])
        .status();
    assert!(killed.expect("kills").success());
    until("another signer", Duration::from_secs(20), || {
        Some(()).filter(|()| dir.join("signer.sock").exists() && signer_here(&dir))
    });
    let id = home.put("again", &noise("again", 200_000), &[]);
    assert_eq!(home.get(&id, &[]), noise("again", 200_000));
}

fn signer_here(dir: &Path) -> bool {
    Client::connect(&dir.join("signer.sock"), Duration::ZERO).is_ok()
}

/// The child of a daemon.
fn signer_of(daemon: u32) -> u32 {
    let path = format!("/proc/{daemon}/task/{daemon}/children");
    let tasks = std::fs::read_dir(format!("/proc/{daemon}/task")).expect("its threads");
    let children =
        tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("children")).ok());
    let text: String = children.collect();
    let first = text.split_whitespace().next();
    first
        .and_then(|pid| pid.parse().ok())
        .unwrap_or_else(|| panic!("no child in {path}"))
}
