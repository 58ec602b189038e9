//! The system calls a privileged program may still make once it serves.
//!
//! Enters: which program. Leaves: a filter that the kernel holds for the rest of the process.
//! Invariants: no program can be started, no memory made executable, no socket opened but
//! rtnetlink's (`board-net`), no ioctl sent but one (`board-nvme`); everything else is answered
//! with EPERM, so that a library's surprise is an error and no crash. Not done here: paths and
//! devices, which the unit restricts; the kernel's filter cannot read them.

use std::collections::BTreeMap;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

use crate::error::Error;

/// Which program is confined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Speaks rtnetlink.
    Net,
    /// Reads sysfs, opens drives, sends one admin command.
    Nvme,
}

/// What a loop over sockets needs, memory and time besides.
const BASE: [i64; 32] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_ppoll,
    libc::SYS_accept4,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_getsockname,
    libc::SYS_fcntl,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_futex,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigaction,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_tgkill,
    libc::SYS_writev,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Reading folders and files.
const FILES: [i64; 7] = [
    libc::SYS_openat,
    libc::SYS_getdents64,
    libc::SYS_statx,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_lseek,
    libc::SYS_readlinkat,
];

/// `FIONBIO`, with which the standard library makes a socket not wait.
const FIONBIO: u64 = 0x5421;
const EXECUTABLE: u64 = 0x4;
const NETLINK: u64 = 16;

/// Confines the calling thread, and what it would start, for good.
///
/// # Errors
/// `Protection` when the kernel has no seccomp or refuses.
pub fn confine(program: Program) -> Result<(), Error> {
    let refused = |error: &dyn std::fmt::Display| Error::Protection {
        what: "the filter of system calls",
        why: error.to_string(),
    };
    let filter = build(program).map_err(|error| refused(&error))?;
    apply_filter(&filter).map_err(|error| refused(&error))
}

fn build(program: Program) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for call in BASE {
        rules.insert(call, Vec::new());
    }
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_poll, Vec::new());
    let not_executable = SeccompCmpOp::MaskedEq(EXECUTABLE);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![rule(&[(2, not_executable.clone(), 0)])?]);
    }
    let mut ioctls = vec![FIONBIO];
    match program {
        Program::Net => {
            let netlink = [(0, SeccompCmpOp::Eq, NETLINK), (2, SeccompCmpOp::Eq, 0)];
            rules.insert(libc::SYS_socket, vec![rule(&netlink)?]);
            rules.insert(libc::SYS_bind, Vec::new());
        }
        Program::Nvme => {
            rules.extend(FILES.map(|call| (call, Vec::new())));
            ioctls.push(board_nvme::ioctl::ADMIN_COMMAND.into());
        }
    }
    let known = ioctls
        .into_iter()
        .map(|known| rule(&[(1, SeccompCmpOp::Eq, known)]));
    rules.insert(libc::SYS_ioctl, known.collect::<Result<_, _>>()?);
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, denied, SeccompAction::Allow, arch)?.try_into()
}

/// All of some arguments, each 32 bits wide.
fn rule(arguments: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = arguments.iter().map(|(place, compare, value)| {
        SeccompCondition::new(*place, SeccompCmpArgLen::Dword, compare.clone(), *value)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}
