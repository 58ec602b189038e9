//! Goal: replies of the kernel read as they are, and no bytes at all panic. Method: messages built
//! by hand from the layouts, and arbitrary bytes (proptest).

use super::*;
use proptest::prelude::*;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let len = u32::try_from(HEADER + body.len()).unwrap();
    bytes.extend(len.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(0_u16.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.extend(body);
    bytes.resize(aligned(bytes.len()), 0);
    bytes
}

fn table_body(family: u8, entries: u32, config: bool) -> Vec<u8> {
    let mut body = vec![family, 0, 0, 0];
    body.extend(attribute(1, b"arp_cache\0"));
    for (kind, value) in [(2, 128_u32), (3, 512), (4, 1024)] {
        body.extend(attribute(kind, &value.to_ne_bytes()));
    }
    if config {
        let mut value = vec![0; 32];
        value[4..8].copy_from_slice(&entries.to_ne_bytes());
        body.extend(attribute(5, &value));
    }
    let stats: Vec<u8> = (0..11_u64).flat_map(|n| (n + 100).to_ne_bytes()).collect();
    body.extend(attribute(7, &stats));
    body
}

fn entry_body(family: u8, interface: u32, state: u16, flags: u8) -> Vec<u8> {
    let mut body = vec![family, 0, 0, 0];
    body.extend(interface.to_ne_bytes());
    body.extend(state.to_ne_bytes());
    body.extend([flags, 1]);
    body
}

#[test]
fn a_default_block_reads_with_its_thresholds_and_counters() {
    let mut reply = message(RTM_NEWNEIGHTBL, 7, &table_body(2, 1025, true));
    reply.extend(message(RTM_NEWNEIGHTBL, 7, &table_body(2, 0, false)));
    reply.extend(message(NLMSG_DONE, 7, &[0; 4]));
    let read: Vec<Message> = messages(&reply, 7).collect();
    let table = Table {
        family: Family::V4,
        entries: 1025,
        thresholds: [128, 512, 1024],
        stats: Stats {
            allocs: 100,
            res_failed: 103,
            forced_gc_runs: 109,
            table_fulls: 110,
        },
    };
    assert_eq!(read, [Message::Table(table), Message::Done]);
}

#[test]
fn entries_tell_whether_the_limits_count_them() {
    let mut reply = message(RTM_NEWNEIGH, 1, &entry_body(2, 3, NUD_PERMANENT, 0));
    reply.extend(message(
        RTM_NEWNEIGH,
        1,
        &entry_body(10, 3, 2, NTF_EXT_LEARNED),
    ));
    reply.extend(message(RTM_NEWNEIGH, 1, &entry_body(2, 4, NUD_FAILED, 0)));
    reply.extend(message(RTM_NEWNEIGH, 1, &entry_body(7, 4, NUD_FAILED, 0)));
    let read: Vec<Message> = messages(&reply, 1).collect();
    let exempt: Vec<bool> = read
        .iter()
        .map(|message| matches!(message, Message::Entry(entry) if entry.is_exempt()))
        .collect();
    assert_eq!(exempt, [true, true, false]);
}

#[test]
fn a_refusal_carries_its_errno() {
    let reply = message(NLMSG_ERROR, 5, &(-1_i32).to_ne_bytes());
    assert_eq!(
        messages(&reply, 5).collect::<Vec<_>>(),
        [Message::Refused(1)]
    );
}

#[test]
fn replies_to_another_question_are_passed_over() {
    let reply = message(NLMSG_DONE, 4, &[0; 4]);
    assert_eq!(messages(&reply, 5).count(), 0);
}

#[test]
fn a_length_below_the_header_ends_the_walk() {
    let mut reply = message(NLMSG_DONE, 5, &[0; 4]);
    reply[0] = 3;
    assert_eq!(messages(&reply, 5).count(), 0);
}

#[test]
fn a_request_is_a_dump_of_both_families() {
    let bytes = request(Ask::Tables, 9);
    assert_eq!(bytes.len(), HEADER + TABLE_HEADER);
    assert_eq!(u32_at(&bytes, 0), Some(20));
    assert_eq!(u16_at(&bytes, 4), Some(RTM_GETNEIGHTBL));
    assert_eq!(u16_at(&bytes, 6), Some(NLM_F_REQUEST | NLM_F_DUMP));
    assert_eq!(u32_at(&bytes, 8), Some(9));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..4096), sequence in 0_u32..4) {
        let count = messages(&bytes, sequence).count();
        prop_assert!(count <= bytes.len() / HEADER);
    }

    #[test]
    fn no_damage_to_a_true_reply_panics(
        at in 0_usize..400,
        byte in any::<u8>(),
        cut in 0_usize..400,
    ) {
        let mut reply = message(RTM_NEWNEIGHTBL, 7, &table_body(10, 9, true));
        reply.extend(message(RTM_NEWNEIGH, 7, &entry_body(2, 1, 1, 0)));
        if let Some(place) = reply.get_mut(at) {
            *place = byte;
        }
        reply.truncate(reply.len().saturating_sub(cut));
        prop_assert!(messages(&reply, 7).count() <= 2 + reply.len() / HEADER);
    }
}
