//! The matrix as people and programs read it: lines, JSON, Markdown, SVG. Pure but for writing.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

use crate::print;

/// What one failure came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Row {
    /// What was broken.
    pub(super) case: String,
    /// Whether the file was promised to come back.
    pub(super) expected: bool,
    /// Whether it did.
    pub(super) completed: bool,
    /// Whether what was given out was right: the file's bytes, or, when refused, nothing.
    pub(super) sha256_ok: bool,
    /// How long it took.
    pub(super) seconds: f64,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

impl Row {
    /// Whether the promise held.
    const fn held(&self) -> bool {
        self.expected == self.completed && self.sha256_ok
    }

    const fn mark(&self) -> &'static str {
        if self.held() { "held" } else { "BROKEN" }
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let came = if self.completed {
            "came back"
        } else {
            "refused"
        };
        print::line(&format!(
            "{:<7} {:<44} {came} in {:.1} s",
            self.mark(),
            self.case,
            self.seconds
        ))
    }
}

/// All failures of a drill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Matrix {
    hosts: usize,
    data: u16,
    parity: u16,
    pub(super) rows: Vec<Row>,
}

impl Matrix {
    pub(super) const fn new(hosts: usize, data: u16, parity: u16) -> Self {
        Self {
            hosts,
            data,
            parity,
            rows: Vec::new(),
        }
    }

    pub(super) fn held(&self) -> bool {
        self.rows.iter().all(Row::held)
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let held = self.rows.iter().filter(|row| row.held()).count();
        print::line(&format!("{held} of {} promises held", self.rows.len()))
    }

    /// Writes JSON to `path`, Markdown and SVG beside it.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let write = |path: &Path, text: String| {
            std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
        };
        write(path, serde_json::to_string_pretty(self)? + "\n")?;
        write(&path.with_extension("md"), self.markdown())?;
        write(&path.with_extension("svg"), self.svg())
    }

    fn markdown(&self) -> String {
        let mut text = format!(
            "# Failure matrix: {} hosts, {}+{} shards\n\n\
             | case | promised | came back | right | seconds | |\n|---|---|---|---|---|---|\n",
            self.hosts, self.data, self.parity
        );
        let yes = |yes: bool| if yes { "yes" } else { "no" };
        for row in &self.rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {:.1} | {} |",
                row.case,
                yes(row.expected),
                yes(row.completed),
                yes(row.sha256_ok),
                row.seconds,
                row.mark()
            );
        }
        text
    }

    /// One bar a case, as long as it took; red where the promise broke.
    fn svg(&self) -> String {
        let most = self.rows.iter().map(|row| row.seconds).fold(0.1, f64::max);
        let height = 24 * self.rows.len() + 8;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 900 {height}\" \
             font-family=\"sans-serif\" font-size=\"13\"><title>failure matrix</title>\n"
        );
        for (at, row) in self.rows.iter().enumerate() {
            let y = 24 * at + 6;
            let width = row.seconds / most * 440.0;
            let colour = match (row.held(), row.expected) {
                (false, _) => "#c53030",
                (true, true) => "#2b6cb0",
                (true, false) => "#b7791f",
            };
            let _ = writeln!(
                svg,
                "<text x=\"4\" y=\"{}\">{}</text><rect x=\"380\" y=\"{y}\" width=\"{width:.1}\" \
                 height=\"16\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{}\">{:.1} s{}</text>",
                y + 13,
                row.case,
                388.0 + width,
                y + 13,
                row.seconds,
                if row.completed { "" } else { ", refused" }
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}
