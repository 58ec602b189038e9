//! What a failing command of a renter says: the words, the stable code, who must act, the next
//! step (docs/operating/renter-errors.md); with `--json` also as one line of standard output.

use std::fmt;
use std::io::ErrorKind;

use host_core::Blame;
use host_core::seams::ChainError;
use host_renter::Code;

use crate::print;

/// Words of the command line itself with their code.
#[derive(Debug)]
pub(crate) struct Coded {
    code: Code,
    text: String,
}

impl Coded {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, text }
    }
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Coded {}

fn of_file(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::IsADirectory => {
            Code::FileMissing
        }
        _ => Code::FileFailed,
    }
}

/// The code of whatever ended a command, and who must act.
pub(crate) fn code_of(error: &anyhow::Error) -> (Code, Blame) {
    if let Some(coded) = error.downcast_ref::<Coded>() {
        return (coded.code, coded.code.blame());
    }
    for cause in error.chain() {
        let code = if let Some(error) = cause.downcast_ref::<host_renter::Error>() {
            error.code()
        } else if let Some(error) = cause.downcast_ref::<host_chain::Error>() {
            Code::of_chain(&ChainError::from(error.clone()))
        } else if let Some(error) = cause.downcast_ref::<ChainError>() {
            Code::of_chain(error)
        } else if cause.is::<host_keystore::Error>() {
            Code::KeyUnreadable
        } else if cause.is::<toml::de::Error>() {
            Code::NetworkFile
        } else if cause.is::<host_core::Error>() {
            Code::ValueInvalid
        } else if let Some(error) = cause.downcast_ref::<std::io::Error>() {
            of_file(error.kind())
        } else {
            continue;
        };
        return (code, code.blame());
    }
    (Code::Failed, Code::Failed.blame())
}

/// Says why a renter's command failed: to a person on standard error (returned as lines), and to
/// a script, when the command was given `--json`, on standard output.
pub(crate) fn say(error: &anyhow::Error) -> String {
    let (code, blame) = code_of(error);
    let message = format!("{error:#}");
    if std::env::args_os().any(|word| word == "--json") {
        let said = serde_json::json!({ "error": {
            "code": code, "who": blame.label(), "message": message, "next": code.next(),
        }});
        // A reader that is gone hears nothing; the exit status still tells.
        let _ = print::json(&said);
    }
    format!(
        "holdfast: {message}\n  code: {code} ({} must act)\n  next: {}",
        blame.label(),
        code.next()
    )
}
