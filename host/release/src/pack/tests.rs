//! Frames come back, in part too; what nobody vouches for is refused within its bounds.

use super::*;

fn frame(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = packer(Vec::new(), bytes.len() as u64).expect("begins");
    encoder.write_all(bytes).expect("takes");
    encoder.finish().expect("ends")
}

fn sample() -> Vec<u8> {
    (0..300_000_u32)
        .flat_map(|n| (n / 7).to_be_bytes())
        .collect()
}

#[test]
fn a_frame_comes_back_and_is_the_same_again() {
    let bytes = sample();
    let packed = frame(&bytes);
    assert!(packed.len() < bytes.len() / 2);
    assert_eq!(packed, frame(&bytes));
    assert!(unpack(&packed, bytes.len() as u64).expect("opens") == bytes);
    assert_eq!(unpack(&frame(b""), 0).expect("opens"), b"");
}

#[test]
fn a_range_is_cut_out_however_the_frame_comes() {
    let bytes = sample();
    let packed = frame(&bytes);
    for range in [
        0..1,
        5..70_000,
        299_999..300_002,
        1_199_999..1_200_000,
        7..7,
    ] {
        let mut out = Vec::new();
        let mut unpacker =
            Unpacker::new(&mut out, bytes.len() as u64, range.clone()).expect("begins");
        for run in packed.chunks(1009) {
            unpacker.write_all(run).expect("takes");
        }
        unpacker.flush().expect("ends");
        drop(unpacker);
        let range = range.start as usize..range.end as usize;
        assert!(out == bytes[range]);
    }
}

#[test]
fn a_frame_that_grows_beyond_its_word_is_refused() {
    // Goal: no bomb. Method: a gigabyte of zeros in some kilobytes, said to be a thousand; a
    // window wider than any of ours; frames cut at every place; noise.
    let mut bomb = packer(Vec::new(), 1 << 30).expect("begins");
    let zeros = vec![0; 1 << 20];
    for _ in 0..1024 {
        bomb.write_all(&zeros).expect("takes");
    }
    let bomb = bomb.finish().expect("ends");
    assert!(bomb.len() < 1 << 20);
    let refused = unpack(&bomb, 1000).expect_err("too long");
    assert!(refused.to_string().contains("longer"), "{refused}");
    let mut wide = Encoder::new(Vec::new(), 3).expect("begins");
    wide.set_parameter(CParameter::WindowLog(27)).expect("wide");
    wide.write_all(&zeros).expect("takes");
    let wide = wide.finish().expect("ends");
    unpack(&wide, 1 << 20).expect_err("too wide");
    let short = frame(&sample()[..4000]);
    for cut in 0..short.len() {
        unpack(&short[..cut], 4000).expect_err("cut off");
    }
    unpack(&sample(), 100).expect_err("no frame");
}
