//! What is refused, and what is not.

use super::{no_renter, no_way_in};
use crate::place::write;

#[test]
fn a_program_with_a_renter_s_symbol_or_path_is_refused() {
    for mark in [
        "_ZN11host_renter3put",
        "/holdfast/host/renter/src/put.rs",
        "host_renter::put",
        "_ZN12host_gateway5serve",
        "/holdfast/host/gateway/src/serve.rs",
    ] {
        let program = [&[0_u8, 1][..], mark.as_bytes(), &[0, 2]].concat();
        assert!(no_renter("holdfast", &program).is_err(), "{mark}");
    }
    no_renter("holdfastd", b"host/transfer/src/lib.rs, a renter's shard").expect("no code of it");
}

#[test]
fn a_root_with_a_shell_a_login_or_a_password_is_refused() {
    let whole = [
        ("usr/bin/systemctl", ""),
        ("etc/passwd", "root:x:0:0::/root:/usr/sbin/nologin\n"),
        ("usr/share/sh", "no program"),
    ];
    let judged = |more: &[(&str, &str)]| {
        let at = tempfile::tempdir().expect("a folder");
        for (path, text) in whole.iter().chain(more) {
            write(&at.path().join(path), text.as_bytes()).expect("written");
        }
        no_way_in(at.path())
    };
    judged(&[]).expect("no way in");
    judged(&[("etc/shadow", "root:*:1::::::\n")]).expect("no password");
    for more in [
        ("usr/bin/sh", ""),
        ("usr/sbin/sshd", ""),
        ("usr/sbin/agetty", ""),
        ("etc/shadow", "root:$6$salt$hash:1::::::\n"),
        ("etc/shadow", "root::1::::::\n"),
    ] {
        let said = judged(&[more]).expect_err("a way in").to_string();
        assert!(said.contains(more.0), "{said}");
    }
}
