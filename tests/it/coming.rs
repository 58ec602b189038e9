//! The tables for people who come from BTFS: every line of the document is typed as it stands.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use host_core::Amount;
use serde_json::Value;

use crate::stage::{Child, Home, Shape, Town, holdfast, noise};

const DOCUMENT: &str = include_str!("../../docs/operating/coming-from-btfs.md");
/// Lines the document has at least: a table that is not found tests nothing.
const LINES_MIN: usize = 70;
/// Words that keep a default configuration off the ports of whoever runs the tests.
const PORTS: [&str; 6] = [
    "--set",
    r#"swarm.listen=["/ip4/127.0.0.1/tcp/0"]"#,
    "--set",
    r#"api.listen="127.0.0.1:0""#,
    "--set",
    "gateway.enabled=false",
];

/// What is typed here, line by line.
fn lines() -> Vec<&'static str> {
    let rows = DOCUMENT
        .lines()
        .filter(|line| line.starts_with("| ") || line.starts_with("|-"));
    let rows = rows.filter(|line| !line.starts_with("|-") && !line.starts_with("| BTFS"));
    rows.map(|row| {
        let cell = row.split('|').nth(2).map(str::trim);
        let typed = cell.and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'));
        typed.unwrap_or_else(|| panic!("no command in `{row}`"))
    })
    .collect()
}

/// The words of a line as a shell splits them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ' ') => words.push(std::mem::take(&mut word)),
            _ => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// What the placeholders stand for.
struct Desk {
    home: Home,
    api: SocketAddr,
    names: BTreeMap<&'static str, String>,
    daemons: Vec<Child>,
}

impl Desk {
    fn of(town: &Town) -> Self {
        let home = Home::make(&town.dir.join("renter"), &town.file, Amount::ZERO);
        let file = home.file("file", &noise("coming", 200_000));
        let host = &town.hosts[0];
        let place = |name: &str| town.dir.join(name).to_string_lossy().into_owned();
        let names = BTreeMap::from([
            ("DIR", host.dir.to_string_lossy().into_owned()),
            ("NEW", place("new")),
            ("NETWORK", town.file.to_string_lossy().into_owned()),
            ("BACKUP", place("backup")),
            ("RESTORED", place("restored")),
            ("COPY", place("copy")),
            ("FILE", file.to_string_lossy().into_owned()),
            ("ACCOUNT", host.address.to_string()),
        ]);
        let api = host.ready().api.expect("a local api");
        let daemons = Vec::new();
        Self {
            home,
            api,
            names,
            daemons,
        }
    }

    /// Types one line.
    fn run(&mut self, line: &str) {
        let mut typed: Vec<String> = words(line);
        for word in &mut typed {
            if let Some(name) = self.names.get(word.as_str()) {
                word.clone_from(name);
            }
        }
        let program = typed.remove(0);
        match program.as_str() {
            "GET" => assert_eq!(get(self.api, &typed[0]), 200, "{line}"),
            "holdfastd" => {
                let log = Path::new(&self.names["NEW"]).with_extension("log");
                let child = Child::start("holdfastd", &typed, &log);
                let ready: Value = child.ready();
                assert!(ready["peer"].is_string(), "{ready}");
                self.daemons.push(child);
            }
            "holdfast" => self.command(line, typed),
            other => panic!("`{line}` begins with {other}"),
        }
    }

    fn command(&mut self, line: &str, mut typed: Vec<String>) {
        let is_put = typed[0] == "put" && typed[1] != "status";
        if typed[0] == "init" {
            typed.extend(PORTS.map(str::to_owned));
        }
        if is_put {
            typed.push("--json".into());
        }
        let said = holdfast(Some(&self.home.dir), &typed);
        assert!(said.success, "`{line}`: {} {}", said.out, said.err);
        assert!(
            !said.out.is_empty() || line.contains("--since"),
            "`{line}` said nothing"
        );
        if is_put {
            let put: Value = said.json();
            for (name, key) in [("ID", "id"), ("SESSION", "session")] {
                let text = put[key].as_str().expect("an id").to_owned();
                self.names.insert(name, text);
            }
        }
    }
}

/// The status of one plain GET.
fn get(at: SocketAddr, path: &str) -> u16 {
    let mut stream = TcpStream::connect(at).expect("the door answers");
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).expect("a timeout");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut text = Vec::new();
    stream.read_to_end(&mut text).expect("answered");
    let text = String::from_utf8_lossy(&text).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.expect("a status line")
}

#[test]
fn every_line_of_the_table_for_people_from_btfs_works_as_it_is_written() {
    // Goal: the document cannot drift from the programs. Method: parse its tables, put real names
    // for its placeholders, type each line in order against a town of four hosts, and hold every
    // command to success and every address to 200.
    let shape = Shape {
        hosts: 4,
        hubs: 1,
        ..Shape::default()
    };
    let town = Town::start("coming", shape);
    let mut desk = Desk::of(&town);
    let lines = lines();
    assert!(lines.len() >= LINES_MIN, "only {} lines", lines.len());
    for line in lines {
        desk.run(line);
    }
}
