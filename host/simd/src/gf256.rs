//! Rows of bytes multiplied by a matrix over GF(2^8), polynomial 0x11D: each output row is a sum of
//! multiples of the input rows, byte column by byte column.
//!
//! The field is the one of the Reed-Solomon codes of Backblaze and klauspost. Addition is xor.
//! What decides the rate is how often a byte is touched: up to ten outputs are summed in registers
//! while an input byte is read once, and rows are worked on in runs that stay near the processor.

#[cfg(target_arch = "x86_64")]
#[macro_use]
mod columns;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod field;
#[cfg(target_arch = "x86_64")]
mod gfni;
#[cfg(target_arch = "x86_64")]
mod gfni512;
mod portable;

use crate::machine::Machine;

pub use field::{inverse, multiply};

/// Outputs summed at once: fewer read the inputs more often, more do not fit the registers of AVX2.
const ROWS: usize = 10;
/// Bytes of each row worked on before the next ten outputs: the inputs of the default geometry
/// are then still in the second cache.
const RUN: usize = 16 * 1024;
/// Bytes of a cache line.
const LINE: usize = 64;
/// A way to multiply that this machine has. There is no other way to get one than `best` and
/// `all`, so a kernel never runs where its instructions do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Way);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A table look-up a byte: the specification.
    Portable,
    /// Two look-ups of half bytes for 32 bytes at once.
    Avx2,
    /// The multiplication as a map over bits, 32 bytes at once.
    Gfni,
    /// The same, 64 bytes at once.
    Gfni512,
}

impl Kernel {
    /// The fastest way of this machine.
    #[must_use]
    pub fn best() -> Self {
        Self::all().last().unwrap_or(Self(Way::Portable))
    }

    /// Every way of this machine, the specification first and the fastest last.
    pub fn all() -> impl Iterator<Item = Self> {
        let machine = Machine::this();
        let ways = [
            (Way::Portable, true),
            (Way::Avx2, machine.avx2),
            (Way::Gfni, machine.avx2 && machine.gfni),
            (Way::Gfni512, machine.avx512 && machine.gfni),
        ];
        let there = ways.into_iter().filter(|(_, there)| *there);
        there.map(|(way, _)| Self(way))
    }

    /// The kernel's name, for tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Way::Portable => "portable",
            Way::Avx2 => "avx2",
            Way::Gfni => "gfni avx2",
            Way::Gfni512 => "gfni avx-512",
        }
    }
}

/// A matrix made ready for one kernel.
#[derive(Debug, Clone)]
pub struct Product {
    kernel: Kernel,
    inputs: usize,
    outputs: usize,
    /// The matrix, output by output.
    matrix: Vec<u8>,
    /// The same in groups of ten outputs, input by input, as the kernel wants its factors.
    factors: Vec<u64>,
}

impl Product {
    /// Makes `matrix` ready: one row of `inputs` factors for each output, row after row.
    /// Panics when it is no whole number of rows. Memory: 9 bytes a factor.
    #[must_use]
    pub fn new(kernel: Kernel, inputs: usize, matrix: &[u8]) -> Self {
        let outputs = matrix.len().checked_div(inputs).unwrap_or(0);
        assert_eq!(outputs * inputs, matrix.len(), "a matrix is whole rows");
        let mut factors = Vec::with_capacity(matrix.len());
        for rows in matrix.chunks(ROWS * inputs.max(1)) {
            for input in 0..inputs {
                let column = rows.iter().skip(input).step_by(inputs);
                factors.extend(column.map(|factor| kernel.factor(*factor)));
            }
        }
        Self {
            kernel,
            inputs,
            outputs,
            matrix: matrix.to_vec(),
            factors,
        }
    }

    /// Writes every output: byte `b` of output `o` is the sum over the inputs `i` of the factor
    /// (o, i) times byte `b` of input `i`. What the outputs held before does not matter.
    /// Panics when the counts are not the matrix's or the lengths differ.
    /// Cost: linear in bytes of a row and in factors; no memory.
    pub fn apply(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]]) {
        assert_eq!(inputs.len(), self.inputs, "as many inputs as columns");
        assert_eq!(outputs.len(), self.outputs, "as many outputs as rows");
        let lengths = inputs.iter().map(|row| row.len());
        let mut lengths = lengths.chain(outputs.iter().map(|row| row.len()));
        let len = lengths.clone().next().unwrap_or(0);
        assert!(lengths.all(|found| found == len), "rows of one length");
        let lead = lead(inputs, outputs);
        let mut from = 0;
        while from < len {
            let span = from..len.min(from.max(lead) + RUN);
            from = span.end;
            let groups = outputs.chunks_mut(ROWS);
            let rows = self.matrix.chunks(ROWS * self.inputs.max(1));
            let factors = self.factors.chunks(ROWS * self.inputs.max(1));
            for ((outputs, rows), factors) in groups.zip(rows).zip(factors) {
                let done = self
                    .kernel
                    .group(factors, inputs, outputs, span.clone(), lead);
                portable::group(rows, inputs, outputs, done..span.end);
            }
        }
    }
}

/// Bytes before the first cache line of the rows: of the outputs, since a write across two lines
/// costs more than a read. Where all rows lie alike, which allocators and whole pieces make common,
/// it is that of the inputs too.
fn lead(inputs: &[&[u8]], outputs: &[&mut [u8]]) -> usize {
    let output = outputs.first().map(|row| row.as_ptr());
    let first = output.or(inputs.first().map(|row| row.as_ptr()));
    first.map_or(0, |first| first.align_offset(LINE))
}

impl Kernel {
    /// A factor in the form that the kernel multiplies with.
    fn factor(self, factor: u8) -> u64 {
        match self.0 {
            Way::Portable | Way::Avx2 => factor.into(),
            Way::Gfni | Way::Gfni512 => field::bit_map(factor),
        }
    }

    /// Writes up to ten outputs from `span.start` on in whole vectors; where it stopped.
    #[cfg(target_arch = "x86_64")]
    fn group(
        self,
        factors: &[u64],
        inputs: &[&[u8]],
        outputs: &mut [&mut [u8]],
        span: std::ops::Range<usize>,
        lead: usize,
    ) -> usize {
        match self.0 {
            Way::Portable => span.start,
            // SAFETY: `Way::Avx2` is made only by `Kernel::all`, where the machine has AVX2.
            Way::Avx2 => unsafe { avx2::group(factors, inputs, outputs, span, lead) },
            // SAFETY: `Way::Gfni` is made only by `Kernel::all`, where the machine has both sets.
            Way::Gfni => unsafe { gfni::group(factors, inputs, outputs, span, lead) },
            // SAFETY: as above, of AVX-512 and GFNI.
            Way::Gfni512 => unsafe { gfni512::group(factors, inputs, outputs, span, lead) },
        }
    }

    /// No kernel of this architecture yet: everything is left to the specification.
    #[cfg(not(target_arch = "x86_64"))]
    fn group(
        self,
        _: &[u64],
        _: &[&[u8]],
        _: &mut [&mut [u8]],
        span: std::ops::Range<usize>,
        _: usize,
    ) -> usize {
        span.start
    }
}

#[cfg(test)]
mod tests;
