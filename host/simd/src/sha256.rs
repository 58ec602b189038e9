//! SHA-256 of many messages of one length: message `i` to digest `i`. One message alone cannot be
//! hashed faster than its chain of rounds; many can stand side by side, one a lane.
//!
//! Lengths are multiples of 64 bytes, so that all messages of a call share one padding block,
//! whose schedule is a constant of the length and is computed by the compiler.
//! Source: FIPS 180-4.

mod constants;
#[cfg(target_arch = "x86_64")]
#[macro_use]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod ni;
mod portable;

use crate::machine::Machine;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// A way to hash that this machine has. There is no other way to get one than `best` and `all`,
/// so a kernel never runs where its instructions do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel(Way);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// One message after the other: the specification.
    Portable,
    /// Eight lanes of 32 bits.
    Avx2,
    /// Two messages interleaved through the SHA instructions.
    Ni,
    /// Sixteen lanes of 32 bits; what is left over by `Ni`, where it is there.
    Avx512,
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
            (Way::Ni, machine.sha),
            (Way::Avx512, machine.avx512),
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
            Way::Ni => "sha-ni",
            Way::Avx512 => "avx-512",
        }
    }

    /// Writes the digest of `messages[i]` to `digests[i]`.
    /// Panics when the two differ in length. `LEN` is a positive multiple of 64; others do not
    /// compile.
    /// Cost: about `LEN / 64 + 1` blocks a message; counts below 16 gain less.
    pub fn hash_each<const LEN: usize>(self, messages: &[[u8; LEN]], digests: &mut [Digest]) {
        const { assert!(LEN > 0 && LEN.is_multiple_of(64), "whole blocks") };
        assert_eq!(messages.len(), digests.len(), "a place for every digest");
        match self.0 {
            Way::Portable => portable::hash_each(messages, digests),
            #[cfg(target_arch = "x86_64")]
            Way::Avx2 => by_avx2(messages, digests),
            #[cfg(target_arch = "x86_64")]
            Way::Ni => by_ni(messages, digests),
            #[cfg(target_arch = "x86_64")]
            Way::Avx512 => by_avx512(messages, digests),
            #[cfg(not(target_arch = "x86_64"))]
            _ => portable::hash_each(messages, digests),
        }
    }
}

/// Writes the digest of `messages[i]` to `digests[i]` in this machine's fastest way.
/// Panics and cost as of `Kernel::hash_each`.
pub fn hash_each<const LEN: usize>(messages: &[[u8; LEN]], digests: &mut [Digest]) {
    Kernel::best().hash_each(messages, digests);
}

#[cfg(target_arch = "x86_64")]
fn by_avx2<const LEN: usize>(messages: &[[u8; LEN]], digests: &mut [Digest]) {
    let (sets, rest) = messages.as_chunks::<{ avx2::LANES }>();
    let (sets_out, rest_out) = digests.as_chunks_mut::<{ avx2::LANES }>();
    // SAFETY: `Way::Avx2` is made only by `Kernel::all`, where the machine has AVX2.
    unsafe { avx2::hash::<LEN, 1>(sets, sets_out) };
    portable::hash_each(rest, rest_out);
}

#[cfg(target_arch = "x86_64")]
fn by_ni<const LEN: usize>(messages: &[[u8; LEN]], digests: &mut [Digest]) {
    let (full, rest) = messages.as_chunks::<{ ni::WAYS }>();
    let (full_out, rest_out) = digests.as_chunks_mut::<{ ni::WAYS }>();
    for (messages, digests) in full.iter().zip(full_out) {
        // SAFETY: reached only where the machine has SHA-NI and SSE4.1: `Way::Ni` is made by
        // `Kernel::all` alone, and `by_avx512` asks the machine.
        unsafe { ni::hash(messages, digests) };
    }
    portable::hash_each(rest, rest_out);
}

#[cfg(target_arch = "x86_64")]
fn by_avx512<const LEN: usize>(messages: &[[u8; LEN]], digests: &mut [Digest]) {
    let (sets, rest) = messages.as_chunks::<{ avx512::LANES }>();
    let (sets_out, rest_out) = digests.as_chunks_mut::<{ avx512::LANES }>();
    let twos = sets.len() / 2 * 2;
    let (twos, one) = sets.split_at(twos);
    let (twos_out, one_out) = sets_out.split_at_mut(twos.len());
    // SAFETY: `Way::Avx512` is made only by `Kernel::all`, where the machine has AVX-512.
    unsafe { avx512::hash::<LEN, 2>(twos, twos_out) };
    // SAFETY: as above.
    unsafe { avx512::hash::<LEN, 1>(one, one_out) };
    if Machine::this().sha {
        by_ni(rest, rest_out);
    } else {
        portable::hash_each(rest, rest_out);
    }
}

#[cfg(test)]
mod tests;
