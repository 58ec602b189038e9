//! Removes the tests' directory when this process ends, however it ends.
//!
//! A static value is never dropped and a killed process drops nothing; so the directory is swept
//! by a small shell that waits for the end of its standard input, which only we hold open.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Children end when their own pipes close, at the same moment; a few tries outlast them.
const SWEEP: &str = r#"cat > /dev/null
for turn in 1 2 3 4 5 6 7 8 9 10 11 12; do
    rm -rf "$1" && [ ! -e "$1" ] && exit 0
    sleep 1
done"#;

/// The waiting shell; holding it keeps its pipe open.
#[derive(Debug)]
pub(crate) struct Broom {
    _shell: Child,
}

impl Broom {
    /// Sees to it that `dir` goes when this process does.
    pub(crate) fn behind(dir: &Path) -> Self {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(SWEEP)
            .arg("broom")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell starts");
        Self { _shell: shell }
    }
}
