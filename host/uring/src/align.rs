//! What direct I/O on a file needs of offsets and addresses, as the kernel says it.

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;

/// Bytes that offsets and buffers must be multiples of, or none when the file has no direct I/O
/// or the kernel is too old to say. Source: statx(2), STATX_DIOALIGN (Linux 6.1).
pub(crate) fn direct_alignment(file: &File) -> Option<u32> {
    let mut facts = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the descriptor is open for the whole call, the path is an empty C string, and the
    // kernel writes one `statx` into memory that is exactly that.
    let result = unsafe {
        libc::statx(
            file.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_DIOALIGN,
            facts.as_mut_ptr(),
        )
    };
    if result != 0 {
        return None;
    }
    // SAFETY: every bit pattern of `statx` is a value (integers alone), and it began as zeros.
    let facts = unsafe { facts.assume_init() };
    let said = facts.stx_mask & libc::STATX_DIOALIGN != 0;
    let align = facts.stx_dio_offset_align.max(facts.stx_dio_mem_align);
    (said && facts.stx_dio_offset_align > 0).then_some(align)
}
