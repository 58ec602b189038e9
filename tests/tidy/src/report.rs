//! What a person reads: sizes beside the models', the card, the rules and what they found.

use crate::house::{CARD, FUNCTION_LINES};
use crate::models::{COLUMNS, MODELS};
use crate::rules::{RULES, Use, card_use};
use crate::shape::{documented, functions, percentile, unsafety};
use crate::source::Source;
use crate::tree::Tree;

/// How many faults or notes of one rule are shown.
const SHOWN: usize = 20;

/// Prints our sizes below those of the models.
pub(crate) fn sizes(tree: &Tree) {
    row("codebase", &COLUMNS.map(str::to_owned));
    for model in &MODELS {
        row(model.name, &model.cells.map(str::to_owned));
    }
    let product: Vec<&Source> = tree
        .sources
        .iter()
        .filter(|source| !source.is_test())
        .collect();
    row("holdfast", &measure(&product));
    println!();
}

fn row(name: &str, cells: &[String; 8]) {
    let [files, file_lines, fn_lines, long, heads, docs, why, unwraps] = cells;
    println!(
        "{name:<15} {files:>5} {file_lines:>15} {fn_lines:>9} {long:>6} {heads:>6} {docs:>8} \
         {why:>10} {unwraps:>11}"
    );
}

fn measure(sources: &[&Source]) -> [String; 8] {
    let mut files: Vec<usize> = sources
        .iter()
        .map(|source| source.text.lines().count())
        .collect();
    let found = sources.iter().flat_map(|source| functions(&source.product));
    let mut lens: Vec<usize> = found.map(|function| function.len).collect();
    files.sort_unstable();
    lens.sort_unstable();
    let lines: usize = files.iter().sum();
    let long = lens.iter().filter(|len| **len > FUNCTION_LINES).count();
    let heads = sources
        .iter()
        .filter(|source| source.text.starts_with("//! "))
        .count();
    let (all, told) = sum(sources, documented);
    let (uses, notes) = sum(sources, unsafety);
    let unwraps: usize = sources
        .iter()
        .map(|source| source.product.matches(".unwrap()").count())
        .sum();
    [
        sources.len().to_string(),
        format!(
            "{}/{}/{}",
            percentile(&files, 50),
            percentile(&files, 90),
            percentile(&files, 100)
        ),
        format!("{}/{}", percentile(&lens, 50), percentile(&lens, 90)),
        share(long, lens.len(), 1000),
        share(heads, sources.len(), 100),
        share(told, all, 100),
        format!("{uses}/{notes}"),
        decimal(unwraps * 10_000 / lines.max(1)),
    ]
}

fn sum(sources: &[&Source], count: fn(&Source) -> (usize, usize)) -> (usize, usize) {
    let pairs = sources.iter().map(|source| count(source));
    pairs.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
}

/// A share in percent, with a decimal when `scale` is 1000.
fn share(part: usize, whole: usize, scale: usize) -> String {
    let value = part * scale / whole.max(1);
    if scale == 1000 {
        format!("{}%", decimal(value))
    } else {
        format!("{value}%")
    }
}

fn decimal(tenths: usize) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Prints the ten packages and how their doors use them.
pub(crate) fn card(tree: &Tree) {
    println!("{:<18} {:<14} use", "package", "door");
    for (name, names, door) in CARD {
        let word = match card_use(tree, names, door) {
            Use::Used => "used",
            Use::NoDoor => "no such room yet",
            Use::NotInManifest => "NOT IN THE MANIFEST",
            Use::NotInSources => "NOT IN THE SOURCES",
        };
        println!("{name:<18} {door:<14} {word}");
    }
    println!();
}

/// Runs and prints every rule. Returns how many failed.
pub(crate) fn rules(tree: &Tree) -> usize {
    let mut failed = 0;
    for rule in &RULES {
        let found = (rule.check)(tree);
        let ok = found.faults.is_empty();
        failed += usize::from(!ok);
        println!(
            "{:<4} {:<11} {}",
            if ok { "ok" } else { "FAIL" },
            rule.id,
            rule.about
        );
        print("     fault", &found.faults);
        print("     note ", &found.notes);
    }
    failed
}

fn print(kind: &str, lines: &[String]) {
    for line in lines.iter().take(SHOWN) {
        println!("{kind}  {line}");
    }
    if lines.len() > SHOWN {
        println!("{kind}  and {} more", lines.len() - SHOWN);
    }
}
