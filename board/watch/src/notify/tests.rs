//! Goal: PID 1 hears what sd_notify(3) says, over a path and over an abstract name, and hears
//! nothing while a loop is late. Method: the test is the service's owner.

use super::*;
use std::ffi::OsString;
use std::sync::atomic::{AtomicU32, Ordering};

fn heard(socket: &UnixDatagram) -> Option<String> {
    let mut word = [0; 1024];
    let len = socket.recv(&mut word).ok()?;
    Some(String::from_utf8_lossy(&word[..len]).into_owned())
}

fn owner() -> (UnixDatagram, Notify) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("holdfast-test-{}-{n}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let socket = UnixDatagram::bind_addr(&address).unwrap();
    socket.set_nonblocking(true).unwrap();
    let notify = Notify::open(&OsString::from(format!("@{name}"))).unwrap();
    (socket, notify)
}

#[test]
fn an_abstract_socket_hears_ready_status_and_stopping() {
    let (socket, notify) = owner();
    notify.ready().unwrap();
    notify.status("two\nlines").unwrap();
    notify.stopping().unwrap();
    assert_eq!(heard(&socket).as_deref(), Some("READY=1"));
    assert_eq!(heard(&socket).as_deref(), Some("STATUS=two lines"));
    assert_eq!(heard(&socket).as_deref(), Some("STOPPING=1"));
}

#[test]
fn a_path_hears_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    Notify::open(path.as_os_str()).unwrap().ready().unwrap();
    assert_eq!(heard(&socket).as_deref(), Some("READY=1"));
}

#[test]
fn names_that_are_no_socket_are_refused() {
    for name in ["", "@", "relative"] {
        assert!(Notify::open(OsStr::new(name)).is_err());
    }
    let nobody = Notify::open(OsStr::new("/nowhere/notify")).unwrap();
    assert!(nobody.ready().is_err());
}

#[test]
fn the_interval_is_ours_alone() {
    let half = Some(Duration::from_millis(500));
    assert_eq!(watchdog_interval(Some("500000"), None, 7), half);
    assert_eq!(watchdog_interval(Some("500000"), Some("7"), 7), half);
    assert_eq!(watchdog_interval(Some("500000"), Some("8"), 7), None);
    assert_eq!(watchdog_interval(Some("0"), None, 7), None);
    assert_eq!(watchdog_interval(Some("soon"), None, 7), None);
    assert_eq!(watchdog_interval(None, None, 7), None);
}

#[test]
fn a_wedged_loop_withholds_the_food_until_it_moves_again() {
    let (socket, notify) = owner();
    let second = Duration::from_secs;
    let ticks = Ticks::default();
    let tick = ticks.register("ledger", second(3), second(0)).unwrap();
    let mut watchdog = Watchdog::new(second(10));
    assert_eq!(watchdog.feed(second(0), &ticks, &notify).unwrap(), Fed::Yes);
    tick.tick(second(2));
    assert_eq!(
        watchdog.feed(second(3), &ticks, &notify).unwrap(),
        Fed::NotDue
    );
    let wedged = watchdog.feed(second(6), &ticks, &notify).unwrap();
    assert!(matches!(wedged, Fed::Withheld(late) if late[0].name == "ledger"));
    tick.tick(second(7));
    assert_eq!(watchdog.feed(second(7), &ticks, &notify).unwrap(), Fed::Yes);
    assert_eq!(heard(&socket).as_deref(), Some("WATCHDOG=1"));
    assert_eq!(heard(&socket).as_deref(), Some("WATCHDOG=1"));
    assert_eq!(heard(&socket), None);
}
