//! Goal: a segment comes back from any `data` shards, and every lost shard can be made again,
//! over geometries, lengths and losses. Method: whole segments through the public doors only;
//! random losses and the worst one (every data shard); byte ranges against the plain bytes.

use host_core::geometry::{Codec, Geometry};
use host_erasure::{Coder, Stripes};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq};
use proptest::proptest;
use proptest::sample::select;

const CODECS: [Codec; 2] = [Codec::Leopard16, Codec::Matrix8];
const COUNTS: [(u16, u16); 12] = [
    (1, 1),
    (1, 7),
    (2, 1),
    (3, 5),
    (4, 4),
    (5, 3),
    (10, 20),
    (16, 4),
    (17, 15),
    (20, 40),
    (29, 51),
    (33, 32),
];

fn geometry(codec: Codec, (data, parity): (u16, u16), piece_len: u32, stripes: u64) -> Geometry {
    let segment_len = u64::from(data) * u64::from(piece_len) * stripes;
    Geometry {
        codec,
        data,
        parity,
        piece_len,
        segment_len,
    }
}

/// Numbers that look random and follow from `seed`.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed ^ 0x9E37_79B9_7F4A_7C15 | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }
}

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut next = numbers(seed);
    (0..len).map(|_| next() as u8).collect()
}

/// The shards of a segment, made stripe by stripe.
fn shards(geometry: &Geometry, segment: &[u8]) -> Vec<Vec<u8>> {
    let mut coder = Coder::new(geometry).expect("an allowed geometry and enough pieces");
    let mut shards = vec![Vec::new(); geometry.total().into()];
    let mut rest = Vec::new();
    for stripe in
        Stripes::of(geometry, segment.len() as u64).expect("an allowed geometry and enough pieces")
    {
        let from = stripe.offset as usize;
        let pieces = coder
            .encode_stripe(&segment[from..from + stripe.len], &mut rest)
            .expect("an allowed geometry and enough pieces");
        assert_eq!(pieces.piece_len(), stripe.piece_len);
        for (shard, piece) in shards.iter_mut().zip(pieces.iter()) {
            assert_eq!(shard.len() as u64, stripe.shard_offset);
            shard.extend_from_slice(piece);
        }
    }
    shards
}

/// The segment from the shards that are kept; the others are then made again as well.
fn read_back(geometry: &Geometry, len: usize, shards: &[Option<&[u8]>]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut coder = Coder::new(geometry).expect("an allowed geometry and enough pieces");
    let mut segment = vec![0; len];
    let lost: Vec<usize> = (0..shards.len())
        .filter(|index| shards[*index].is_none())
        .collect();
    let mut made = vec![Vec::new(); lost.len()];
    let mut out = Vec::new();
    for stripe in Stripes::of(geometry, len as u64).expect("an allowed geometry and enough pieces")
    {
        let at = stripe.shard_offset as usize;
        let piece = at..at + stripe.piece_len;
        let pieces: Vec<Option<&[u8]>> = shards
            .iter()
            .map(|shard| shard.map(|bytes| &bytes[piece.clone()]))
            .collect();
        let from = stripe.offset as usize;
        coder
            .reconstruct_stripe(&pieces, &mut segment[from..from + stripe.len])
            .expect("an allowed geometry and enough pieces");
        coder
            .rebuild_pieces(&pieces, &lost, &mut out)
            .expect("an allowed geometry and enough pieces");
        for (shard, piece) in made.iter_mut().zip(out.chunks_exact(stripe.piece_len)) {
            shard.extend_from_slice(piece);
        }
    }
    (segment, made)
}

/// Keeps `count` of `total` places, chosen by `seed`.
fn keep(total: usize, count: usize, seed: u64) -> Vec<bool> {
    let mut order: Vec<usize> = (0..total).collect();
    let mut next = numbers(seed);
    for place in (1..total).rev() {
        order.swap(place, (next() % (place as u64 + 1)) as usize);
    }
    let mut kept = vec![false; total];
    order
        .iter()
        .take(count)
        .for_each(|index| kept[*index] = true);
    kept
}

fn any_data_shards_are_enough(geometry: &Geometry, segment: &[u8], kept: &[bool]) {
    let shards = shards(geometry, segment);
    for shard in &shards {
        assert_eq!(shard.len() as u64, geometry.shard_len(segment.len() as u64));
    }
    let some: Vec<Option<&[u8]>> = shards
        .iter()
        .zip(kept)
        .map(|(shard, kept)| kept.then_some(shard.as_slice()))
        .collect();
    let (back, made) = read_back(geometry, segment.len(), &some);
    assert!(
        back == segment,
        "{geometry:?}, {} bytes, kept {kept:?}",
        segment.len()
    );
    let lost = shards
        .iter()
        .zip(kept)
        .filter(|(_, kept)| !**kept)
        .map(|(shard, _)| shard);
    assert!(
        lost.eq(made.iter()),
        "{geometry:?}, {} bytes, kept {kept:?}",
        segment.len()
    );
}

#[test]
fn the_loss_of_every_data_shard_is_survived() {
    for counts in COUNTS
        .into_iter()
        .chain([(100, 156)])
        .filter(|(data, parity)| parity >= data)
    {
        for codec in CODECS {
            let geometry = geometry(codec, counts, 192, 2);
            let segment = bytes(7, geometry.segment_len as usize - 5);
            let total = usize::from(geometry.total());
            let data = usize::from(geometry.data);
            // The parity shards from the first on, then those up to the last.
            for from in [data, total - data] {
                let kept: Vec<bool> = (0..total)
                    .map(|i| (from..from + data).contains(&i))
                    .collect();
                any_data_shards_are_enough(&geometry, &segment, &kept);
            }
        }
    }
}

#[test]
fn wide_and_long_stripes_come_back_too() {
    let shapes = [
        ((100, 156), 2112),
        ((1, 255), 64),
        ((255, 1), 64),
        ((128, 128), 320),
        ((512, 512), 64),
        ((1, 1023), 64),
        ((1023, 1), 64),
        ((600, 424), 128),
        ((511, 513), 64),
        ((10, 20), 65_536),
    ];
    let coded = |codec| shapes.into_iter().map(move |shape| (codec, shape));
    for (codec, (counts, piece_len)) in CODECS.into_iter().flat_map(coded) {
        let geometry = geometry(codec, counts, piece_len, 1);
        if geometry.check().is_err() {
            // The 8-bit code ends at 256 shards.
            continue;
        }
        let segment = bytes(3, geometry.segment_len as usize - 60);
        let total = usize::from(geometry.total());
        let kept = keep(total, geometry.data.into(), 11);
        any_data_shards_are_enough(&geometry, &segment, &kept);
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn shapes() -> impl Strategy<Value = Geometry> {
    let piece_len = select(vec![64_u32, 128, 192, 1024, 4160]);
    let codec = select(CODECS.to_vec());
    (codec, select(COUNTS.to_vec()), piece_len, 1..4_u64)
        .prop_map(|(codec, counts, piece_len, stripes)| geometry(codec, counts, piece_len, stripes))
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn any_data_shards_give_segment_and_lost_shards(
        geometry in shapes(),
        len in any::<u64>(),
        seed in any::<u64>(),
    ) {
        let segment = bytes(seed, (len % geometry.segment_len) as usize + 1);
        let kept = keep(geometry.total().into(), geometry.data.into(), seed);
        any_data_shards_are_enough(&geometry, &segment, &kept);
    }

    #[test]
    fn one_shard_too_few_is_refused_and_never_guessed(
        geometry in shapes(),
        seed in any::<u64>(),
    ) {
        let segment = bytes(seed, geometry.stripe_len() as usize);
        let shards = shards(&geometry, &segment);
        let kept = keep(geometry.total().into(), usize::from(geometry.data) - 1, seed);
        let piece = |(shard, kept): (&Vec<u8>, bool)| kept.then(|| shard.clone());
        let pieces: Vec<Option<Vec<u8>>> = shards.iter().zip(kept).map(piece).collect();
        let pieces: Vec<Option<&[u8]>> = pieces.iter().map(Option::as_deref).collect();
        let mut coder = Coder::new(&geometry).unwrap();
        let mut out = vec![0; segment.len()];
        prop_assert!(coder.reconstruct_stripe(&pieces, &mut out).is_err());
        prop_assert!(coder.rebuild_piece(&pieces, 0, &mut out).is_err());
    }

    #[test]
    fn a_byte_range_is_read_from_its_runs_alone(
        geometry in shapes(),
        len in any::<u64>(),
        (a, b) in (any::<u64>(), any::<u64>()),
        seed in any::<u64>(),
    ) {
        let segment = bytes(seed, (len % geometry.segment_len) as usize + 1);
        let shards = shards(&geometry, &segment);
        let len = segment.len() as u64;
        let (start, end) = ((a % len).min(b % len), (a % len).max(b % len) + 1);
        let mut read = Vec::new();
        let layout = Stripes::of(&geometry, len).unwrap();
        for run in layout.covering(start, end).unwrap().flat_map(|span| span.runs()) {
            prop_assert_eq!(run.segment_offset, start + read.len() as u64);
            let from = run.shard_offset as usize;
            read.extend_from_slice(&shards[run.shard][from..from + run.len]);
        }
        prop_assert!(read == segment[start as usize..end as usize]);
    }

    #[test]
    fn a_missing_run_is_rebuilt_from_columns_alone(
        geometry in shapes(),
        at in any::<u64>(),
        seed in any::<u64>(),
    ) {
        let segment = bytes(seed, geometry.segment_len as usize);
        let shards = shards(&geometry, &segment);
        let start = at % segment.len() as u64;
        let layout = Stripes::of(&geometry, segment.len() as u64).unwrap();
        let span = layout.covering(start, start + 1).unwrap().next().unwrap();
        let run = span.runs().next().unwrap();
        let columns = span.columns();
        let base = span.stripe.shard_offset as usize;
        let cut = |shard: &Vec<u8>| shard[base + columns.start..base + columns.end].to_vec();
        let held: Vec<Vec<u8>> = shards.iter().map(cut).collect();
        let mut pieces: Vec<Option<&[u8]>> = held.iter().map(|run| Some(run.as_slice())).collect();
        pieces[run.shard] = None;
        let mut out = Vec::new();
        Coder::new(&geometry).unwrap().rebuild_piece(&pieces, run.shard, &mut out).unwrap();
        let within = run.shard_offset as usize - base - columns.start;
        prop_assert_eq!(out[within], segment[start as usize]);
    }
}
