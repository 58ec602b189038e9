//! The words of a release on the command line: keys, roots of trust, signatures, bundles, firmware.
//! Each runs on whichever machine has what it needs; only files go from one to the next.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::error::Error;
use crate::keys::{self, Held, Record, Role, Wish};
use crate::ovmf::{self, Owner};
use crate::place::{Place, json, read, write};
use crate::{bundle, certificate, sign, trust};

/// Which key is made.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    /// A role (root, targets, snapshot, timestamp, pk, kek, db), or `test` for a marked set of all
    role: String,
    /// Who will have the key
    #[arg(long)]
    holder: Option<String>,
    /// The folder of this role and holder
    #[arg(long)]
    out: PathBuf,
    /// A file with the passphrase that seals the key
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

/// Makes a key, or a marked set.
pub(crate) fn keys(args: &KeysArgs) -> Result<String, Error> {
    if args.role == "test" {
        return Ok(keys::test_set(&args.out)?.display().to_string());
    }
    let role = Role::ALL
        .into_iter()
        .find(|role| role.word() == args.role)
        .ok_or_else(|| Error::Keys {
            what: format!("{:?}", args.role),
            why: "is no role: root, targets, snapshot, timestamp, pk, kek, db".to_owned(),
        })?;
    let missing = |why: &str| Error::Keys {
        what: format!("a key of role {}", role.word()),
        why: why.to_owned(),
    };
    let holder = args.holder.as_deref();
    let passphrase = passphrase(args.passphrase_file.as_deref())?;
    let made = keys::make(&Wish {
        role,
        holder: holder.ok_or_else(|| missing("has a holder: name one with --holder"))?,
        folder: &args.out,
        made_on: &keys::machine()?,
        passphrase: Some(
            &passphrase.ok_or_else(|| missing("is sealed: name a --passphrase-file"))?,
        ),
    })?;
    Ok(made.display().to_string())
}

fn passphrase(path: Option<&Path>) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = path else { return Ok(None) };
    let text = read(path)?;
    let end = text.strip_suffix(b"\n").unwrap_or(&text).len();
    Ok(text.get(..end).map(<[u8]>::to_vec))
}

/// What a root of trust says.
#[derive(Debug, Args)]
pub(crate) struct TrustArgs {
    /// Public record of a key (ROLE-HOLDER.json); once for each key
    #[arg(long = "key", required = true)]
    keys: Vec<PathBuf>,
    /// ROLE=COUNT: how many keys of a role must sign; two for root and targets, else one
    #[arg(long = "threshold")]
    thresholds: Vec<String>,
    /// The root before this one
    #[arg(long)]
    previous: Option<PathBuf>,
    /// Until when it holds, as in 2027-01-01T00:00:00Z
    #[arg(long)]
    expires: String,
    /// The folder of roots
    #[arg(long)]
    out: PathBuf,
}

/// Writes a root of trust that nobody signed yet.
pub(crate) fn trust(args: &TrustArgs) -> Result<String, Error> {
    let records: Vec<Record> = args
        .keys
        .iter()
        .map(|path| Record::read(path))
        .collect::<Result<_, _>>()?;
    let mut thresholds = vec![(Role::Root, 2), (Role::Targets, 2)];
    for word in &args.thresholds {
        thresholds.insert(0, threshold(word)?);
    }
    let version = match &args.previous {
        Some(path) => trust::read(path, &read(path)?)?.version.saturating_add(1),
        None => NonZeroU64::MIN,
    };
    let root = trust::root(&trust::Plan {
        records: &records,
        thresholds: &thresholds,
        version,
        expires: &args.expires,
    })?;
    let path = args.out.join(format!("{version}.root.json"));
    write(&path, &json(&root)?)?;
    Ok(path.display().to_string())
}

fn threshold(word: &str) -> Result<(Role, u64), Error> {
    let read = || {
        let (role, count) = word.split_once('=')?;
        let role = Role::ALL.into_iter().find(|one| one.word() == role)?;
        Some((role, count.parse().ok()?))
    };
    read().ok_or_else(|| Error::Keys {
        what: format!("{word:?}"),
        why: "is no threshold: ROLE=COUNT".to_owned(),
    })
}

/// What is signed.
#[derive(Debug, Subcommand)]
pub(crate) enum SignCommand {
    /// Add one holder's signature to a root of trust or to the targets of a bundle
    Metadata {
        /// The file
        file: PathBuf,
        #[command(flatten)]
        keys: KeyArgs,
    },
    /// Sign what firmware starts with a key of role db, and write the disk around it
    Image {
        /// The folder of a build; what is signed goes into its folder `signed`
        #[arg(long)]
        built: PathBuf,
        /// Refuse marked keys and keys that were made on this machine
        #[arg(long)]
        release: bool,
        #[command(flatten)]
        keys: KeyArgs,
    },
}

/// Keys that are used.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Folder of a key, or of a marked set; more than one may be given
    #[arg(long, required = true)]
    keys: Vec<PathBuf>,
    /// A file with the passphrase of the keys
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
}

impl KeyArgs {
    fn open(&self, roles: &[Role]) -> Result<Vec<Held>, Error> {
        let passphrase = passphrase(self.passphrase_file.as_deref())?;
        keys::open(&self.keys, roles, passphrase.as_deref())
    }

    fn one(&self, role: Role) -> Result<Held, Error> {
        self.open(&[role])?.pop().ok_or_else(|| Error::Keys {
            what: format!("a key of role {}", role.word()),
            why: "is in none of the folders given".to_owned(),
        })
    }
}

/// Signs.
pub(crate) fn sign(what: &SignCommand) -> Result<String, Error> {
    match what {
        SignCommand::Metadata { file, keys } => {
            let have = sign::metadata(file, &keys.open(&Role::ALL)?)?;
            Ok(format!("{}: {have} signatures", file.display()))
        }
        SignCommand::Image {
            built,
            release,
            keys,
        } => {
            let machine = release.then(keys::machine).transpose()?;
            let out = sign::image(&sign::Plan {
                place: &Place::at(Some(built), "")?,
                db: &keys.one(Role::Db)?,
                release: machine.as_deref(),
            })?;
            Ok(out.display().to_string())
        }
    }
}

/// What goes into a bundle.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The folder of a build, or its folder `signed`
    #[arg(long)]
    built: PathBuf,
    /// The machine it was built for
    #[arg(long)]
    machine: String,
    /// Version of the image
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: image_bundle::Version,
    /// The least version a box may go back to once this one was kept
    #[arg(long, default_value = "0.0.0")]
    min_version: image_bundle::Version,
    /// The newest root of trust; default is 1.root.json beside the first keys
    #[arg(long)]
    root: Option<PathBuf>,
    /// Until when its metadata holds; a root of tests needs no date
    #[arg(long)]
    expires: Option<String>,
    #[command(flatten)]
    keys: KeyArgs,
}

/// Prepares, signs with what is here and, when enough have signed, packs a bundle.
pub(crate) async fn bundle(args: &BundleArgs) -> Result<String, Error> {
    let root = match &args.root {
        Some(path) => path.clone(),
        None => args
            .keys
            .keys
            .first()
            .map(|folder| folder.join("1.root.json"))
            .unwrap_or_default(),
    };
    let roles = [Role::Targets, Role::Snapshot, Role::Timestamp];
    let plan = bundle::Plan {
        built: args.built.clone(),
        machine: args.machine.clone(),
        version: args.version,
        min_version: args.min_version,
        root,
        held: args.keys.open(&roles)?,
        expires: args.expires.clone(),
    };
    Ok(bundle::make(&plan).await?.display().to_string())
}

/// Whose keys a firmware knows.
#[derive(Debug, Args)]
pub(crate) struct FirmwareArgs {
    /// Public record of a key of role pk, kek or db; each once
    #[arg(long = "key", required = true)]
    keys: Vec<PathBuf>,
    /// Fresh variables that came with the firmware of a virtual machine (OVMF_VARS_4M.fd)
    #[arg(long)]
    variables: Option<PathBuf>,
    /// Where pk.cer, kek.cer, db.cer and, with --variables, vars.fd go
    #[arg(long)]
    out: PathBuf,
}

/// Writes what a firmware is told: certificates for its setup, variables for a virtual machine.
pub(crate) fn firmware(args: &FirmwareArgs) -> Result<String, Error> {
    let records: Vec<Record> = args
        .keys
        .iter()
        .map(|path| Record::read(path))
        .collect::<Result<_, _>>()?;
    let certificate = |role: Role| {
        let of = records.iter().find(|record| record.role == role);
        let pem = of.and_then(|record| record.certificate.as_deref());
        certificate::der(pem.ok_or_else(|| Error::Keys {
            what: format!("a certificate of role {}", role.word()),
            why: "is not among the records".to_owned(),
        })?)
    };
    let [pk, kek, db] = [Role::Pk, Role::Kek, Role::Db].map(certificate);
    let (pk, kek, db) = (pk?, kek?, db?);
    for (name, content) in [("pk.cer", &pk), ("kek.cer", &kek), ("db.cer", &db)] {
        write(&args.out.join(name), content)?;
    }
    if let Some(path) = &args.variables {
        let owner = Owner {
            pk: &pk,
            kek: &kek,
            db: &db,
        };
        write(
            &args.out.join("vars.fd"),
            &ovmf::enrol(&read(path)?, &owner)?,
        )?;
    }
    Ok(args.out.display().to_string())
}
