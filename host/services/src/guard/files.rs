//! The small files of a guard: orders, repairs, cheques, each one value under one name, written
//! anew beside the old one and put in its place.
//!
//! Invariant: durable when a write returns; a reader sees the old or the new value, never a part.
//! Does not: check what it keeps.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use host_core::cheque::SignedCheque;
use host_core::repair::{SignedOrder, SignedRepair};
use host_core::seams::SignedTx;
use host_core::{Address, AgreementDigest, Amount, Digest32, ObjectId, PeerId, codec};
use minicbor::{Decode, Encode};

use crate::error::Error;

/// Directories below a guard's own.
const PARTS: [&str; 5] = ["orders", "repairs", "cheques", "spans", "accused"];

/// The directory.
#[derive(Debug)]
pub(super) struct Files(PathBuf);

/// What repair moved in an epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Span {
    /// The epoch.
    #[n(0)]
    pub(super) epoch: u64,
    /// Bytes read and written in it.
    #[n(1)]
    pub(super) bytes: u64,
}

/// The newest cheque of one vault.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Kept {
    #[n(0)]
    pub(super) cheque: SignedCheque,
    /// What was paid out of it, as the chain said last.
    #[n(1)]
    pub(super) cashed: Amount,
}

/// A challenge on chain, from before it is sent until long after it ended: nobody is challenged
/// twice about one agreement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Accused {
    #[n(0)]
    pub(super) object: ObjectId,
    #[n(1)]
    pub(super) host: PeerId,
    #[n(2)]
    pub(super) agreement: AgreementDigest,
    /// The newest block when it was written down.
    #[n(3)]
    pub(super) since: u64,
    /// Whether the contract had it open at a look.
    #[n(4)]
    pub(super) seen: bool,
    /// Whether what it brings was asked for.
    #[n(5)]
    pub(super) claimed: bool,
    /// How it ended; none while it runs.
    #[n(6)]
    pub(super) ended: Option<String>,
    /// What was signed last: the challenge, later the claim. Only these bytes are sent again.
    #[n(7)]
    pub(super) tx: Option<Signed>,
}

/// A signed transaction at rest.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(super) struct Signed {
    #[n(0)]
    hash: Digest32,
    #[n(1)]
    pub(super) nonce: u64,
    #[cbor(n(2), with = "minicbor::bytes")]
    raw: Vec<u8>,
}

impl Signed {
    pub(super) fn of(tx: &SignedTx) -> Self {
        Self {
            hash: tx.hash,
            nonce: tx.nonce,
            raw: tx.raw.clone(),
        }
    }

    pub(super) fn tx(&self) -> SignedTx {
        SignedTx {
            hash: self.hash,
            nonce: self.nonce,
            raw: self.raw.clone(),
        }
    }
}

pub(super) fn failed(op: &'static str, path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File {
        op,
        path: path.clone(),
        source,
    }
}

impl Files {
    pub(super) fn open(home: &Path) -> Result<Self, Error> {
        for part in PARTS.iter().chain(&["audits"]) {
            let dir = home.join(part);
            fs::create_dir_all(&dir).map_err(failed("write", &dir))?;
        }
        Ok(Self(home.to_owned()))
    }

    fn write<T: Encode<()>>(&self, part: &str, name: &str, value: &T) -> Result<(), Error> {
        let dir = self.0.join(part);
        let (path, fresh) = (dir.join(name), dir.join(format!("{name}.new")));
        let failed = failed("write", &path);
        let mut out = File::create(&fresh).map_err(&failed)?;
        out.write_all(&codec::to_bytes(value)).map_err(&failed)?;
        out.sync_all().map_err(&failed)?;
        fs::rename(&fresh, &path).map_err(&failed)?;
        File::open(&dir)
            .and_then(|dir| dir.sync_all())
            .map_err(&failed)
    }

    fn read<T>(&self, part: &str, name: &str) -> Result<Option<T>, Error>
    where
        T: for<'b> Decode<'b, ()>,
    {
        let path = self.0.join(part).join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(codec::from_bytes("file of a guard", &bytes)?)),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
            Err(err) => Err(failed("read", &path)(err)),
        }
    }

    fn names(&self, part: &str) -> Result<Vec<String>, Error> {
        let dir = self.0.join(part);
        let mut names = Vec::new();
        for entry in fs::read_dir(&dir).map_err(failed("read", &dir))? {
            let entry = entry.map_err(failed("read", &dir))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.ends_with(".new") {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) fn keep_order(&self, order: &SignedOrder) -> Result<(), Error> {
        let object = order.order.placement.placement.object;
        self.write("orders", &object.to_string(), order)
    }

    /// Every order, in the order of their objects.
    pub(super) fn orders(&self) -> Result<Vec<SignedOrder>, Error> {
        let names = self.names("orders")?;
        let read = names.iter().map(|name| self.read("orders", name));
        Ok(read
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    pub(super) fn keep_repair(&self, repair: &SignedRepair) -> Result<(), Error> {
        self.write("repairs", &repair.repair.object.to_string(), repair)
    }

    pub(super) fn repair(&self, object: &ObjectId) -> Result<Option<SignedRepair>, Error> {
        self.read("repairs", &object.to_string())
    }

    pub(super) fn forget_repair(&self, object: &ObjectId) -> Result<(), Error> {
        let path = self.0.join("repairs").join(object.to_string());
        match fs::remove_file(&path) {
            Err(err) if err.kind() != ErrorKind::NotFound => Err(failed("write", &path)(err)),
            _ => Ok(()),
        }
    }

    pub(super) fn keep_cheque(&self, kept: &Kept) -> Result<(), Error> {
        self.write("cheques", &kept.cheque.cheque.vault.to_string(), kept)
    }

    pub(super) fn cheque(&self, vault: &Address) -> Result<Option<Kept>, Error> {
        self.read("cheques", &vault.to_string())
    }

    pub(super) fn cheques(&self) -> Result<Vec<Kept>, Error> {
        let names = self.names("cheques")?;
        let read = names.iter().map(|name| self.read("cheques", name));
        Ok(read
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Writes down how far an accusation is, under its agreement.
    pub(super) fn keep_accused(&self, of: &AgreementDigest, value: &Accused) -> Result<(), Error> {
        self.write("accused", &of.to_string(), value)
    }

    pub(super) fn accused(&self, of: &AgreementDigest) -> Result<Option<Accused>, Error> {
        self.read("accused", &of.to_string())
    }

    pub(super) fn all_accused(&self) -> Result<Vec<Accused>, Error> {
        let names = self.names("accused")?;
        let read = names.iter().map(|name| self.read("accused", name));
        Ok(read
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    pub(super) fn keep_span(&self, object: &ObjectId, span: Span) -> Result<(), Error> {
        self.write("spans", &object.to_string(), &span)
    }

    /// What repair of an object moved in `epoch`.
    pub(super) fn span(&self, object: &ObjectId, epoch: u64) -> Result<Span, Error> {
        let kept: Option<Span> = self.read("spans", &object.to_string())?;
        let fresh = Span { epoch, bytes: 0 };
        Ok(kept.filter(|span| span.epoch == epoch).unwrap_or(fresh))
    }
}
