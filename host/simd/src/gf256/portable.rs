//! The specification of a product, and what is left of a row after the last whole vector: a table
//! look-up for every byte and factor.

use std::ops::Range;

use super::field::PRODUCTS;

/// Writes `outputs` within `span`; `rows` holds a row of `inputs.len()` factors for each.
pub(super) fn group(rows: &[u8], inputs: &[&[u8]], outputs: &mut [&mut [u8]], span: Range<usize>) {
    if span.is_empty() {
        return;
    }
    for (output, row) in outputs.iter_mut().zip(rows.chunks(inputs.len().max(1))) {
        let Some(sum) = output.get_mut(span.clone()) else {
            continue;
        };
        sum.fill(0);
        for (input, factor) in inputs.iter().zip(row) {
            let products = &PRODUCTS[usize::from(*factor)];
            let bytes = input.get(span.clone()).unwrap_or_default();
            for (sum, byte) in sum.iter_mut().zip(bytes) {
                *sum ^= products[usize::from(*byte)];
            }
        }
    }
}
