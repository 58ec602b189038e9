//! Goal: whatever may be missing, the bytes are right. Method: a coded segment of pieces that are
//! no whole units; ranges over every boundary, fetched exactly as planned, with each set of shards
//! lost that leaves enough.

use std::io::Write;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use host_core::geometry::{Codec, Geometry};

use super::super::plan::{self, Part};
use super::{Runs, Sink, join};
use crate::cipher::{CHUNK, Cipher, TAG};
use crate::encode;

fn geometry(codec: Codec) -> Geometry {
    Geometry {
        codec,
        data: 3,
        parity: 2,
        piece_len: 98_304,
        segment_len: 700_000,
    }
}

fn segment(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 257) as u8).collect()
}

/// The runs a plan asks for when `lost` shards are not there; none when too few are left.
fn fetched(
    geometry: &Geometry,
    len: u64,
    range: &Range<u64>,
    shards: &[Vec<u8>],
    lost: u32,
) -> Option<Runs> {
    let mut need = plan::need(geometry, len, range).expect("holds");
    let mut runs = Runs::default();
    let there = |index: usize| lost & (1 << index) == 0;
    let cut = |index: usize, run: &Range<u64>| {
        shards[index][run.start as usize..run.end as usize].to_vec()
    };
    for (index, run) in need.each.iter().filter(|(index, _)| there(**index)) {
        runs.add(*index, run.start, cut(*index, run));
    }
    let each = need.each.iter();
    if !need.each.is_empty() && each.clone().all(|(i, run)| runs.get(*i, run).is_some()) {
        return Some(runs);
    }
    need.allow_any(|index, run| runs.get(index, run).is_some());
    let any = need.any.clone().expect("allowed");
    let others = (0..shards.len()).filter(|i| there(*i) && !need.zeros.contains(i));
    for index in others {
        if runs.count(&any) < need.enough && runs.get(index, &any).is_none() {
            runs.add(index, any.start, cut(index, &any));
        }
    }
    (runs.count(&any) >= need.enough).then_some(runs)
}

#[test]
fn every_range_is_right_whichever_shards_are_lost() {
    for codec in [Codec::Leopard16, Codec::Matrix8] {
        every_range_is_right(&geometry(codec));
    }
}

fn every_range_is_right(geometry: &Geometry) {
    for len in [700_000_usize, 300_001, 294_912, 100_000, 70, 1] {
        let plain = segment(len);
        let coded = encode::code(geometry, &plain, Vec::new()).expect("holds");
        let shards: Vec<Vec<u8>> = coded.shards.into_iter().map(|(_, bytes)| bytes).collect();
        let edges = [
            0, 1, 63, 65_536, 98_303, 98_304, 196_608, 294_912, 400_001, 700_000,
        ];
        let edges: Vec<usize> = edges.into_iter().filter(|edge| *edge <= len).collect();
        let ranges = edges
            .iter()
            .flat_map(|a| edges.iter().map(move |b| (*a, *b)));
        for (from, to) in ranges.chain([(0, len)]).filter(|(a, b)| a < b) {
            let range = from as u64..to as u64;
            for lost in (0..32_u32).filter(|lost| lost.count_ones() <= 2) {
                let runs = fetched(geometry, len as u64, &range, &shards, lost);
                let runs = runs.expect("two may be lost");
                let got = join(geometry, len as u64, &range, &runs).expect("holds");
                assert!(got == plain[from..to], "{len}: {range:?} without {lost:b}");
            }
        }
    }
}

#[test]
fn a_run_that_is_not_there_is_an_error_and_no_wrong_byte() {
    let geometry = geometry(Codec::Matrix8);
    assert!(join(&geometry, 700_000, &(0..10), &Runs::default()).is_err());
}

struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("holds").extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn chunks_open_only_in_their_place_and_only_wanted_bytes_are_written() {
    let cipher = Cipher::new(&[1; 32], [2; 7]);
    let plain = segment(CHUNK * 2 + 100);
    let sealed = encode::seal(&cipher, 5, true, &plain);
    let mut part = Part {
        number: 0,
        segment_len: sealed.len() as u64,
        sealed: 0..sealed.len() as u64,
        first_chunk: 5,
        wanted: CHUNK - 3..CHUNK * 2 + 7,
    };
    let out = Arc::new(Mutex::new(Vec::new()));
    let mut sink = Sink::new(Box::new(Page(Arc::clone(&out))));
    sink.write_part(&part, Some(&cipher), 8, sealed.clone())
        .expect("opens");
    assert_eq!(*out.lock().expect("holds"), plain[CHUNK - 3..CHUNK * 2 + 7]);
    assert_eq!(sink.finish().expect("holds").bytes, CHUNK as u64 + 10);
    let mut sink = Sink::new(Box::new(Page(out)));
    let cut = sealed[..CHUNK + TAG].to_vec();
    assert!(
        sink.write_part(&part, Some(&cipher), 6, cut).is_err(),
        "not the last"
    );
    part.first_chunk = 6;
    assert!(
        sink.write_part(&part, Some(&cipher), 8, sealed).is_err(),
        "moved"
    );
}
