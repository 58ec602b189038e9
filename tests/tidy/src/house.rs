//! The tables of the house: which room is on which level, who owns which vendor, which words are
//! not used. A new arrow or door changes docs/ARCHITECTURE.md and, where it is an exception, a row
//! here, in the same commit.

/// Levels from the ground up: a room imports only from lower ones.
pub(crate) const LEVELS: [(&str, u8); 35] = [
    ("host-core", 0),
    ("host-simd", 0),
    ("host-erasure", 1),
    ("host-proof", 1),
    ("host-keystore", 1),
    ("host-uring", 1),
    ("host-net", 1),
    ("host-chain", 1),
    ("host-devchain", 1),
    ("host-api", 1),
    ("host-score", 1),
    ("host-release", 1),
    ("host-ledger", 2),
    ("host-signer", 2),
    ("host-store", 3),
    ("host-agreement", 3),
    ("host-settle", 3),
    ("host-transfer", 3),
    ("host-session", 4),
    ("host-renter", 4),
    ("host-daemon", 5),
    ("host-services", 5),
    ("host-cli", 5),
    ("host-box", 5),
    ("host-gateway", 5),
    ("board-spec", 0),
    ("board-wire", 0),
    ("board-watch", 1),
    ("board-nvme", 1),
    ("board-slot", 1),
    ("board-daemon", 5),
    ("image-bundle", 1),
    ("image-build", 5),
    ("image-init", 5),
    ("image-update", 5),
];

/// Arrows that the levels forbid and a reason allows: from, to, why.
pub(crate) const ARROW_EXCEPTIONS: [(&str, &str, &str); 4] = [
    (
        "host-cli",
        "host-daemon",
        "init, config and restore speak the daemon's own configuration; one reader of it",
    ),
    ("host-box", "host-daemon", "the sources of host-cli"),
    (
        "host-cli",
        "host-gateway",
        "`holdfast gateway` opens the renter's home, the one reader of it, and hands it over",
    ),
    ("host-box", "host-gateway", "the sources of host-cli"),
];

/// The programs' rooms: the only product code that knows drivers.
pub(crate) const ROOTS: [&str; 10] = [
    "host-daemon",
    "host-services",
    "host-cli",
    "host-box",
    "host-gateway",
    "host-devchain",
    "board-daemon",
    "image-build",
    "image-init",
    "image-update",
];

/// Drivers: taken through a seam by everyone but roots, tests and benches.
pub(crate) const DRIVERS: [&str; 3] = ["host-uring", "host-net", "host-chain"];

/// A vendor and the rooms that may name it. A folder ending in `/` means every room below it.
pub(crate) const DOORS: [(&str, &[&str]); 23] = [
    ("s3s", &["host-gateway"]),
    ("hyper", &["host-gateway"]),
    ("hyper-util", &["host-gateway"]),
    ("libp2p", &["host-net"]),
    ("ethers-core", &["host-chain"]),
    ("ethers-signers", &["host-chain"]),
    ("ethers-contract", &["host-chain"]),
    ("ethers-providers", &[]),
    ("io-uring", &["host-uring"]),
    ("redb", &["host-ledger"]),
    ("object_store", &["host-cli", "host-box"]),
    ("tokio-postgres", &["host-gateway"]),
    ("zstd", &["host-release"]),
    ("reed-solomon-simd", &["host-erasure"]),
    ("revm", &["host-devchain"]),
    // Whoever holds words that open a key.
    (
        "zeroize",
        &[
            "host-core",
            "host-keystore",
            "host-signer",
            "host-daemon",
            "host-cli",
            "host-box",
            "image-update",
        ],
    ),
    ("sysinfo", &["board-watch"]),
    ("tough", &["image-build", "image-update"]),
    ("nix", &["host-uring", "host-signer", "board/", "image/"]),
    ("libc", &["host-uring", "board/", "image/"]),
    ("rustix", &["board-wire"]),
    (
        "axum",
        &[
            "host-daemon",
            "host-devchain",
            "host-services",
            "host-gateway",
        ],
    ),
    (
        "clap",
        &[
            "host-daemon",
            "host-devchain",
            "host-signer",
            "host-services",
            "host-cli",
            "host-box",
            "image/",
            "board/",
        ],
    ),
];

/// Rooms that may name tokio.
pub(crate) const TOKIO_ROOMS: [&str; 6] = [
    "host-net",
    "host-uring",
    "host-chain",
    "host-session",
    "host-transfer",
    "host-renter",
];

/// Rooms that may hold unsafe code.
pub(crate) const UNSAFE_ROOMS: [&str; 5] = [
    "host-uring",
    "host-simd",
    "board-slot",
    "image-init",
    "board-nvme",
];

/// Folders that are workspaces of their own, so that what they need stays out of the build.
pub(crate) const OWN_WORKSPACES: [&str; 3] = [
    "benches/compare/iroh",
    "benches/compare/libp2p",
    "tests/fuzz",
];

/// Rooms that do not log; they return.
pub(crate) const PURE_ROOMS: [&str; 8] = [
    "host-core",
    "host-simd",
    "host-erasure",
    "host-proof",
    "host-keystore",
    "host-score",
    "board-wire",
    "image-bundle",
];

/// A word that no file, type or folder carries, and what to write instead.
pub(crate) const BANNED_WORDS: [(&str, &str); 10] = [
    ("manager", "the noun of what is kept"),
    ("handler", "the conversation's own name"),
    ("helper", "what it does"),
    ("helpers", "what they do"),
    ("util", "what it does"),
    ("utils", "what they do"),
    ("common", "the noun they share"),
    ("misc", "one noun a file"),
    ("info", "what is told"),
    ("chequebook", "vault"),
];

/// Where a banned word is someone else's noun: path, word, why.
pub(crate) const WORD_EXCEPTIONS: [(&str, &str, &str); 4] = [
    (
        "host/core/src/wire",
        "info",
        "the name of a wire conversation",
    ),
    (
        "host/session/src/info.rs",
        "info",
        "the name of a wire conversation",
    ),
    (
        "host/transfer/src/info.rs",
        "info",
        "the name of a wire conversation",
    ),
    (
        "host/net/",
        "handler",
        "libp2p's noun for a connection's half",
    ),
];

/// The ten packages the house is built with: its name, the names cargo knows, the door.
pub(crate) const CARD: [(&str, &[&str], &str); 10] = [
    ("tokio", &["tokio"], "host-net"),
    ("libp2p", &["libp2p"], "host-net"),
    ("reed-solomon-simd", &["reed-solomon-simd"], "host-erasure"),
    ("io-uring", &["io-uring"], "host-uring"),
    (
        "ethers",
        &["ethers-core", "ethers-signers", "ethers-contract"],
        "host-chain",
    ),
    ("redb", &["redb"], "host-ledger"),
    ("nix", &["nix"], "host-uring"),
    ("sysinfo", &["sysinfo"], "board-watch"),
    ("zeroize", &["zeroize"], "host-core"),
    ("tracing", &["tracing"], "host-daemon"),
];

/// Lines of a file that make a person look again, and that no file may have.
pub(crate) const FILE_LINES: (usize, usize) = (600, 900);

/// Lines of a function that make a person look again.
pub(crate) const FUNCTION_LINES: usize = 70;
