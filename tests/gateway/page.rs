//! The page for renters, as a browser asks it: curl with a cookie jar of its own.

use serde_json::Value;

use crate::served::{Key, Served, town};
use crate::stage::{noise, sha256};

/// What a browser of one person holds.
struct Browser<'a> {
    served: &'a Served,
    origin: String,
    cookie: Option<String>,
}

/// An answer: status, headers, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The code of a refusal.
    pub(crate) fn code(&self) -> String {
        let said = self.json();
        said["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

pub(crate) fn split(said: &[u8]) -> Answer {
    let mut rest = said;
    loop {
        let end = rest.windows(4).position(|run| run == b"\r\n\r\n");
        let end = end.expect("a head");
        let head = String::from_utf8_lossy(&rest[..end]).into_owned();
        rest = &rest[end + 4..];
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.expect("a status");
        // What comes before the answer itself.
        if status != 100 {
            let body = rest.to_vec();
            return Answer { status, head, body };
        }
    }
}

impl<'a> Browser<'a> {
    fn new(served: &'a Served, page: &str) -> Self {
        Self {
            served,
            origin: format!("http://{page}"),
            cookie: None,
        }
    }

    fn ask(&self, path: &str, words: &[&str]) -> Answer {
        let url = format!("{}{path}", self.origin);
        let cookie = format!(
            "Cookie: holdfast_page={}",
            self.cookie.as_deref().unwrap_or_default()
        );
        let said = self.served.client(
            "curl",
            &[
                &["-sS", "-i", "--path-as-is", "-H", &cookie][..],
                words,
                &[&url],
            ]
            .concat(),
        );
        assert!(said.success, "{path}: {}", said.err);
        split(&said.out)
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(path, &[])
    }

    /// A request that changes something, as a page of this origin makes it.
    fn act(&self, method: &str, path: &str, words: &[&str]) -> Answer {
        let origin = format!("Origin: {}", self.origin);
        self.ask(path, &[&["-X", method, "-H", &origin][..], words].concat())
    }

    fn sign_in(&mut self, key: &Key) -> Answer {
        let body = format!(
            r#"{{"access_key":"{}","secret_key":"{}"}}"#,
            key.access_key, key.secret_key
        );
        let answer = self.act("POST", "/api/session", &["--data", &body]);
        let set = answer.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("set-cookie")
                .then(|| value.to_owned())
        });
        if let Some(set) = set {
            assert!(
                set.contains("HttpOnly") && set.contains("SameSite=Strict"),
                "{set}"
            );
            let token = set.split(['=', ';']).nth(1).expect("a token");
            assert_eq!(token.len(), 64, "{set}");
            self.cookie = Some(token.to_owned());
        }
        answer
    }

    /// Uploads a file with the digest it is said to have.
    fn upload(&self, path: &str, file: &str, digest: &str) -> Answer {
        let digest = format!("X-Holdfast-Sha256: {digest}");
        self.act(
            "PUT",
            path,
            &["-H", &digest, "--data-binary", &format!("@{file}")],
        )
    }
}

#[test]
fn a_page_signs_in_uploads_lists_looks_and_brings_back_within_its_key() {
    // Goal: what a renter does in the page is done on the network, with the rights of the key and
    // no others. Method: a gateway over six hosts; requests as a browser makes them, and as another
    // page, a stranger and a smaller key would.
    let served = Served::start_with(town(), "page", &["--page", "127.0.0.1:0"]);
    let page = served.page.clone().expect("a page");
    let refused = served.home.say(&["gateway", "--page", "0.0.0.0:0"]).badly();
    assert!(refused.contains("--page-anywhere"), "{refused}");

    let mut all = Browser::new(&served, &page);
    let index = all.get("/");
    for word in [
        "default-src 'none'",
        "nosniff",
        "DENY",
        "same-origin",
        "frame-ancestors 'none'",
    ] {
        assert!(index.head.contains(word), "{word}: {}", index.head);
    }
    assert_eq!(all.get("/page/app.mjs").status, 200);
    for path in ["/page/../Cargo.toml", "/etc/passwd", "/page/", "/api/none"] {
        assert!([401, 404].contains(&all.get(path).status), "{path}");
    }
    assert_eq!(all.get("/api/buckets").code(), "NotSignedIn");

    let wrong = Key {
        access_key: served.key.access_key.clone(),
        secret_key: "wrong".to_owned(),
    };
    let refused = all.sign_in(&wrong);
    assert_eq!((refused.status, all.cookie.is_none()), (401, true));
    assert_eq!(all.sign_in(&served.key).status, 200);
    assert_eq!(all.get("/api/session").json()["read_only"], false);
    let foreign = all.ask("/api/buckets?bucket=other", &["-X", "POST"]);
    assert_eq!(foreign.status, 403, "no origin");
    let foreign = ["-X", "POST", "-H", "Origin: http://127.0.0.1:1"];
    assert_eq!(all.ask("/api/buckets?bucket=other", &foreign).status, 403);
    let site = ["-H", "Sec-Fetch-Site: same-site"];
    assert_eq!(all.ask("/api/buckets", &site).status, 403);

    assert_eq!(
        all.act("POST", "/api/buckets?bucket=No", &[]).code(),
        "InvalidBucketName"
    );
    assert_eq!(
        all.act("POST", "/api/buckets?bucket=paper", &[]).status,
        200
    );
    let large = noise("page", (2 << 20) + 77);
    let digest = sha256(&large);
    let file = served.home.file("large.bin", &large);
    let file = file.to_string_lossy().into_owned();
    let path = "/api/object?bucket=paper&key=docs%2Flarge.bin";
    assert_eq!(
        all.upload(path, &file, &sha256(b"other")).code(),
        "BadDigest"
    );
    assert_eq!(all.get(path).status, 404, "nothing of it stayed");
    let stored = all.upload(path, &file, &digest);
    assert_eq!(
        stored.status,
        200,
        "{}",
        String::from_utf8_lossy(&stored.body)
    );
    assert_eq!(all.upload(path, &file, &digest).code(), "AlreadyThere");
    let replace = format!("{path}&replace=1");
    assert_eq!(all.upload(&replace, &file, &digest).status, 200);

    // A key that a listing must say, a header must not, and a path would fold.
    let hostile = "..%2F%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22%0D%0A.html";
    let small = served.home.file("small", b"<script>alert(1)</script>");
    let small = small.to_string_lossy().into_owned();
    let hostile = format!("bucket=paper&key={hostile}");
    let put = all.act(
        "PUT",
        &format!("/api/object?{hostile}"),
        &["--data-binary", &format!("@{small}")],
    );
    assert_eq!(put.status, 200, "{}", String::from_utf8_lossy(&put.body));
    let back = all.get(&format!("/api/body?{hostile}"));
    assert_eq!(back.body, b"<script>alert(1)</script>");
    for word in [
        "attachment",
        "sandbox",
        "application/octet-stream",
        "nosniff",
    ] {
        assert!(back.head.contains(word), "{word}: {}", back.head);
    }

    let top = all.get("/api/list?bucket=paper&most=1").json();
    assert_eq!(top["prefixes"][0], "../", "{top}");
    let next = all.get("/api/list?bucket=paper&most=1&after=..%2F").json();
    assert_eq!(
        (&next["prefixes"][0], &next["next"]),
        (&"docs/".into(), &Value::Null)
    );
    let list = all.get("/api/list?bucket=paper&prefix=docs/").json();
    assert_eq!(
        (&list["keys"][0]["bytes"], &list["keys"][0]["digest"]),
        (&large.len().into(), &true.into())
    );
    let buckets = all.get("/api/buckets").json();
    assert_eq!(buckets["buckets"][0]["objects"], 2, "{buckets}");

    let one = all.get(path).json();
    let stored = &one["stored"]["objects"][0];
    assert_eq!(
        (&one["sha256"], &one["stored"]["count"]),
        (&digest.as_str().into(), &1.into())
    );
    assert_eq!(
        (&stored["data"], &stored["parity"], &stored["health"]),
        (&2.into(), &2.into(), &"unknown".into())
    );
    let shards = stored["segments"].as_u64().expect("segments") * 4;
    assert_eq!(stored["shards"], shards, "{one}");
    assert!(stored["paid_until_ms"].as_u64() > Some(0), "{one}");
    let look = "/api/look?bucket=paper&key=docs%2Flarge.bin";
    assert_eq!(all.ask(look, &["-X", "POST"]).status, 403, "no origin");
    let looked = all.act("POST", look, &[]).json();
    assert_eq!(looked["objects"][0]["look"]["alive"], shards, "{looked}");
    assert_eq!(
        all.get(path).json()["stored"]["objects"][0]["health"],
        "well"
    );
    let body = all.get("/api/body?bucket=paper&key=docs%2Flarge.bin");
    assert_eq!(sha256(&body.body), digest);

    let costs = all.get("/api/costs?days=7").json();
    assert!(costs["count"].as_u64() >= Some(2), "{costs}");
    assert!(
        costs["wallet"]["promised"].is_string() && costs["ahead"] != "0",
        "{costs}"
    );
    assert_eq!(all.get("/api/costs?days=0").status, 400);
    assert_eq!(
        all.get("/api/drills").json()["drills"],
        Value::Array(Vec::new())
    );
    assert_eq!(
        all.get("/api/releases").json()["releases"],
        Value::Array(Vec::new())
    );

    let make = |words: &[&str]| -> Key {
        let words = [&["gateway", "make-key", "some", "--json"][..], words].concat();
        served.home.say(&words).json()
    };
    let mut reader = Browser::new(&served, &page);
    reader.sign_in(&make(&["--bucket", "paper", "--read-only"]));
    assert_eq!(reader.get(path).status, 200);
    for (method, path) in [
        ("PUT", path),
        ("DELETE", path),
        ("POST", "/api/buckets?bucket=paper"),
    ] {
        let refused = reader.act(method, path, &["--data-binary", "x"]);
        assert_eq!(refused.code(), "AccessDenied", "{method} {path}");
    }
    assert_eq!(reader.get("/api/drills").status, 403);
    let own = reader.get("/api/costs").json();
    assert_eq!(own["wallet"], Value::Null, "{own}");
    let mut other = Browser::new(&served, &page);
    let small_key = make(&["--bucket", "else*", "--quota", "10"]);
    other.sign_in(&small_key);
    assert_eq!(
        other.get("/api/buckets").json()["buckets"],
        Value::Array(Vec::new())
    );
    for route in ["list", "object", "body"] {
        let refused = other.get(&format!("/api/{route}?bucket=paper&key=docs%2Flarge.bin"));
        assert_eq!(refused.status, 403, "{route}");
    }
    assert_eq!(other.get("/api/costs").json()["count"], 0);
    assert_eq!(
        other
            .act("POST", "/api/buckets?bucket=elsewhere", &[])
            .status,
        200
    );
    let beyond = other.upload("/api/object?bucket=elsewhere&key=a", &small, &sha256(b"x"));
    assert_eq!(beyond.code(), "QuotaExceeded");
    served
        .home
        .say(&["gateway", "revoke-key", &small_key.access_key])
        .well();
    assert_eq!(
        other.get("/api/buckets").code(),
        "NotSignedIn",
        "a revoked key"
    );

    assert_eq!(all.act("DELETE", path, &[]).status, 200);
    assert_eq!(all.act("DELETE", path, &[]).status, 404);
    assert_eq!(all.act("DELETE", "/api/session", &[]).status, 200);
    assert_eq!(all.get("/api/buckets").status, 401, "signed out");
    let log = std::fs::read_to_string(served.home.dir.join("gateway.log")).unwrap_or_default();
    assert!(!log.contains(&served.key.secret_key), "a secret in the log");
    let acts = served.home.say(&["log", "export"]).well().out;
    let by = format!("page {}", served.key.access_key);
    assert!(acts.contains(&by) && !acts.contains(&served.key.secret_key));
}

#[test]
fn a_page_gives_releases_with_what_their_signature_is_over_and_shows_drills() {
    // Goal: the browser can check a release by itself, and a drill is seen. Method: a release
    // published and rehearsed in the gateway's home; the manifest, held to the key by our verifier.
    let served = Served::start_with(town(), "papers", &["--page", "127.0.0.1:0"]);
    let page = served.page.clone().expect("a page");
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let tree = served.dir("tree");
    std::fs::write(tree.join("a <b>.txt"), "text").expect("written");
    let (tree, out) = (text(tree), text(served.home.dir.join("out")));
    let shape = ["--data", "2", "--parity", "2", "--days", "1", "--json"];
    let publish = [
        "publish",
        &tree,
        "--out",
        &out,
        "--name",
        "site",
        "--version",
        "1",
    ];
    let done: Value = served.home.say(&[&publish[..], &shape].concat()).json();
    let release = done["release"].as_str().expect("a release").to_owned();
    served.home.say(&["gateway", "show", &release]).well();
    let (key, into) = (format!("{out}/publish.pub"), text(served.dir("scratch")));
    let drill = ["rehearse", &release, "--key", &key, "--into", &into];
    served.home.say(&drill).well();

    let mut all = Browser::new(&served, &page);
    all.sign_in(&served.key);
    let told = all.get("/api/releases").json();
    assert_eq!(told["releases"][0]["name"], "site", "{told}");
    let paper = all.get("/api/release?name=site&version=1").json();
    let manifest = paper["manifest"].as_str().expect("a manifest");
    let published = std::fs::read_to_string(format!("{out}/manifest.json")).expect("there");
    assert_eq!(manifest, published, "the bytes that were signed");
    let signature = std::fs::read_to_string(format!("{out}/manifest.json.sig")).expect("there");
    assert_eq!(paper["signature"], signature.as_str());
    let file = all.get("/api/file?name=site&version=1&path=a+%3Cb%3E.txt");
    assert_eq!((file.status, file.body.as_slice()), (200, &b"text"[..]));
    let block = ["gateway", "block", "site/1/a <b>.txt", "--why", "order 3"];
    served.home.say(&block).well();
    let blocked = all.get("/api/file?name=site&version=1&path=a+%3Cb%3E.txt");
    assert_eq!(blocked.status, 451);
    let drills = all.get("/api/drills").json();
    assert_eq!(drills["drills"][0]["passed"], true, "{drills}");
    assert_eq!(drills["drills"][0]["signature"], "good", "{drills}");
}
