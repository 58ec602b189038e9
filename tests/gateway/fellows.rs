//! Two gateways over one namespace: each with a renter of its own, one catalogue in PostgreSQL.

use std::time::Duration;

use crate::database::Server;
use crate::served::{Served, town};
use crate::stage::{noise, until};

/// Two gateways and what they share.
struct Pair {
    server: Server,
    first: Served,
    second: Served,
    words: Vec<String>,
}

impl Pair {
    fn start(name: &str) -> Self {
        let server = Server::start(&[]);
        let (one, two) = (format!("{name}-one"), format!("{name}-two"));
        let key = std::env::temp_dir().join(format!("{name}-{}.key", std::process::id()));
        let key = key.to_string_lossy().into_owned();
        let maker = town().renter(&format!("{name}-maker"), crate::served::RICH);
        maker.say(&["gateway", "make-namespace-key", &key]).well();
        let (url, password) = (server.near().url, server.password());
        let words = ["--postgres", &url, "--postgres-password", &password];
        let words = [&words[..], &["--namespace-key", &key, "--look-every", "2"]].concat();
        let first = Served::start_with(town(), &one, &words);
        let mut second = Served::start_with(town(), &two, &words);
        // A key of one gateway opens the other.
        second.key = first.key.clone();
        let words = words.into_iter().map(str::to_owned).collect();
        Self {
            server,
            first,
            second,
            words,
        }
    }

    /// Starts the first one again.
    fn first_again(&mut self) {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        self.first.again_with(&words);
    }
}

fn objects(served: &Served) -> usize {
    let listed = served.home.say(&["ls", "--json"]).well().out;
    listed.matches("\"id\"").count()
}

fn read(served: &Served, path: &str) -> Vec<u8> {
    let said = served.curl(path, &["--fail"]);
    assert!(said.success, "{}", said.err);
    said.out
}

fn write(served: &Served, path: &str, bytes: &[u8], more: &[&str]) -> bool {
    let file = served.home.file("body", bytes);
    let file = file.to_string_lossy().into_owned();
    let words = [&["--fail", "-T", &file][..], more].concat();
    served.curl(path, &words).success
}

#[test]
fn two_gateways_serve_one_namespace() {
    // Goal: what one acknowledged the other reads, lists, replaces and deletes, also when the one
    // is dead; only who stored an object gives it back. Method: small and large bodies through
    // one, everything else through the other; then the first is killed.
    let mut pair = Pair::start("fellows");
    pair.first.aws(&["s3", "mb", "s3://ours"]).well();
    let bodies = [noise("small", 900), noise("large", 3 << 20)];
    assert!(write(&pair.first, "ours/small", &bodies[0], &[]));
    assert!(write(&pair.first, "ours/large", &bodies[1], &[]));
    assert!(read(&pair.second, "ours/small") == bodies[0]);
    assert!(read(&pair.second, "ours/large") == bodies[1]);
    let part = pair
        .second
        .curl("ours/large", &["--fail", "-r", "1000000-1000099"]);
    assert!(part.out == bodies[1][1_000_000..1_000_100]);
    let listed = pair.second.aws(&["s3", "ls", "s3://ours"]).well();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert_eq!((objects(&pair.first), objects(&pair.second)), (2, 0));

    pair.first.child.kill();
    assert!(read(&pair.second, "ours/large") == bodies[1]);
    let newer = noise("newer", 2 << 20);
    assert!(write(&pair.second, "ours/large", &newer, &[]));
    assert!(read(&pair.second, "ours/large") == newer);
    assert_eq!(objects(&pair.first), 2, "only who stored it gives it back");
    pair.first_again();
    until("its keeper gives it back", Duration::from_secs(60), || {
        (objects(&pair.first) == 1).then_some(())
    });
    assert!(read(&pair.first, "ours/large") == newer);
    assert_eq!(objects(&pair.second), 1);

    // The database dies and comes back: errors while it is away, nothing lost.
    pair.server.kill();
    let away = pair
        .first
        .curl("ours/small", &["-o", "/dev/null", "-w", "%{http_code}"]);
    assert_eq!(String::from_utf8_lossy(&away.out), "503");
    pair.server.run(&[]);
    assert!(read(&pair.first, "ours/small") == bodies[0]);
    assert!(read(&pair.second, "ours/large") == newer);

    // rclone sees one tree from either side.
    let tree = pair.first.dir("tree");
    for index in 0..6 {
        std::fs::write(tree.join(format!("file-{index}")), noise("f", 100 + index)).expect("made");
    }
    let tree = tree.to_string_lossy().into_owned();
    pair.first.rclone(&["sync", &tree, "hf:ours/tree"]).well();
    pair.second
        .rclone(&["check", "--download", &tree, "hf:ours/tree"])
        .well();
    pair.second.rclone(&["delete", "hf:ours/tree"]).well();
    let left = pair.first.rclone(&["lsf", "hf:ours/tree"]);
    assert!(left.out.is_empty(), "{:?}", left.out);
}

#[test]
fn two_gateways_race_on_one_key() {
    // Goal: of many who may only make a key, one does; of many who replace it, all are told and
    // one stays. Method: both gateways at once, with and without a condition.
    let pair = Pair::start("racing");
    pair.first.aws(&["s3", "mb", "s3://race"]).well();
    for round in 0..4 {
        let path = format!("race/only-{round}");
        let only = ["-H", "If-None-Match: *"];
        let made: Vec<bool> = std::thread::scope(|scope| {
            let both = [&pair.first, &pair.second].map(|served| {
                let path = &path;
                scope.spawn(move || write(served, path, served.s3.as_bytes(), &only))
            });
            both.map(|one| one.join().expect("ends")).to_vec()
        });
        assert_eq!(
            made.iter().filter(|made| **made).count(),
            1,
            "round {round}"
        );
        let winner = if made[0] { &pair.first } else { &pair.second };
        assert!(read(&pair.second, &path) == winner.s3.as_bytes());
    }
    let well: Vec<bool> = std::thread::scope(|scope| {
        let both = [&pair.first, &pair.second].map(|served| {
            scope.spawn(move || (0..5_u8).all(|turn| write(served, "race/both", &[turn; 64], &[])))
        });
        both.map(|one| one.join().expect("ends")).to_vec()
    });
    assert_eq!(well, [true, true]);
    assert!(read(&pair.first, "race/both") == read(&pair.second, "race/both"));
    let used = pair
        .second
        .home
        .say(&["gateway", "usage", "--json"])
        .well()
        .out;
    assert!(
        used.contains("\"objects\":5") || used.contains("\"objects\": 5"),
        "{used}"
    );

    // A gateway with another key is no fellow.
    let key = pair.first.home.dir.join("other.key");
    let key = key.to_string_lossy().into_owned();
    let home = &pair.first.home;
    home.say(&["gateway", "make-namespace-key", &key]).well();
    let url = pair.server.near().url;
    let (password, stranger) = (
        pair.server.password(),
        town().renter("stranger", crate::served::RICH),
    );
    let words = ["gateway", "--listen", "127.0.0.1:0", "--postgres", &url];
    let secrets = ["--postgres-password", &password, "--namespace-key", &key];
    let refused = stranger.say(&[&words[..], &secrets].concat()).badly();
    assert!(refused.contains("another namespace"), "{refused}");
}
