//! Whether somebody is told: alerts over every route to real receivers on loopback, signed, in
//! order, once, also when the receiver was down and the daemon was killed meanwhile.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::stage::{Host, Letter, Mailbox, Plan, Shape, Town, holdfast, until};

/// How long a message may take, retries of a receiver that was down among them.
const LIMIT: Duration = Duration::from_secs(60);

/// A town with a host that is configured by `set` and does not run yet.
fn town(name: &str, set: &[String], files: &[(&str, &str)]) -> (Town, PathBuf) {
    let shape = Shape {
        hubs: 1,
        ..Shape::default()
    };
    let mut town = Town::start(name, shape);
    let quick = ["alerts.every=\"200ms\"", "alerts.lasting=\"5s\""];
    let host = town.add(&Plan {
        set: quick
            .map(str::to_owned)
            .iter()
            .chain(set)
            .cloned()
            .collect(),
        ..Plan::default()
    });
    let dir = host.dir.clone();
    for (file, text) in files {
        secret(&dir, file, text);
    }
    (town, dir)
}

fn secret(dir: &Path, file: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(file);
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

fn mode(host: &Host, word: &str) {
    let dir = host.dir.to_string_lossy();
    holdfast(None, &["mode", "--dir", &dir, word]).well();
}

/// Asks for a notice that tries every route.
fn try_routes(host: &Host) {
    let key = std::fs::read_to_string(host.dir.join("api.token")).expect("the token");
    let api = host.ready().api.expect("a local door");
    let said = crate::stage::request(
        api,
        &format!(
            "POST /api/v1/alerts/test HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer {key}\r\nContent-Length: 0"
        ),
    );
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

fn alerts(host: &Host) -> Value {
    let api = host.ready().api.expect("a local door");
    let said = crate::stage::request(api, "GET /api/v1/alerts HTTP/1.1\r\nHost: localhost");
    let (_, body) = said.split_once("\r\n\r\n").expect("a body");
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{said}"))
}

fn json(letter: &Letter) -> Value {
    serde_json::from_slice(&letter.body).expect("JSON")
}

#[test]
fn a_webhook_gets_what_broke_and_that_it_is_over_signed_and_each_once() {
    // Goal: one alert is two messages, provably ours. Method: a rule over a metric the test moves,
    // a real receiver, the signature computed again by openssl's rules.
    let hook = Mailbox::open(&[]);
    let set = [
        format!("alerts.webhook.url=\"http://{}/hook\"", hook.address()),
        "alerts.webhook.secret_file=\"hook.key\"".into(),
        "alerts.rules=[\"holdfast_mode above 0 warning\"]".into(),
    ];
    let (mut town, _) = town("alerts-hook", &set, &[("hook.key", "sesame\n")]);
    let host = &mut town.hosts[0];
    host.start();
    mode(host, "draining");
    let raised = until("the alert to be told", LIMIT, || hook.find("raised"));
    let body = json(&raised);
    assert_eq!(body["alert"]["rule"], "own:holdfast_mode");
    assert_eq!(body["alert"]["severity"], "warning");
    assert_eq!(body["host"], host.peer.to_string());
    let signed = raised.header("holdfast-signature").expect("a signature");
    assert_eq!(
        signed,
        crate::stage::signature("sesame", &signed, &raised.body)
    );
    mode(host, "serving");
    let cleared = until("its end to be told", LIMIT, || hook.find("cleared"));
    assert_eq!(json(&cleared)["alert"]["rule"], "own:holdfast_mode");
    let told = hook.all();
    let mine = told
        .iter()
        .filter(|letter| json(letter)["alert"]["rule"] == "own:holdfast_mode");
    assert_eq!(mine.count(), 2, "one beginning and one end");
    let log = host.log();
    assert!(
        !log.contains("sesame") && !log.contains("/hook"),
        "a secret stands in the log"
    );
}

#[test]
fn a_notice_outlives_a_receiver_that_is_down_and_a_host_that_is_killed() {
    // Goal: nothing that was decided is lost. Method: nobody listens; the host is killed with -9
    // once the notice waits, started again, killed again; then somebody listens.
    let hook = Mailbox::closed();
    let set = [
        format!("alerts.webhook.url=\"http://{}/\"", hook.address()),
        "alerts.enabled=false".into(),
    ];
    let (mut town, _) = town("alerts-kill", &set, &[]);
    let host = &mut town.hosts[0];
    host.start();
    try_routes(host);
    for _ in 0..2 {
        until("the notice to wait", LIMIT, || {
            (alerts(host)["routes"][0]["waiting"] == 1).then_some(())
        });
        host.kill();
        host.start();
    }
    let hook = hook.open_up(&[]);
    let test = until("the notice to arrive", LIMIT, || hook.find("test"));
    let id = test.header("holdfast-alert").expect("an id");
    until("the host to note it", LIMIT, || {
        (alerts(host)["routes"][0]["waiting"] == 0).then_some(())
    });
    host.kill();
    host.start();
    assert_eq!(alerts(host)["routes"][0]["waiting"], 0);
    let ids: Vec<_> = hook
        .all()
        .iter()
        .map(|one| one.header("holdfast-alert"))
        .collect();
    assert!(ids.iter().all(|one| one.as_deref() == Some(&id)), "{ids:?}");
}

#[test]
fn a_receiver_that_fails_at_first_is_asked_again_and_one_that_is_down_delays_no_other() {
    // Goal: routes are independent. Method: a webhook that answers 503 twice, ntfy that is dead,
    // a dead man's switch beside them.
    let hook = Mailbox::open(&[503, 503]);
    let heart = Mailbox::open(&[]);
    let dead = Mailbox::closed();
    let set = [
        "alerts.webhook.url_file=\"hook.url\"".to_owned(),
        format!("alerts.ntfy.url=\"http://{}/topic\"", dead.address()),
        format!("alerts.heartbeat.url=\"http://{}/\"", heart.address()),
        "alerts.heartbeat.every=\"1s\"".into(),
    ];
    let address = format!("http://{}/secret-path", hook.address());
    let (mut town, _) = town("alerts-routes", &set, &[("hook.url", &address)]);
    let host = &mut town.hosts[0];
    host.start();
    try_routes(host);
    let arrived = |count: usize| {
        let tests = hook
            .all()
            .into_iter()
            .filter(|one| json(one)["turn"] == "test");
        (tests.count() >= count).then_some(())
    };
    until("the third try", LIMIT, || arrived(3));
    let first = until("a sign of life", LIMIT, || heart.all().into_iter().next());
    assert_eq!(json(&first)["host"], host.peer.to_string());
    until("another", LIMIT, || (heart.all().len() >= 3).then_some(()));
    let said = until("the dead route to be told", LIMIT, || {
        let said = alerts(host);
        let delivered = said["routes"][0]["delivered"].as_u64() >= Some(1);
        (said["routes"][1]["trouble"].is_string() && delivered).then_some(said)
    });
    assert!(said["routes"][1]["waiting"].as_u64() >= Some(1), "{said}");
    assert!(!said.to_string().contains("topic"), "{said}");
    let dead = dead.open_up(&[]);
    let letter = until("ntfy to come up", LIMIT, || dead.find("they do"));
    assert_eq!(letter.header("title").as_deref(), Some("notice: test"));
    assert!(letter.path.ends_with("/topic"));
    let config = crate::stage::request(
        host.ready().api.expect("a door"),
        "GET /api/v1/config HTTP/1.1\r\nHost: localhost",
    );
    assert!(config.contains("hook.url") && !config.contains("secret-path"));
}

#[test]
fn an_e_mail_reaches_the_server_with_its_words_and_one_message_id() {
    // Goal: a real submission. Method: a server that speaks SMTP as RFC 5321 has it, and refuses
    // the first try as busy servers do.
    let server = crate::stage::MailServer::open(1);
    let set = [
        "alerts.mail.server=\"127.0.0.1\"".to_owned(),
        format!("alerts.mail.port={}", server.port()),
        "alerts.mail.tls=\"none\"".into(),
        "alerts.mail.from=\"box@holdfast.example\"".into(),
        "alerts.mail.to=[\"one@holdfast.example\", \"two@holdfast.example\"]".into(),
        "alerts.mail.user=\"box\"".into(),
        "alerts.mail.password_file=\"mail.password\"".into(),
    ];
    let (mut town, dir) = town("alerts-mail", &set, &[("mail.password", "open-up")]);
    let host = &mut town.hosts[0];
    host.start();
    try_routes(host);
    let mail = until("the mail to be taken", LIMIT, || {
        let mut all = server.all().into_iter();
        all.find(|mail| mail.text.contains("notice: test"))
    });
    assert_eq!(mail.to, ["one@holdfast.example", "two@holdfast.example"]);
    assert_eq!(mail.user.as_deref(), Some("box"));
    for part in [
        "Subject: [holdfast] notice: test",
        "Message-ID: <",
        "they do",
    ] {
        assert!(mail.text.contains(part), "{part} is not in {}", mail.text);
    }
    // A password everybody may read is not used.
    use std::os::unix::fs::PermissionsExt;
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(dir.join("mail.password"), open).expect("its mode");
    try_routes(host);
    let trouble = until("the trouble to be told", LIMIT, || {
        alerts(host)["routes"][0]["trouble"]
            .as_str()
            .map(str::to_owned)
    });
    assert!(trouble.contains("every user may read it"), "{trouble}");
    assert!(
        !host.log().contains("open-up"),
        "the password stands in the log"
    );
}
