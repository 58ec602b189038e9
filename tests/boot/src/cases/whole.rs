//! docs/operating/install.md, claim.md and upgrade.md in one life of a box: flashed with two data
//! drives, it joins a network of real programs, keeps a renter's shards, proves them on a chain, is
//! upgraded while puts go on and rolled back once; then half the network dies, and the file is
//! there, which it is not without the box.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use host_chain::Proofs;
use host_core::identity::SecretKey;
use host_core::{Address, Amount};

use super::Figures;
use super::claim::{fleet, obeyed, port, shown, stick};
use crate::bench::{self, Bench, FIRST, GOOD};
use crate::owner::Owner;
use crate::stage::{Caller, Home, Shape, Town, block_on, noise};
use crate::vm::{Parts, Vm};

/// Machines are slow here: whatever must come true does so within this time.
const PATIENCE: Duration = Duration::from_secs(900);
/// Addresses in the machine's closed network behind which chain and hub are.
const CHAIN: &str = "10.0.2.100:8545";
const HUB: &str = "10.0.2.101:4001";
/// Serial numbers of the data drives.
const DRIVES: [&str; 2] = ["dataone", "datatwo"];
const DRIVE: u64 = 128 << 20;
const DISK: u64 = 8 << 30;
/// Bytes of a stick that is filled while it is plugged in.
const STICK: u64 = 160 << 20;
const FILE: usize = 3 << 20;
/// What the host may stake by itself, and gets for it.
const STAKE: u128 = 5_000_000_000_000_000_000;

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        ensure!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// The site's own files over the root: its network, its drives, its place behind a mapped port.
fn site(town: &Town, swarm: u16, folder: &Path) -> anyhow::Result<()> {
    let mut network = town.network.clone();
    network.endpoints = vec![format!("http://{CHAIN}")];
    let (host, port) = HUB.split_once(':').context("an address")?;
    for hub in &mut network.hubs {
        let (_, peer) = hub.rsplit_once("/p2p/").context("a hub has a name")?;
        *hub = format!("/ip4/{host}/tcp/{port}/p2p/{peer}");
    }
    let volumes = DRIVES.map(|serial| format!("--volume \"/dev/holdfast/{serial}=96 MiB\""));
    let devices = DRIVES.map(|serial| format!("dev-holdfast-{serial}.device"));
    let write = |path: &str, text: &str| -> anyhow::Result<()> {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().context("a folder")?)?;
        Ok(std::fs::write(path, text)?)
    };
    write(
        "etc/holdfast/network.toml",
        &toml::to_string_pretty(&network)?,
    )?;
    write(
        "etc/udev/rules.d/70-drives.rules",
        "SUBSYSTEM==\"block\", ENV{DEVTYPE}==\"disk\", ENV{ID_SERIAL_SHORT}==\"data*\", \
         OWNER=\"holdfast\", SYMLINK+=\"holdfast/$env{ID_SERIAL_SHORT}\"\n",
    )?;
    let units = "etc/systemd/system";
    write(
        &format!("{units}/holdfastd.service.d/drives.conf"),
        "[Service]\nPrivateDevices=no\nDevicePolicy=auto\n",
    )?;
    write(
        &format!("{units}/holdfast-first.service.d/site.conf"),
        &format!(
            "[Unit]\nAfter={devices}\nWants={devices}\n\
             [Service]\nExecStart=\nExecStart=/usr/bin/holdfast init --dir /var/lib/holdfast \
             --network /etc/holdfast/network.toml {volumes} --set health.enabled=true \
             --set health.claim=true --set offer.epochs_max=1000000 \
             --set 'proofs.stake_max=\"{STAKE}\"' \
             --set 'swarm.announce=[\"/ip4/127.0.0.1/tcp/{swarm}\"]'\n",
            devices = devices.join(" "),
            volumes = volumes.join(" "),
        ),
    )
}

/// A box in its town.
struct Life {
    town: Town,
    home: Home,
    peer: String,
    account: Address,
    fleet: PathBuf,
    late: PathBuf,
}

/// Flashes, starts, claims; the box is listed by the hub and has money for its proofs.
fn begin(bench: &Bench) -> anyhow::Result<(Vm, Life)> {
    let mut town = Town::start(
        "machine",
        Shape {
            hosts: 3,
            hubs: 1,
            ..Shape::default()
        },
    );
    let (swarm, door) = (port()?, port()?);
    let overlay = bench.file("site");
    let _ = std::fs::remove_dir_all(&overlay);
    site(&town, swarm, &overlay)?;
    for version in [FIRST, GOOD] {
        bench.image_with(version, &format!("site-{version}"), &overlay)?;
    }
    let folder = bench.file("machines/whole-job");
    bench::copy(&bench.file(&format!("site-{FIRST}/disk.raw")), &folder)?;
    std::fs::copy(crate::vm::VARIABLES, folder.join("vars.fd"))?;
    let sized = |name: &str, len| -> anyhow::Result<PathBuf> {
        let path = folder.join(name);
        let file = std::fs::File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        file.set_len(len)?;
        Ok(path)
    };
    sized("disk.raw", DISK)?;
    let late = sized("late.stick", STICK)?;
    let owner = Owner::make(&folder, "owner");
    let claim = stick(bench, &owner, &folder.join("claim.bin"))?;
    let plugged = sized("claim.stick", 1 << 20)?;
    let hub = town.network.hubs.first().context("a hub")?;
    let hub = hub.split('/').nth(4).context("a hub's port")?;
    let rpc = town
        .ground
        .rpc()
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let mut parts = Parts::default()
        .door(door)
        .forward(swarm, 4001)
        .stick(&plugged)
        .stick(&late);
    parts = parts
        .reach(CHAIN, &rpc)
        .reach(HUB, &format!("127.0.0.1:{hub}"));
    for serial in DRIVES {
        parts = parts.drive(&sized(serial, DRIVE)?, serial);
    }
    let mut vm = Vm::start(&folder, &parts)?;
    vm.wait("the state partition has ")?;
    vm.wait("recovery phrase, shown only now")?;
    let word = |mark| vm.word(mark).context("the console shows it");
    let (peer, account) = (word("peer    ")?, word("account ")?);
    let account: Address = account.parse().ok().context("an account")?;
    town.ground.fund(account);
    let purse = town
        .ground
        .chain()
        .with_key(SecretKey::from_bytes(&[7; 32]).ok().context("a key")?);
    block_on(purse.wrap(Amount(STAKE)))?;
    block_on(purse.send_token(account, Amount(STAKE)))?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    let (_, pin) = shown(&mut vm)?;
    plug(&plugged, &std::fs::read(&claim)?)?;
    let fleet = fleet(&owner, door, &pin);
    obeyed(bench, &fleet)?;
    let caller = Caller::stranger(&town.network);
    until("the box is listed", || {
        (caller.listed_at(0).len() >= 4).then_some(())
    })?;
    let home = town.renter("renter", Amount(100_000_000_000_000_000_000));
    town.hosts.sort_by_key(|host| host.peer);
    let life = Life {
        town,
        home,
        peer,
        account,
        fleet,
        late,
    };
    Ok((vm, life))
}

impl Life {
    /// Whether the box proved a period from `since` on; the newest one it did.
    fn proven(&self, since: u64) -> anyhow::Result<u64> {
        let proofs = Proofs::of(&self.town.ground.chain())?;
        let rule = self.town.network.epoch;
        until("a period is proven", || {
            let now = self.town.block().saturating_sub(rule.genesis_block) / rule.epoch_blocks;
            (since..=now)
                .rev()
                .find(|period| block_on(proofs.proven(self.account, *period)).unwrap_or(false))
        })
    }

    /// Puts a file; the hosts that keep a shard of it.
    fn put(&self, name: &str) -> Option<(String, BTreeSet<String>)> {
        let path = self.home.file(name, &noise(name, FILE));
        let said = self.home.try_put(&path, &[]);
        let id = said.success.then(|| said.json::<serde_json::Value>())?;
        let id = id["id"].as_str()?.to_owned();
        let places = self.home.places(&id);
        Some((
            id,
            places
                .into_iter()
                .map(|place| place.host.to_string())
                .collect(),
        ))
    }

    /// Runs `act` on the machine while a renter puts one object after another; how many arrived.
    fn under_load(&self, act: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<u32> {
        let (over, arrived) = (AtomicBool::new(false), AtomicU32::new(0));
        let done = std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    let put = self.put(&format!("load-{number}"));
                    arrived.fetch_add(u32::from(put.is_some()), Ordering::Relaxed);
                }
            });
            let done = act();
            over.store(true, Ordering::Relaxed);
            done
        });
        done.map(|()| arrived.into_inner())
    }
}

pub(super) fn job(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let (mut vm, mut life) = begin(bench)?;
    let (id, hosts) = until("a file is put", || life.put("kept"))?;
    ensure!(
        hosts.contains(&life.peer),
        "no shard went to the box: {hosts:?}"
    );
    let first = life.proven(0)?;

    let craft = bench.parts(&format!("site-{GOOD}"), GOOD.parse()?)?;
    let bundle = std::fs::read(bench.craft("whole-job", craft)?)?;
    let late = life.late.clone();
    let arrived = life.under_load(|| {
        plug(&late, &bundle)?;
        vm.wait("version 0.2.0 staged in slot b")?;
        vm.wait("health ok: version 0.2.0, slot b, trial").map(drop)
    })?;
    figures.note("whole_job.puts_during_upgrade", f64::from(arrived));
    let second = life.proven(first + 1)?;

    let file = life.fleet.to_string_lossy().into_owned();
    let _ = bench.holdfast(&["fleet", "--file", &file, "roll-back", "box"]);
    vm.wait("health ok: version 0.1.0, slot a, trial")?;
    // The stick is still there, and does not bring back what the operator left.
    vm.wait("0.2.0 was tried and left before")?;
    life.proven(second + 1)?;
    // Two of four hosts die: any two shards bring the file back, and one of the two left is here.
    for host in life.town.hosts.iter_mut().take(2) {
        host.kill();
    }
    let back = until("the file comes back", || {
        let out = life.home.dir.join("back");
        let got = life.home.try_get(&id, &out, &[]);
        got.success.then(|| std::fs::read(&out).ok()).flatten()
    })?;
    ensure!(back == noise("kept", FILE), "other bytes came back");
    drop(vm);
    // And without the box it is not there: its shard was needed.
    let out = life.home.dir.join("lost");
    ensure!(
        !life.home.try_get(&id, &out, &[]).success,
        "one shard was enough"
    );
    Ok(())
}

/// Plugs a bundle in, in a drive that was empty: its first block last, by which it is known.
fn plug(stick: &Path, bundle: &[u8]) -> anyhow::Result<()> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(stick)?;
    let (head, rest) = bundle.split_at(bundle.len().min(4096));
    file.write_all_at(rest, 4096)?;
    file.write_all_at(head, 0)?;
    Ok(file.sync_all()?)
}
