//! Puts over a start: what a row says is there is there, what it does not is cut off; bounds.

use super::*;

const ROOM: u64 = 100;

fn order(length: u64) -> Order {
    serde_json::from_str(&format!(r#"{{"name":"a.bin","length":{length}}}"#)).unwrap()
}

fn open(dir: &Path) -> Arc<Puts> {
    Arc::new(Puts::open(dir, ROOM).unwrap())
}

fn id(number: usize) -> String {
    format!("{number:032x}")
}

#[tokio::test]
async fn what_came_after_the_row_is_cut_off_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let puts = open(dir.path());
    let one = puts.begin(id(1), order(9), 5).await.unwrap();
    let body = puts.body_of(&one);
    std::fs::write(&body, b"1234").unwrap();
    let turn = one.turn().await;
    puts.change(&one, &turn, |row| row.received = 4)
        .await
        .unwrap();
    std::fs::write(&body, b"123456").unwrap();
    std::fs::create_dir(dir.path().join(id(9))).unwrap();
    std::fs::write(dir.path().join("x.new"), b"").unwrap();
    std::fs::write(dir.path().join(format!("{}.json", id(7))), b"{").unwrap();
    let puts = open(dir.path());
    let one = puts.get(&id(1)).unwrap();
    assert_eq!(
        (one.row().received, std::fs::read(&body).unwrap()),
        (4, b"1234".to_vec())
    );
    assert!(!dir.path().join(id(9)).exists() && !dir.path().join("x.new").exists());
    assert!(puts.get(&id(7)).is_err() && dir.path().join(format!("{}.json", id(7))).exists());
    let turn = one.turn().await;
    assert!(one.try_turn().is_none());
    puts.forget(&one, &turn).await.unwrap();
    assert!(puts.get(&id(1)).is_err() && !body.exists());
    assert!(open(dir.path()).all().is_empty());
}

#[tokio::test]
async fn puts_and_their_room_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let puts = open(dir.path());
    let first = puts.begin(id(0), order(60), 5).await.unwrap();
    let refused = puts.begin(id(1), order(41), 5).await.err().unwrap();
    assert_eq!(refused.trouble.code, "spool-full");
    puts.begin(id(1), order(40), 5).await.unwrap();
    let turn = first.turn().await;
    puts.change(&first, &turn, |row| row.whole = true)
        .await
        .unwrap();
    for number in 2..=OPEN_MAX {
        let mut all = puts.locked();
        let one = One::new(id(number), Row::new(order(1), 5));
        all.insert(id(number), one);
    }
    let refused = puts.begin(id(9999), order(1), 5).await.err().unwrap();
    assert_eq!(refused.trouble.code, "too-many-puts");
    for odd in ["", "..", "../../etc/passwd", &"f".repeat(99)] {
        assert_eq!(puts.get(odd).err().unwrap().trouble.code, "put-unknown");
    }
}
