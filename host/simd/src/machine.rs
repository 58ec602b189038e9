//! What this processor can do, asked once. Nothing else in this room asks.

use std::sync::LazyLock;

/// Instruction sets that the kernels need, grouped as the kernels use them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Machine {
    /// SHA-NI with the shuffles of SSE4.1.
    pub(crate) sha: bool,
    /// 256-bit integers.
    pub(crate) avx2: bool,
    /// 512-bit integers, bytes and words included.
    pub(crate) avx512: bool,
    /// Affine maps over bits of bytes, in the widths that are there.
    pub(crate) gfni: bool,
}

impl Machine {
    /// The processor this runs on. The operating system's consent to wide registers is part of
    /// the answer.
    pub(crate) fn this() -> Self {
        static THIS: LazyLock<Machine> = LazyLock::new(Machine::ask);
        *THIS
    }

    #[cfg(target_arch = "x86_64")]
    fn ask() -> Self {
        use std::arch::is_x86_feature_detected as has;
        Self {
            sha: has!("sha") && has!("sse4.1") && has!("ssse3"),
            avx2: has!("avx2"),
            avx512: has!("avx512f") && has!("avx512bw"),
            gfni: has!("gfni"),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn ask() -> Self {
        Self::default()
    }
}

/// Tells the cache that this byte's line will be read.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn will_read(byte: &u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint about an address: it reads and writes nothing that a program can see.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) };
}
