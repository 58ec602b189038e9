//! `kernels NAME TIMES`: one kernel over a fixed amount of work so many times and nothing else, for
//! tools that count instructions. Prints the bytes of one repetition.
#![expect(
    clippy::print_stdout,
    reason = "a figure for the program that started it"
)]

use std::hint::black_box;

use anyhow::{Context, bail};
use host_simd::{gf256, sha256};

const LEN: usize = 4096;
const DATA: usize = 10;
const PARITY: usize = 20;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, times] = words.as_slice() else {
        bail!("usage: kernels NAME TIMES");
    };
    let times: u32 = times.parse()?;
    let portable = name.ends_with("-portable");
    let bytes = if name.starts_with("encode") {
        let first = gf256::Kernel::all().next();
        let first = first.filter(|_| portable);
        encode(first.unwrap_or_else(gf256::Kernel::best), times)
    } else if name.starts_with("leaves") {
        let first = sha256::Kernel::all().next();
        let first = first.filter(|_| portable);
        leaves(first.unwrap_or_else(sha256::Kernel::best), times)
    } else {
        bail!("no kernel {name}");
    };
    println!("{}", bytes.context("something was done")?);
    Ok(())
}

fn encode(kernel: gf256::Kernel, times: u32) -> Option<usize> {
    let matrix: Vec<u8> = (0..DATA * PARITY).map(|i| (i * 7 + 1) as u8).collect();
    let product = gf256::Product::new(kernel, DATA, &matrix);
    let data = vec![3; DATA * LEN];
    let mut parity = vec![0; PARITY * LEN];
    let inputs: Vec<&[u8]> = data.chunks_exact(LEN).collect();
    for _ in 0..times {
        let mut outputs: Vec<&mut [u8]> = parity.chunks_exact_mut(LEN).collect();
        product.apply(black_box(&inputs), &mut outputs);
    }
    black_box(parity).first().map(|_| data.len())
}

fn leaves(kernel: sha256::Kernel, times: u32) -> Option<usize> {
    let leaves = vec![[5; 256]; 64];
    let mut digests = vec![[0; 32]; leaves.len()];
    for _ in 0..times {
        kernel.hash_each(black_box(&leaves), &mut digests);
    }
    black_box(digests).first().map(|_| leaves.len() * 256)
}
