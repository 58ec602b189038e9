//! The page of a folder that has no `index.html`.

use std::collections::BTreeMap;

use super::words::encode;
use host_release::Manifest;

fn escape(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => said.push_str("&lt;"),
            '>' => said.push_str("&gt;"),
            '&' => said.push_str("&amp;"),
            '"' => said.push_str("&quot;"),
            other => said.push(other),
        }
    }
    said
}

/// What is directly in a folder: names, and sizes of files. None when there is no such folder.
fn inside(manifest: &Manifest, folder: &str) -> Option<BTreeMap<String, Option<u64>>> {
    let from = manifest
        .files
        .partition_point(|file| file.path.as_str() < folder);
    let files = manifest.files.iter().skip(from);
    let files = files.take_while(|file| file.path.starts_with(folder));
    let mut names = BTreeMap::new();
    for file in files {
        let rest = file.path.get(folder.len()..).unwrap_or_default();
        match rest.split_once('/') {
            Some((name, _)) => names.insert(format!("{name}/"), None),
            None => names.insert(rest.to_owned(), Some(file.size)),
        };
    }
    (!names.is_empty()).then_some(names)
}

/// The page of a folder, which ends in `/` or is the root.
pub(super) fn page(manifest: &Manifest, folder: &str) -> Option<String> {
    let names = inside(manifest, folder)?;
    let title = format!("{} {} /{folder}", manifest.name, manifest.version);
    let lines = names.iter().map(|(name, size)| {
        let size = size.map_or(String::new(), |size| format!("{size} bytes"));
        let (href, name) = (encode(name), escape(name));
        format!("<li><a href=\"./{href}\">{name}</a> {size}</li>\n")
    });
    let lines: String = lines.collect();
    let title = escape(&title);
    Some(format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1>\n<ul>\n{lines}</ul></body></html>\n"
    ))
}

#[cfg(test)]
mod tests;
