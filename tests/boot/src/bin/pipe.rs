//! `tests-boot-pipe ADDRESS`: standard input to a connection, the connection to standard output.
//! QEMU starts one for each connection that a machine makes to an address of its closed network;
//! so a machine reaches the programs of a test, and nothing else.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).map(|to| run(&to)) {
        Some(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

fn run(to: &str) -> io::Result<()> {
    let (mut up, mut down) = (TcpStream::connect(to)?, io::stdout().lock());
    let mut back = up.try_clone()?;
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    let mut piece = [0; 16 << 10];
    loop {
        let len = io::Read::read(&mut back, &mut piece)?;
        if len == 0 {
            return Ok(());
        }
        // Each piece at once: the other side waits for answers, not for full buffers.
        io::Write::write_all(&mut down, piece.get(..len).unwrap_or_default())?;
        io::Write::flush(&mut down)?;
    }
}
