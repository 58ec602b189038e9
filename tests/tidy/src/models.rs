//! What the codebases we learn from measure, as data: the rows that a report stands beside.
//!
//! Measured on their product code in 2026 with the same definitions as `shape`: lines a file and
//! a function as median, 90th percentile and maximum; heads; documented public items; unsafe uses
//! against notes; unwraps a thousand lines. A dash is what was not measured.

/// One codebase.
#[derive(Debug)]
pub(crate) struct Model {
    /// Its name.
    pub(crate) name: &'static str,
    /// The cells, in the order of [`COLUMNS`].
    pub(crate) cells: [&'static str; 8],
}

/// The columns of the table.
pub(crate) const COLUMNS: [&str; 8] = [
    "files",
    "lines/file",
    "lines/fn",
    "fn>70",
    "heads",
    "pub docs",
    "unsafe/why",
    "unwrap/kloc",
];

const fn model(name: &'static str, cells: [&'static str; 8]) -> Model {
    Model { name, cells }
}

/// The rows.
pub(crate) static MODELS: [Model; 6] = [
    model(
        "tock kernel",
        [
            "101",
            "153/756/2736",
            "6/31",
            "3.3%",
            "98%",
            "74%",
            "145/108",
            "0.3",
        ],
    ),
    model(
        "trident",
        [
            "283",
            "125/457/1646",
            "10/51",
            "5.7%",
            "11%",
            "64%",
            "4/2",
            "2.6",
        ],
    ),
    model(
        "walrus-core",
        [
            "25",
            "241/976/2073",
            "6/21",
            "0.6%",
            "52%",
            "95%",
            "0/0",
            "0.2",
        ],
    ),
    model(
        "tigerbeetle",
        [
            "77",
            "528/1722/12413",
            "13/64",
            "8.1%",
            "34%",
            "22%",
            "-",
            "-",
        ],
    ),
    model(
        "redb",
        [
            "45",
            "337/1830/2802",
            "7/29",
            "1.8%",
            "7%",
            "77%",
            "19/0",
            "20.7",
        ],
    ),
    model(
        "linkerd2-proxy",
        [
            "403",
            "118/330/1090",
            "6/26",
            "1.6%",
            "16%",
            "27%",
            "1/1",
            "0.3",
        ],
    ),
];
