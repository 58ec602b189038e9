//! Goal: the two ways to a lost piece give the same bytes. Method: both are run on the same
//! pieces, for shapes on both sides of the code's two rates and for wide stripes.

use super::{Leopard, put};

fn both_ways(data: usize, parity: usize, len: usize, lost: &[usize]) {
    let stripe: Vec<u8> = (0..(data * len) as u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 19) as u8)
        .collect();
    let mut leopard = Leopard::new(data, parity);
    let originals: Vec<&[u8]> = stripe.chunks_exact(len).collect();
    let mut tail = vec![0; parity * len];
    leopard.encode(&originals, len, &mut tail).unwrap();
    let all: Vec<&[u8]> = originals
        .into_iter()
        .chain(tail.chunks_exact(len))
        .collect();
    let given = |index: usize| (!lost.contains(&index)).then_some(all[index]);
    let pieces: Vec<_> = (0..data + parity).map(given).collect();
    let used: Vec<usize> = (0..data + parity)
        .filter(|i| !lost.contains(i))
        .take(data)
        .collect();
    let matrix = leopard.ask(&used, lost).unwrap();
    let (mut short, mut long) = (vec![0; lost.len() * len], vec![0; lost.len() * len]);
    let lanes = super::Lanes::new();
    matrix
        .apply(&lanes, &pieces, len, &mut |at, start, run| {
            put(&mut short, at * len + start, run)
        })
        .unwrap();
    leopard
        .transform(&pieces, len, lost, &mut |at, start, run| {
            put(&mut long, at * len + start, run)
        })
        .unwrap();
    let truth: Vec<u8> = lost
        .iter()
        .flat_map(|index| all[*index].iter().copied())
        .collect();
    assert!(long == truth, "transforms, {data}+{parity}, lost {lost:?}");
    assert!(short == truth, "matrix, {data}+{parity}, lost {lost:?}");
}

#[test]
fn the_matrix_and_the_transforms_give_the_same_pieces() {
    both_ways(10, 20, 16_448, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    both_ways(10, 20, 4160, &[29, 3, 12]);
    both_ways(1, 1, 64, &[0]);
    both_ways(1, 1, 8192, &[1]);
    both_ways(16, 4, 5000 / 64 * 64, &[0, 5, 17, 19]);
    both_ways(33, 3, 640, &[32, 31, 0]);
    both_ways(20, 40, 640, &[59, 0, 19, 20]);
    both_ways(100, 156, 256, &[0, 99, 100, 255]);
    both_ways(500, 500, 64, &[0, 999]);
}

#[test]
fn the_matrix_is_taken_for_few_pieces_and_long_ones() {
    let leopard = Leopard::new(10, 20);
    assert!(leopard.matrix_pays(10, 262_144));
    assert!(leopard.matrix_pays(1, 512));
    assert!(!leopard.matrix_pays(1, 64));
    assert!(!Leopard::new(100, 156).matrix_pays(100, 262_144));
}

#[test]
fn another_loss_takes_another_matrix() {
    let mut leopard = Leopard::new(2, 2);
    let (a, b) = (vec![1; 1024], vec![2; 1024]);
    let mut parity = vec![0; 2048];
    leopard.encode(&[&a, &b], 1024, &mut parity).unwrap();
    let (c, d) = parity.split_at(1024);
    for pieces in [
        [None, Some(b.as_slice()), Some(c), None],
        [None, Some(&b), None, Some(d)],
    ] {
        let mut out = vec![0; 1024];
        leopard
            .rebuild(&pieces, 1024, &[0], |_, start, run| {
                put(&mut out, start, run)
            })
            .unwrap();
        assert_eq!(out, a);
    }
}
