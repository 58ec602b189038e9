//! Every bound of the program with its reason. Assertions at the end tie the bounds to each other,
//! so that a change that breaks a relation does not compile.

use std::time::Duration;

/// Bytes of one leaf of the proof tree. 256 bytes keeps the calldata of a chain proof small while
/// a tree builds 2.7 times faster than with 64-byte leaves.
pub const LEAF_LEN: usize = 256;
/// Bytes of one verified unit: the footer keeps the tree from here up, a smaller read costs one.
pub const UNIT_LEN: usize = 64 * 1024;
/// Bytes of the largest shard. Bounds a segment, and with it memory, whatever the object's size.
pub const SHARD_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of one piece by default: 128 KiB to 1 MiB is the plateau of coding speed.
pub const PIECE_LEN: u32 = 256 * 1024;
/// Pieces are cut in steps of this many bytes (the coder works on 64-byte lanes).
pub const PIECE_STEP: u32 = 64;
/// Data shards of the default geometry.
pub const DATA_SHARDS: u16 = 10;
/// Parity shards of the default geometry.
pub const PARITY_SHARDS: u16 = 20;
/// Shards of the widest stripe any codec here makes.
pub const STRIPE_SHARDS_MAX: u16 = 1024;
/// Bytes of one segment's ciphertext by default: small enough that a renter holding two segments
/// stays under its memory bound, large enough that a host's shard is several pieces.
pub const SEGMENT_LEN: u64 = 40 * 1024 * 1024;

/// Bytes of one frame on a stream, its four length bytes not counted.
pub const FRAME_LEN_MAX: usize = 256 * 1024;
/// Bytes of shard body in one frame: two units, so that a frame ends on a verified boundary.
pub const BODY_LEN_MAX: usize = 128 * 1024;
/// Frames of one session that may wait between network and drive.
pub const FRAMES_IN_FLIGHT: usize = 3;
/// Upload sessions a host serves at once; each holds a few frames and one write buffer.
pub const UPLOADS_MAX: usize = 64;
/// Download sessions a host serves at once.
pub const DOWNLOADS_MAX: usize = 128;
/// Inbound streams a peer may have open at once.
pub const STREAMS_PER_PEER_MAX: usize = 64;
/// Longest silence inside a session before the other side is held dead.
pub const SESSION_IDLE: Duration = Duration::from_secs(30);
/// Longest wait for a connection to be made.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(8);
/// Established connections of one node.
pub const CONNECTIONS_MAX: u32 = 900;
/// Established connections to one peer.
pub const CONNECTIONS_PER_PEER_MAX: u32 = 4;

/// Bytes of an extent's header.
pub const EXTENT_HEADER_LEN: u64 = 4096;
/// Extents begin and end on multiples of this many bytes.
pub const EXTENT_ALIGN: u64 = 4096;
/// Bytes of one write to a volume.
pub const WRITE_LEN: usize = 1024 * 1024;
/// Writes of one shard that are in flight together.
pub const WRITES_IN_FLIGHT: usize = 2;

/// Facts that may wait for one group commit.
pub const COMMIT_QUEUE_MAX: usize = 1024;
/// Announcements in one page of a hub's answer; a page stays below one frame.
pub const HUB_PAGE_MAX: usize = 256;
/// Announcements a hub keeps.
pub const HUB_HOSTS_MAX: usize = 100_000;
/// How long an announcement counts without a newer one.
pub const ANNOUNCE_TTL: Duration = Duration::from_secs(600);
/// How often a host announces itself.
pub const ANNOUNCE_EVERY: Duration = Duration::from_secs(60);
/// Addresses one announcement carries.
pub const ADDRS_MAX: usize = 8;
/// Bytes of one stored record (descriptor, sealed secret or placement) on a host.
pub const RECORD_LEN_MAX: usize = 192 * 1024;
/// Records one owner may keep on one host.
pub const RECORDS_PER_OWNER_MAX: u64 = 65_536;
/// Hosts that keep an object's records.
pub const RECORD_COPIES_MIN: usize = 5;
/// Unpaid egress a host grants a downloader, in bytes.
pub const EGRESS_DEBT_MAX: u64 = 4 * 1024 * 1024;
/// Most bytes of reads a renter pays one host ahead: what it loses when the host turns bad.
pub const READ_AHEAD_MAX: u64 = 64 * 1024 * 1024;
/// Bytes a reader's account is charged before the charge is committed at the end of a run: a host
/// that is cut off forgets that much, and the runs under way.
pub const READ_UNSAVED_MAX: u64 = 1024 * 1024;
/// Readers whose accounts a host has at hand.
pub const READERS_MAX: usize = 4096;

/// Leaves one challenge may ask for: with their paths in the tallest tree they fit one frame.
pub const CHALLENGE_LEAVES_MAX: u32 = 64;
/// Leaves a host shows one guard in a minute: each costs a read of 64 KiB, so this is at most
/// 2 MiB/s. A guard that watches 100 shards an hour asks for a hundredth of it.
pub const CHALLENGE_LEAVES_PER_MINUTE: u32 = 2048;
/// Guards whose minutes a host remembers; who comes when all are taken waits for the next minute.
pub const CHALLENGERS_MAX: usize = 4096;
/// Longest time an answer to a challenge may take to count.
pub const CHALLENGE_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of one order that names a guard: the records of an object of some hundred GiB.
pub const ORDER_LEN_MAX: usize = 16 * 1024 * 1024;

const _: () = assert!(UNIT_LEN.is_multiple_of(LEAF_LEN));
const _: () = assert!((UNIT_LEN / LEAF_LEN).is_power_of_two());
const _: () = assert!(BODY_LEN_MAX.is_multiple_of(UNIT_LEN));
const _: () = assert!(BODY_LEN_MAX + 64 <= FRAME_LEN_MAX);
const _: () = assert!(RECORD_LEN_MAX + 4096 <= FRAME_LEN_MAX);
const _: () = assert!(SHARD_LEN_MAX as usize / UNIT_LEN * 32 + 4096 <= FRAME_LEN_MAX);
const _: () = assert!(WRITE_LEN.is_multiple_of(EXTENT_ALIGN as usize));
const _: () = assert!(PIECE_LEN.is_multiple_of(PIECE_STEP));
const _: () = assert!(SEGMENT_LEN / DATA_SHARDS as u64 <= SHARD_LEN_MAX);
const _: () = assert!(
    CHALLENGE_LEAVES_MAX as usize
        * (LEAF_LEN + 34 * (SHARD_LEN_MAX as usize / LEAF_LEN).ilog2() as usize)
        + 8192
        <= FRAME_LEN_MAX
);
