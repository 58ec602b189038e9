//! Releases a gateway shows over HTTP: kept in the catalogue, held in memory, found by name,
//! version, channel and CID. A release is taken up only under the publisher's own signature, a
//! channel moves only forward.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use host_core::ObjectId;
use host_ledger::catalogue::RowChange;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{self, Piece};
use host_release::{self as release, FileLine, Manifest, Pointer, Release, Seen};

/// Longest release document that is taken up.
const RELEASE_LEN: u64 = 64 << 20;

/// A release that is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) manifest: Manifest,
    pub(crate) tree: ObjectId,
    /// The object that holds the manifest and its signature.
    pub(crate) release: ObjectId,
    /// Only with a token.
    pub(crate) private: bool,
}

impl Shown {
    /// The run of the tree that is one file.
    pub(crate) fn piece(&self, file: &FileLine) -> Piece {
        Piece {
            object: self.tree,
            offset: file.at,
            len: file.held(),
            key: None,
        }
    }

    /// A file by its path.
    pub(crate) fn file(&self, path: &str) -> Option<&FileLine> {
        let files = &self.manifest.files;
        let at = files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        files.get(at)
    }
}

/// Everything shown.
#[derive(Default)]
pub(crate) struct Board {
    by_name: BTreeMap<(String, String), Arc<Shown>>,
    by_cid: HashMap<String, (Arc<Shown>, usize)>,
    channels: BTreeMap<(String, String), String>,
}

/// The board behind a lock; clones of a gateway share it.
#[derive(Default)]
pub(crate) struct Shelf(RwLock<Board>);

/// What the catalogue keeps of a shown release.
#[derive(Debug, Serialize, Deserialize)]
struct ShownRow {
    private: bool,
}

/// How a bucket or an object is open over HTTP.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Opened {
    /// Only with a token.
    pub(crate) private: bool,
}

fn opened_row(what: &str) -> Vec<u8> {
    [&b"w"[..], what.as_bytes()].concat()
}

/// What the catalogue keeps of a channel.
#[derive(Debug, Serialize, Deserialize)]
struct ChannelRow {
    seen: Seen,
    version: String,
    expires_ms: u64,
}

impl Shelf {
    /// A release by name and by version or channel; whether it was a channel.
    pub(crate) fn named(&self, name: &str, which: &str) -> Option<(Arc<Shown>, bool)> {
        let board = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let key = |which: &str| (name.to_owned(), which.to_owned());
        if let Some(version) = board.channels.get(&key(which)) {
            let shown = board.by_name.get(&key(version))?;
            return Some((Arc::clone(shown), true));
        }
        let shown = board.by_name.get(&key(which))?;
        Some((Arc::clone(shown), false))
    }

    /// Every release with the channels that name it, by name and version.
    pub(crate) fn all(&self) -> Vec<(Arc<Shown>, Vec<String>)> {
        let board = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = board.by_name.iter().map(|((name, version), shown)| {
            let channels = board.channels.iter();
            let named = channels.filter(|((of, _), to)| of == name && *to == version);
            let named = named.map(|((_, channel), _)| channel.clone());
            (Arc::clone(shown), named.collect())
        });
        found.collect()
    }

    /// A file by its CID; of several releases an open one.
    pub(crate) fn by_cid(&self, cid: &str) -> Option<(Arc<Shown>, FileLine)> {
        let board = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (shown, at) = board.by_cid.get(cid)?;
        let file = shown.manifest.files.get(*at)?.clone();
        Some((Arc::clone(shown), file))
    }

    fn put(&self, shown: Shown) {
        let mut board = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let shown = Arc::new(shown);
        for (at, file) in shown.manifest.files.iter().enumerate() {
            let known = board.by_cid.get(&file.cid);
            if known.is_none_or(|(known, _)| known.private) {
                let place = (Arc::clone(&shown), at);
                board.by_cid.insert(file.cid.clone(), place);
            }
        }
        let name = (shown.manifest.name.clone(), shown.manifest.version.clone());
        board.by_name.insert(name, shown);
    }

    fn point(&self, name: &str, channel: &str, version: &str) {
        let mut board = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), channel.to_owned());
        board.channels.insert(key, version.to_owned());
    }
}

fn token_row(token: &str) -> Vec<u8> {
    [&b"t"[..], Sha256::digest(token).as_slice()].concat()
}

impl Gateway {
    /// Takes up what the catalogue says is shown; a release that cannot be had now is left out,
    /// said, and tried again at the next start.
    pub(crate) async fn show_all(&self) -> Result<(), Error> {
        for (key, value) in self.inner.rows.scan(b"r", b"s", usize::MAX)? {
            let row: ShownRow = rows::of_bytes(&key, &value)?;
            let Some(id) = key.get(1..).and_then(|id| id.try_into().ok()).map(ObjectId) else {
                continue;
            };
            match self.load(id, row.private).await {
                Ok(shown) => self.inner.shelf.put(shown),
                Err(error) => {
                    tracing::warn!(object = %id, err = %error, "release is not shown");
                }
            }
        }
        for (key, value) in self.inner.rows.scan(b"h", b"i", usize::MAX)? {
            let row: ChannelRow = rows::of_bytes(&key, &value)?;
            let names = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            if let Some((name, channel)) = names.split_once('\0') {
                self.inner.shelf.point(name, channel, &row.version);
            }
        }
        Ok(())
    }

    /// A release's document. Errors: Refused when it is too long, and what keeps it away.
    pub(crate) async fn release_document(&self, id: ObjectId) -> Result<Release, Error> {
        let row = self.inner.renter.stat(id)?;
        if row.bytes > RELEASE_LEN {
            return Err(Error::Refused {
                why: format!("{id} has {} bytes; a release has fewer", row.bytes),
            });
        }
        let document = Piece {
            object: id,
            offset: 0,
            len: row.bytes,
            key: None,
        };
        let bytes = self.stored(&document, 0..row.bytes).await?;
        serde_json::from_slice(&bytes).map_err(|_| Error::Refused {
            why: format!("{id} is no release: `publish` prints the id of one as `release`"),
        })
    }

    async fn load(&self, id: ObjectId, private: bool) -> Result<Shown, Error> {
        let release = self.release_document(id).await?;
        let text = release.manifest.as_bytes();
        let key = self.inner.publish_key;
        key.verify(release::RELEASE, text, &release.signature)?;
        let manifest = Manifest::parse(&release.manifest)?;
        Ok(Shown {
            manifest,
            tree: release.tree,
            release: id,
            private,
        })
    }

    /// Shows a release from now on. Durable when it returns.
    pub(crate) async fn show(&self, id: ObjectId, private: bool) -> Result<String, Error> {
        let shown = self.load(id, private).await?;
        let path = format!("/r/{}/{}/", shown.manifest.name, shown.manifest.version);
        let mut change = RowChange::default();
        let row = rows::to_bytes(&ShownRow { private });
        change.write.insert([&b"r"[..], &id.0].concat(), Some(row));
        commit(&self.inner.rows, change).await?;
        self.inner.shelf.put(shown);
        Ok(path)
    }

    /// Moves a channel to where a signed pointer says. Errors: Release for a replay, a fork, a
    /// foreign key; Refused when the version is not shown.
    pub(crate) async fn point(&self, text: &str, signature: &str) -> Result<String, Error> {
        let key = self.inner.publish_key;
        key.verify(release::CHANNEL, text.as_bytes(), signature)?;
        let pointer = Pointer::parse(text)?;
        let at = [
            &b"h"[..],
            pointer.name.as_bytes(),
            &[0],
            pointer.channel.as_bytes(),
        ]
        .concat();
        let before = self.inner.rows.get(&at)?;
        let row: Option<ChannelRow> = match &before {
            Some(value) => Some(rows::of_bytes(&at, value)?),
            None => None,
        };
        let seen = pointer.follow(row.as_ref().map(|row| &row.seen), self.now_ms())?;
        if self
            .inner
            .shelf
            .named(&pointer.name, &pointer.version)
            .is_none()
        {
            let why = format!("{} {} is not shown here", pointer.name, pointer.version);
            return Err(Error::Refused { why });
        }
        let mut change = RowChange::default();
        change.expect.push((at.clone(), before));
        let row = ChannelRow {
            seen,
            version: pointer.version.clone(),
            expires_ms: pointer.expires_ms,
        };
        change.write.insert(at, Some(rows::to_bytes(&row)));
        if !commit(&self.inner.rows, change).await? {
            let key = pointer.channel;
            return Err(Error::Contended { key, tries: 1 });
        }
        self.inner
            .shelf
            .point(&pointer.name, &pointer.channel, &pointer.version);
        Ok(format!("/r/{}/{}/", pointer.name, pointer.channel))
    }

    /// Opens a bucket or a stored object over HTTP from now on; without a word of how, closes it.
    /// Durable when it returns. Errors: Refused when there is no such thing here.
    pub(crate) async fn open_to_http(
        &self,
        what: &str,
        how: Option<Opened>,
    ) -> Result<String, Error> {
        let name = match what.parse::<ObjectId>() {
            Ok(object) => {
                self.inner.renter.stat(object)?;
                format!("o/{object}")
            }
            Err(_) if self.inner.rows.get(&rows::bucket(what))?.is_some() => {
                if let Some(how) = &how {
                    self.may_open(what, how.private)?;
                }
                format!("b/{what}")
            }
            Err(_) => {
                return Err(Error::Refused {
                    why: format!("{what} is neither a bucket nor an object here"),
                });
            }
        };
        let mut change = RowChange::default();
        let value = how.map(|how| rows::to_bytes(&how));
        change.write.insert(opened_row(&name), value);
        commit(&self.inner.rows, change).await?;
        Ok(format!("/{name}"))
    }

    /// How something is open over HTTP: `b/BUCKET` or `o/OBJECT`.
    pub(crate) fn opened(&self, name: &str) -> Result<Option<Opened>, Error> {
        self.row(&opened_row(name))
    }

    /// A token that opens private releases; only its hash is kept.
    pub(crate) async fn make_token(&self, label: &str) -> Result<String, Error> {
        let mut bytes = [0; 24];
        self.inner.entropy.fill(&mut bytes);
        let token = URL_SAFE_NO_PAD.encode(bytes);
        let mut change = RowChange::default();
        change
            .write
            .insert(token_row(&token), Some(rows::to_bytes(&label)));
        commit(&self.inner.rows, change).await?;
        Ok(token)
    }

    /// Whether a token is one of ours.
    pub(crate) fn knows_token(&self, token: &str) -> Result<bool, Error> {
        Ok(self.inner.rows.get(&token_row(token))?.is_some())
    }

    /// Refuses a CID, or a path `name/version/...`, from now on, with a reason.
    pub(crate) async fn block(&self, what: &str, why: Option<&str>) -> Result<(), Error> {
        let mut change = RowChange::default();
        let key = [&b"x"[..], what.as_bytes()].concat();
        change
            .write
            .insert(key, why.map(|why| rows::to_bytes(&why)));
        commit(&self.inner.rows, change).await?;
        Ok(())
    }

    /// Why some file of a release is refused.
    pub(crate) fn blocked_in(&self, manifest: &Manifest) -> Result<Option<String>, Error> {
        for (key, value) in self.inner.rows.scan(b"x", b"y", usize::MAX)? {
            let what = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            let (name, version) = (&manifest.name, &manifest.version);
            let is_it = |file: &FileLine| {
                what == file.cid || what == format!("{name}/{version}/{}", file.path)
            };
            if manifest.files.iter().any(is_it) {
                return rows::of_bytes(&key, &value).map(Some);
            }
        }
        Ok(None)
    }

    /// Why something is refused.
    pub(crate) fn blocked(&self, what: &str) -> Result<Option<String>, Error> {
        let key = [&b"x"[..], what.as_bytes()].concat();
        let found = self.inner.rows.get(&key)?;
        found.map(|value| rows::of_bytes(&key, &value)).transpose()
    }
}
