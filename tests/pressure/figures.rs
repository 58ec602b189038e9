//! What a process holds, and a line through points.

use std::fs;
use std::path::Path;

/// MiB by that name in the account of a process.
pub(crate) fn mib(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim_matches([':', '\t', ' ', 'k', 'B']).parse().ok());
    kib.map(|kib: f64| kib / 1024.0).expect("a figure")
}

/// Open descriptors of a process, and those of them that are sockets.
pub(crate) fn descriptors(pid: u32) -> (f64, f64) {
    let (mut all, mut sockets) = (0.0, 0.0);
    for one in fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it runs")
        .flatten()
    {
        all += 1.0;
        let is_socket = fs::read_link(one.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        sockets += f64::from(u8::from(is_socket));
    }
    (all, sockets)
}

/// MiB that the files under a folder take on the drive.
pub(crate) fn disk(folder: &Path) -> f64 {
    use std::os::unix::fs::MetadataExt;
    let mut blocks = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(entry.path()),
                Ok(about) => blocks += about.blocks(),
                // It went while we looked.
                Err(_) => (),
            }
        }
    }
    blocks as f64 / 2048.0
}

/// The median of the slopes between all points (Theil and Sen): what one outlier does not move.
/// Points are (hours, value); 0 for fewer than two.
pub(crate) fn slope(points: &[(f64, f64)]) -> f64 {
    let mut slopes = Vec::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let later = points.iter().skip(index + 1);
        slopes.extend(later.filter(|(u, _)| u > x).map(|(u, v)| (v - y) / (u - x)));
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0)
}
