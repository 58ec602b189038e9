//! Ten outputs at a time, vector by vector down the rows. Written once as a macro, because
//! functions of different instruction sets cannot share a generic body: what is compiled for one
//! set can only be inlined into code of the same set.
//!
//! One vector of each row at a time: with two, a factor would be read half as often, but the sums
//! and what is added to them no longer fit the registers (measured: a fifth slower). Vectors begin
//! where the rows' cache lines do. Rows are often a power of two apart and then share one set of
//! the cache; a line that two vectors share would be thrown out between them.
//!
//! The module that calls it provides `Vector`, `Operand`, `Factor`, `WIDTH` (bytes of a vector),
//! `zero`, `load`, `store`, `operand`, `factor` and `add_product`; it receives `group`.

/// Makes `group` for the instruction sets named, over the calling module's vector operations.
macro_rules! columns_of_rows {
    ($features:literal) => {
        /// Writes up to ten outputs within `span`; where it stopped, short of the end only in rows
        /// shorter than a vector. `factors` holds, input by input, one factor for each output.
        #[target_feature(enable = $features)]
        pub(super) fn group(
            factors: &[u64],
            inputs: &[&[u8]],
            outputs: &mut [&mut [u8]],
            span: Range<usize>,
            lead: usize,
        ) -> usize {
            match outputs.len() {
                1 => strips::<1>(factors, inputs, outputs, span, lead),
                2 => strips::<2>(factors, inputs, outputs, span, lead),
                3 => strips::<3>(factors, inputs, outputs, span, lead),
                4 => strips::<4>(factors, inputs, outputs, span, lead),
                5 => strips::<5>(factors, inputs, outputs, span, lead),
                6 => strips::<6>(factors, inputs, outputs, span, lead),
                7 => strips::<7>(factors, inputs, outputs, span, lead),
                8 => strips::<8>(factors, inputs, outputs, span, lead),
                9 => strips::<9>(factors, inputs, outputs, span, lead),
                10 => strips::<10>(factors, inputs, outputs, span, lead),
                _ => span.start,
            }
        }

        /// `group` for a count that the compiler knows, which keeps the sums in registers.
        #[target_feature(enable = $features)]
        fn strips<const ROWS: usize>(
            factors: &[u64],
            inputs: &[&[u8]],
            outputs: &mut [&mut [u8]],
            span: Range<usize>,
            lead: usize,
        ) -> usize {
            let factors = factors.as_chunks::<ROWS>().0;
            let Some(outputs) = outputs.first_chunk_mut::<ROWS>() else {
                return span.start;
            };
            let (mut at, lead) = (span.start, lead % WIDTH);
            while at + WIDTH <= span.end {
                strip(factors, inputs, outputs, at);
                // A first vector off the lines is followed by one on them that overlaps it.
                at = if at < lead { lead } else { at + WIDTH };
            }
            match span.end.checked_sub(WIDTH) {
                Some(last) if at < span.end => {
                    strip(factors, inputs, outputs, last);
                    span.end
                }
                _ => at,
            }
        }

        /// One vector of every row.
        #[inline]
        #[target_feature(enable = $features)]
        fn strip<const ROWS: usize>(
            factors: &[[u64; ROWS]],
            inputs: &[&[u8]],
            outputs: &mut [&mut [u8]; ROWS],
            at: usize,
        ) {
            let mut sums = [zero(); ROWS];
            // Two inputs at a time: three summands are one instruction where the set has it.
            let (twos, one) = inputs.as_chunks::<2>();
            let (factor_twos, factor_one) = factors.as_chunks::<2>();
            for ([a, b], [factors_a, factors_b]) in twos.iter().zip(factor_twos) {
                let (a, b) = (operand(vector(a, at)), operand(vector(b, at)));
                for (sum, (number_a, number_b)) in
                    sums.iter_mut().zip(factors_a.iter().zip(factors_b))
                {
                    let half = add_product(*sum, factor(*number_a), a);
                    *sum = add_product(half, factor(*number_b), b);
                }
            }
            for (input, factors) in one.iter().zip(factor_one) {
                let operand = operand(vector(input, at));
                for (sum, number) in sums.iter_mut().zip(factors) {
                    *sum = add_product(*sum, factor(*number), operand);
                }
            }
            for (output, sum) in outputs.iter_mut().zip(sums) {
                if let Some(bytes) = output.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
                    store(sum, bytes);
                }
            }
        }

        /// The vector at `at` of a row. Lengths were checked at the door, so it is always there.
        #[inline]
        #[target_feature(enable = $features)]
        fn vector(row: &[u8], at: usize) -> Vector {
            let bytes = row.get(at..).and_then(<[u8]>::first_chunk);
            bytes.map_or(zero(), |bytes| load(bytes))
        }
    };
}
