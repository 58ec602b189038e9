//! Goal: any `data` pieces give the stripe and every other piece back, and cutting into runs
//! does not show. Method: fixed cases; the wider properties and the vectors are in tests/.

use super::Coder;
use crate::Error;
use host_core::Blame;
use host_core::geometry::{Codec, Geometry};

const CODECS: [Codec; 2] = [Codec::Leopard16, Codec::Matrix8];

fn geometry(data: u16, parity: u16, piece_len: u32) -> Geometry {
    let segment_len = u64::from(data) * u64::from(piece_len);
    Geometry {
        codec: Codec::Leopard16,
        data,
        parity,
        piece_len,
        segment_len,
    }
}

fn coder(codec: Codec, data: u16, parity: u16, piece_len: u32) -> Coder {
    let geometry = geometry(data, parity, piece_len);
    Coder::new(&Geometry { codec, ..geometry }).unwrap()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8)
        .collect()
}

#[test]
fn runs_give_the_bytes_of_one_call_a_piece() {
    for (data, parity, len) in [
        (10, 20, 100_032),
        (2, 3, 64),
        (20, 7, 16_448),
        (3, 3, 49_152),
    ] {
        let mut coder = Coder::new(&geometry(data, parity, len)).unwrap();
        let stripe = bytes(usize::from(data) * len as usize);
        let mut rest = Vec::new();
        let ours = coder.encode_stripe(&stripe, &mut rest).unwrap();
        let (data, parity) = (usize::from(data), usize::from(parity));
        let whole =
            reed_solomon_simd::encode(data, parity, stripe.chunks_exact(len as usize)).unwrap();
        assert!(ours.iter().skip(data).eq(whole.iter().map(Vec::as_slice)));
    }
}

#[test]
fn whole_data_pieces_are_borrowed_and_the_last_is_padded() {
    for codec in CODECS {
        let mut coder = coder(codec, 4, 2, 128);
        let stripe = bytes(3 * 128 + 5);
        let mut rest = vec![9; 4000];
        let pieces = coder.encode_stripe(&stripe, &mut rest).unwrap();
        assert_eq!((pieces.piece_len(), pieces.iter().count()), (128, 6));
        assert!(std::ptr::eq(pieces.get(2).unwrap().as_ptr(), &stripe[256]));
        assert_eq!(pieces.get(3).unwrap()[..5], stripe[384..]);
        assert_eq!(pieces.get(3).unwrap()[5..], [0; 123]);
        assert_eq!(pieces.get(6), None);
    }
}

#[test]
fn a_stripe_of_one_byte_comes_back_from_any_single_piece_that_holds_it() {
    for codec in CODECS {
        let mut coder = coder(codec, 4, 2, 128);
        let mut rest = Vec::new();
        let pieces: Vec<Vec<u8>> = coder
            .encode_stripe(&[7], &mut rest)
            .unwrap()
            .iter()
            .map(<[u8]>::to_vec)
            .collect();
        assert!(pieces.iter().all(|piece| piece.len() == 64));
        for given in [0, 4, 5] {
            let mut some = vec![None; 6];
            some[given] = Some(pieces[given].as_slice());
            let mut out = [0];
            coder.reconstruct_stripe(&some, &mut out).unwrap();
            assert_eq!(out, [7]);
        }
        assert!(coder.reconstruct_stripe(&[None; 6], &mut [0]).is_err());
    }
}

#[test]
fn every_lost_piece_can_be_rebuilt() {
    for codec in CODECS {
        let mut coder = coder(codec, 5, 7, 192);
        let stripe = bytes(700);
        let mut rest = Vec::new();
        let pieces: Vec<Vec<u8>> = coder
            .encode_stripe(&stripe, &mut rest)
            .unwrap()
            .iter()
            .map(<[u8]>::to_vec)
            .collect();
        for shift in 0..12 {
            let given = |i: usize| (i + shift) % 12 < 5;
            let some: Vec<_> = (0..12)
                .map(|i| given(i).then_some(pieces[i].as_slice()))
                .collect();
            let wanted: Vec<usize> = (0..12).rev().collect();
            let mut out = Vec::new();
            coder.rebuild_pieces(&some, &wanted, &mut out).unwrap();
            for (place, piece) in out.chunks_exact(192).enumerate() {
                assert_eq!(piece, pieces[wanted[place]], "piece {}", wanted[place]);
            }
            coder.rebuild_piece(&some, 11, &mut out).unwrap();
            assert_eq!(out, pieces[11]);
        }
    }
}

#[test]
fn columns_can_be_rebuilt_alone() {
    for codec in CODECS {
        let mut coder = coder(codec, 3, 3, 192);
        let stripe = bytes(576);
        let mut rest = Vec::new();
        let pieces = coder.encode_stripe(&stripe, &mut rest).unwrap();
        let mut some: Vec<_> = pieces.iter().map(|piece| Some(&piece[64..128])).collect();
        some[1] = None;
        let mut out = Vec::new();
        coder.rebuild_piece(&some, 1, &mut out).unwrap();
        assert_eq!(out, stripe[192 + 64..192 + 128]);
    }
}

#[test]
fn wrong_shapes_are_refused_with_their_numbers() {
    for codec in CODECS {
        let mut coder = coder(codec, 2, 2, 128);
        let mut rest = Vec::new();
        let long = bytes(257);
        let found = coder.encode_stripe(&long, &mut rest).err();
        assert_eq!(
            found,
            Some(Error::StripeLength {
                have: 257,
                max: 256
            })
        );
        assert!(coder.encode_stripe(&[], &mut rest).is_err());
        let piece = bytes(128);
        let short = &piece[..64];
        let mut out = [0; 256];
        let found = coder.reconstruct_stripe(&[Some(&piece), None, None], &mut out);
        assert_eq!(found, Err(Error::PieceCount { need: 4, have: 3 }));
        let found = coder.reconstruct_stripe(&[Some(&piece), None, Some(short), None], &mut out);
        assert_eq!(
            found,
            Err(Error::PieceLength {
                index: 2,
                need: 128,
                have: 64
            })
        );
        let found = coder.reconstruct_stripe(&[None, None, Some(&piece), None], &mut out);
        assert_eq!(found, Err(Error::TooFew { need: 2, have: 1 }));
        let found = coder.rebuild_piece(&[Some(&piece), Some(&piece), None, None], 4, &mut rest);
        assert_eq!(found, Err(Error::PieceIndex { index: 4, total: 4 }));
        let odd = &piece[..100];
        let found = coder.rebuild_piece(&[Some(odd), Some(odd), None, None], 3, &mut rest);
        assert_eq!(
            found,
            Err(Error::PieceLength {
                index: 0,
                need: 64,
                have: 100
            })
        );
        assert!(coder.rebuild_piece(&[None; 4], 3, &mut rest).is_err());
    }
}

#[test]
fn a_geometry_of_no_data_has_no_coder() {
    let none = geometry(0, 2, 64);
    let found = Coder::new(&none).err().expect("refused");
    assert!(matches!(found, Error::Geometry(_)));
    assert_eq!(found.blame(), Blame::Peer);
}

#[test]
fn a_coder_may_move_between_threads() {
    fn moves<T: Send>(_: &T) {}
    moves(&Coder::new(&Geometry::standard()).unwrap());
}
