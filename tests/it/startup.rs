//! A daemon that must not start says why, names what is wrong, and changes nothing.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;

use crate::stage::{Host, Plan, Shape, Town, holdfast, until};
use std::time::Duration;

fn lonely(name: &str, hosts: usize) -> Town {
    let mut town = Town::start(
        name,
        Shape {
            hubs: 0,
            ..Shape::default()
        },
    );
    for _ in 0..hosts {
        town.add(&Plan::default());
    }
    town
}

#[test]
fn a_second_daemon_on_one_directory_names_the_process_that_holds_it() {
    // Goal: two daemons never share a directory, and the message says whom to stop.
    // Method: start one, start another on the same directory, then ask the first how it is.
    let mut town = lonely("second-daemon", 1);
    let host = &mut town.hosts[0];
    host.start();
    let said = host.start_in_vain();
    assert!(
        said.contains(&format!("in use by process {}", host.pid())),
        "{said}"
    );
    assert_eq!(host.status().shards, 0);
    let said = holdfast(None, &["inspect", "--dir", &host.dir.to_string_lossy()]).badly();
    assert!(said.contains(&host.pid().to_string()), "{said}");
    host.kill();
    host.start();
}

#[test]
fn a_volume_of_another_host_is_refused_by_name_and_not_changed() {
    // Goal: a drive moved by mistake keeps what is on it. Method: give a host the other's volume,
    // compare the volume's bytes before and after the failed start.
    let mut town = lonely("foreign-volume", 2);
    let (own, other) = (
        town.hosts[0].dir.join("volume-0"),
        town.hosts[1].dir.join("volume-0"),
    );
    std::fs::copy(&other, &own).expect("the volume is copied");
    let before = std::fs::read(&own).expect("the volume reads");
    let said = town.hosts[0].start_in_vain();
    assert!(said.contains("volume-0"), "{said}");
    assert!(
        said.contains(&format!("belongs to host {}", town.hosts[1].peer)),
        "{said}"
    );
    assert_eq!(std::fs::read(&own).expect("the volume reads"), before);
    town.hosts[1].start();
}

#[test]
fn a_truncated_volume_is_refused_with_both_sizes() {
    // Goal: a short file or device is seen before anything is read beyond its end. Method: cut the
    // volume to half, start, then restore its length and start again.
    let mut town = lonely("truncated-volume", 1);
    let host = &mut town.hosts[0];
    let path = host.dir.join("volume-0");
    let whole = File::open(&path)
        .expect("the volume")
        .metadata()
        .expect("its size")
        .len();
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the volume opens");
    file.set_len(whole / 2).expect("cut");
    let said = host.start_in_vain();
    for word in ["volume-0", &whole.to_string(), &(whole / 2).to_string()] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    file.set_len(whole).expect("mended");
    host.start();
}

#[test]
fn one_bad_volume_of_two_is_left_out_and_named_while_the_other_serves() {
    // Goal: volumes fail alone. Method: two volumes, one cut short; the host must serve and its
    // log must say which one is left out.
    let mut town = lonely("one-bad-volume", 0);
    let volumes = vec!["volume-a=32 MiB".to_owned(), "volume-b=32 MiB".to_owned()];
    let host = town.add(&Plan {
        volumes,
        ..Plan::default()
    });
    host.start();
    let both = host.status().free;
    host.stop();
    let path = host.dir.join("volume-b");
    let file = OpenOptions::new()
        .write(true)
        .open(&path)
        .expect("the volume opens");
    file.set_len(1 << 20).expect("cut");
    host.start();
    let one = host.status().free;
    assert!(
        0 < one && one < both,
        "{one} bytes are free, {both} with both volumes"
    );
    let log = host.log();
    let line = log.lines().find(|line| line.contains("volume left out"));
    assert!(line.is_some_and(|line| line.contains("volume-b")), "{log}");
}

#[test]
fn an_unknown_key_is_refused_with_its_name() {
    // Goal: a misspelt key never passes for a default. Method: one in the file, one by --set.
    let town = lonely("unknown-key", 1);
    let host = &town.hosts[0];
    let path = host.dir.join("host.toml");
    let good = std::fs::read_to_string(&path).expect("the configuration reads");
    std::fs::write(&path, format!("pricee = 1\n{good}")).expect("written");
    let said = host.start_in_vain();
    assert!(
        said.contains("pricee") && said.contains("host.toml"),
        "{said}"
    );
    std::fs::write(&path, good).expect("written");
    let dir = host.dir.to_string_lossy();
    let said = holdfast(None, &["config", "--dir", &dir, "set", "offer.pricee", "1"]).badly();
    assert!(said.contains("offer.pricee"), "{said}");
}

#[test]
fn a_port_in_use_is_named_with_the_key_that_sets_it() {
    // Goal: the operator reads which port and which key. Method: hold the ports, start the host.
    let mut town = lonely("ports-in-use", 1);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("it is bound").port();
    let host = &mut town.hosts[0];
    for (key, value) in [
        ("api.listen", format!(r#""127.0.0.1:{port}""#)),
        ("swarm.listen", format!(r#"["/ip4/127.0.0.1/tcp/{port}"]"#)),
    ] {
        let path = host.dir.join("host.toml");
        let good = std::fs::read_to_string(&path).expect("the configuration reads");
        let dir = host.dir.to_string_lossy().into_owned();
        holdfast(None, &["config", "--dir", &dir, "set", key, &value]).well();
        let said = host.start_in_vain();
        assert!(
            said.contains(key) && said.contains(&port.to_string()),
            "{said}"
        );
        std::fs::write(&path, good).expect("written");
    }
    host.start();
}

#[test]
fn every_port_can_be_set_and_is_the_one_that_listens() {
    // Goal: mapped ports work: what is listened on and what is announced are separate. Method:
    // take three free ports, set them, compare with the ready line and with the status.
    let ports: Vec<TcpListener> = (0..3)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let numbers: Vec<u16> = ports
        .iter()
        .map(|port| port.local_addr().expect("it is bound").port())
        .collect();
    drop(ports);
    let set = vec![
        format!(r#"swarm.listen=["/ip4/127.0.0.1/tcp/{}"]"#, numbers[0]),
        r#"swarm.announce=["/ip4/127.0.0.2/tcp/4999"]"#.to_owned(),
        format!(r#"api.listen="127.0.0.1:{}""#, numbers[1]),
        "gateway.enabled=true".to_owned(),
        format!(r#"gateway.listen="127.0.0.1:{}""#, numbers[2]),
    ];
    let mut town = lonely("ports", 0);
    let host = town.add(&Plan {
        set,
        ..Plan::default()
    });
    host.start();
    let ready = host.ready();
    assert_eq!(ready.addrs, ["/ip4/127.0.0.2/tcp/4999"]);
    assert_eq!(ready.api.map(|at| at.port()), Some(numbers[1]));
    assert_eq!(ready.gateway.map(|at| at.port()), Some(numbers[2]));
    std::net::TcpStream::connect(("127.0.0.1", numbers[0])).expect("the swarm port listens");
}

#[test]
fn default_ports_are_4001_5001_and_8080_and_none_is_5101() {
    // Goal: the ports that operators open in firewalls. Method: a configuration without a file.
    let words = ["config", "--dir", "/nonexistent", "--json", "show"];
    let said = holdfast(None, &words).well().out;
    for word in [
        "/tcp/4001",
        "/udp/4001/quic-v1",
        "127.0.0.1:5001",
        ":8080",
        ":5102",
    ] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert!(!said.contains("5101"), "{said}");
}

#[test]
fn a_host_killed_at_any_moment_starts_again_at_once() {
    // Goal: no start needs repair by hand. Method: kill -9 before the ready line and after it,
    // several times, then serve.
    let mut town = lonely("killed-often", 1);
    let host: &mut Host = &mut town.hosts[0];
    for turn in 0..4 {
        host.launch();
        if turn % 2 == 0 {
            host.serving();
        }
        host.kill();
    }
    host.start();
    until("the chain is seen", Duration::from_secs(20), || {
        (host.status().block > 0).then_some(())
    });
    host.stop();
    assert_eq!(host.inspect().damaged, 0);
}
