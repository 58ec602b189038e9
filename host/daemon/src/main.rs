//! `holdfastd`: the host daemon. Reads its data directory, serves until told to stop, prints one
//! line of JSON when it serves.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use host_daemon::config::layers::Layered;
use host_daemon::{assemble, init, signer, supervise, telemetry};

/// Serves as a storage host.
#[derive(Debug, Parser)]
#[command(name = "holdfastd", version, about)]
struct Arguments {
    /// The data directory made by `holdfast init`
    #[arg(long)]
    dir: PathBuf,
    /// Sets a configuration value for this run; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Take over the identity of a restored host although no hub answers: every other copy of it
    /// is gone for good
    #[arg(long)]
    claim: bool,
    /// Stop when standard input ends, as a child of another program
    #[arg(long)]
    until_stdin_ends: bool,
}

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        // A worker without work sleeps in its volume's ring: no hand-over when a drive answers.
        .on_thread_park(host_uring::lull)
        .enable_all()
        .build();
    let ended = runtime
        .context("starting the runtime")
        .and_then(|rt| rt.block_on(run(arguments)));
    match ended {
        Ok(Outcome::Stopped) => std::process::ExitCode::SUCCESS,
        Ok(Outcome::Restart) => std::process::ExitCode::from(RESTART_STATUS),
        Err(error) => {
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("holdfastd: {error:#}\n").as_bytes(),
            );
            std::process::ExitCode::FAILURE
        }
    }
}

/// Exit status that asks the supervisor to start the daemon again (EX_TEMPFAIL).
const RESTART_STATUS: u8 = 75;

enum Outcome {
    Stopped,
    Restart,
}

async fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    let dir = arguments.dir.canonicalize().with_context(|| {
        format!(
            "no host in {}; run `holdfast init`",
            arguments.dir.display()
        )
    })?;
    let layered = Layered::read(&dir.join(init::CONFIG_FILE), &arguments.set)?;
    let events = telemetry::start(&dir, &layered.config.log)?;
    let network = init::read_network(&dir, &layered.config)?;
    let kept = signer::open(&dir, &layered.config).await?;
    let host = assemble::open(&dir, &layered, &arguments.set, &network, &kept, events).await?;
    let mut asked = std::pin::pin!(supervise::asked_to_stop(arguments.until_stdin_ends));
    tokio::select! {
        claimed = host.claim(arguments.claim) => claimed?,
        why = &mut asked => return why.map(|_| Outcome::Stopped),
    }
    let ready = serde_json::to_string(&host.ready()?)?;
    let running = host.run();
    say(&ready)?;
    let restart = Arc::clone(&running.restart);
    let outcome = tokio::select! {
        why = &mut asked => why.map(|_| Outcome::Stopped),
        () = restart.notified() => Ok(Outcome::Restart),
        refusal = running.refused() => Err(refusal.into()),
    };
    running.stop().await;
    outcome
}

/// Prints the ready line; a closed standard output is no reason to stop serving.
fn say(line: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
