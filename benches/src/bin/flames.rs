//! `flames TITLE`: a flame graph of what `perf script` prints. Stacks enter on standard input, one
//! SVG leaves on standard output: a box a function, as wide as its share of the samples, callers
//! below, the thread's name at the foot. Boxes narrower than six of a thousand are left out,
//! so that a graph can be committed. It measures nothing itself: see docs/performance/profiles.md.
#![expect(clippy::print_stdout, reason = "the graph is what it prints")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::BufRead;

use anyhow::Context;

/// Width of the whole graph and height of one box, in pixels.
const WIDTH: f64 = 1200.0;
const HEIGHT: usize = 16;
/// Pixels below which a box is left out.
const NARROW: f64 = WIDTH / 160.0;
/// Pixels of one letter.
const LETTER: f64 = 6.6;

/// Beginnings of names that say only how one function came to call another.
const PLUMBING: [&str; 12] = [
    "[unknown]",
    "std::",
    "core::",
    "tokio::runtime",
    "__libc",
    "clone3",
    "start_thread",
    "<core::",
    "<tokio::runtime",
    "<std::",
    "do_syscall_64",
    "entry_SYSCALL",
];

/// A function in the places it was called from.
#[derive(Default)]
struct Frame {
    samples: u64,
    callees: BTreeMap<String, Self>,
}

impl Frame {
    fn add(&mut self, stack: &[String]) {
        self.samples += 1;
        let mut frame = self;
        for name in stack {
            frame = frame.callees.entry(name.clone()).or_default();
            frame.samples += 1;
        }
    }

    /// Boxes that are wide enough, above each other.
    fn depth(&self, least: f64) -> usize {
        let wide = self.callees.values().filter(|f| f.samples as f64 >= least);
        1 + wide.map(|frame| frame.depth(least)).max().unwrap_or(0)
    }
}

fn main() -> anyhow::Result<()> {
    let title = std::env::args().nth(1).context("flames TITLE")?;
    let mut root = Frame::default();
    let mut stack: Vec<String> = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            // perf names the innermost function first.
            stack.get_mut(1..).unwrap_or_default().reverse();
            if !stack.is_empty() {
                root.add(&stack);
            }
            stack.clear();
        } else if line.starts_with(char::is_whitespace) {
            let name = function(&line);
            if !PLUMBING.iter().any(|start| name.starts_with(start)) {
                stack.push(name);
            }
        } else {
            stack.push(thread(&line));
        }
    }
    anyhow::ensure!(root.samples > 0, "no sample came in");
    println!("{}", svg(&title, &root)?);
    Ok(())
}

/// The name before the process number.
fn thread(line: &str) -> String {
    let words = line.split_whitespace();
    let named = words.take_while(|word| word.parse::<u32>().is_err());
    named.collect::<Vec<_>>().join(" ")
}

/// The function of a frame, without its address, place, type arguments and hash.
fn function(line: &str) -> String {
    let name = line.trim().split_once(' ').map_or("", |(_, name)| name);
    let name = name.split(" (").next().unwrap_or_default();
    let name = name.split('+').next().unwrap_or_default();
    let (mut short, mut inside) = (String::new(), 0_u32);
    for letter in name.chars() {
        match letter {
            '<' => inside += 1,
            '>' => inside = inside.saturating_sub(1),
            _ if inside == 0 => short.push(letter),
            _ => {}
        }
    }
    // `<T as Trait>::name` has nothing outside but its end: then all of it is the name.
    if short.starts_with("::") || short.is_empty() {
        name.to_owned()
    } else {
        short
    }
}

fn svg(title: &str, root: &Frame) -> anyhow::Result<String> {
    let least = root.samples as f64 * NARROW / WIDTH;
    let height = (root.depth(least) + 1) * HEIGHT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"11\">\n<text x=\"4\" y=\"12\">{} ({} samples)\
         </text>\n",
        escaped(title),
        root.samples
    );
    let scale = WIDTH / root.samples as f64;
    draw(&mut out, root, (0.0, height), (scale, root.samples))?;
    out.push_str("</svg>");
    Ok(out)
}

/// Draws what a frame calls, above `foot` and from `left` on.
fn draw(
    out: &mut String,
    frame: &Frame,
    (mut left, foot): (f64, usize),
    (scale, all): (f64, u64),
) -> anyhow::Result<()> {
    let top = foot.saturating_sub(HEIGHT);
    for (name, callee) in &frame.callees {
        let width = callee.samples as f64 * scale;
        if width >= NARROW {
            let percent = callee.samples as f64 * 100.0 / all as f64;
            let room = (width / LETTER) as usize;
            let label: String = if room > 2 {
                name.chars().take(room).collect()
            } else {
                String::new()
            };
            let (name, label) = (escaped(name), escaped(&label));
            writeln!(
                out,
                "<g><title>{name} {percent:.1} %</title><rect x=\"{left:.1}\" y=\"{top}\" \
                 width=\"{width:.1}\" height=\"15\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{}\">\
                 {label}</text></g>",
                colour(&name),
                left + 2.0,
                top + 12
            )?;
            draw(out, callee, (left, top), (scale, all))?;
        }
        left += width;
    }
    Ok(())
}

/// Blue: hashes and ciphers; violet: signatures; green: ours; red: the allocator and copies; the
/// rest yellow.
fn colour(name: &str) -> &'static str {
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["k256", "ecdsa", "elliptic", "keccak"]) {
        "#c9a0dc"
    } else if has(&["sha256", "chacha", "aes_gcm", "gf256", "sha2"]) {
        "#8fb8de"
    } else if has(&[
        "malloc",
        "free",
        "memmove",
        "memset",
        "memcpy",
        "clear_page",
    ]) {
        "#e8998d"
    } else if has(&["host_", "holdfast", "board_"]) {
        "#a3c585"
    } else {
        "#f0dc9c"
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
