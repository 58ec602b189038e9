# The table of contents of everything one can do here. Recipes are short; anything with an `if`
# is Rust. `cargo demo` and `cargo verify` need no just.

# list the recipes
default:
    @just --list --unsorted

# every program, in the selection of `cargo verify`: another one builds libraries a second time
programs:
    cargo build --release --quiet --workspace --exclude host-box --bins --test launch

# thirty hosts, a file of yours, twenty hosts killed (arguments: `just demo --file F --exit`)
demo *arguments:
    cargo demo {{ arguments }}

# every tier, or those named (`just verify crash`)
verify *tiers:
    cargo verify {{ tiers }}

# format, lints, structure, licences, advisories
check:
    cargo verify tidy

# unit and property tests of every room
test:
    cargo verify unit

# the structure of the repository alone, with its table of sizes
tidy: programs
    target/release/tests-tidy

# several processes with each other
it:
    cargo verify it

# kill -9, torn and lost writes
crash:
    cargo verify crash

# aws, rclone, restic and curl against the S3 gateway, a line each (`cargo verify gateway` for all)
s3-clients: programs
    cargo test --release --quiet --workspace --exclude host-box --test gateway clients

# cheques and vaults on the development chain
chain:
    cargo verify chain

# Solidity: artefacts, unit, fuzz, invariants
contracts:
    cargo verify contracts

# compile the contracts and write host/solidity/abi
abi:
    npm ci --prefix host/solidity --no-audit --no-fund
    node host/solidity/build.mjs

# what the everyday transactions cost, each with its limit (host/solidity/gas.json)
gas:
    npm ci --prefix host/solidity --no-audit --no-fund
    node host/solidity/build.mjs --gas

# twelve namespaces overflow the neighbour table, with and without the ladder (root)
flood *arguments: programs
    target/release/tests-flood {{ arguments }}

# a host in a cgroup that becomes too small for it (root; `--short` for three minutes)
pressure *arguments: programs
    cargo test --release --quiet --workspace --exclude host-box --test pressure -- {{ arguments }}

# clients come and go for so many hours; the trend of memory, descriptors, sockets and disk
soak hours="1": programs
    cargo test --release --quiet --workspace --exclude host-box --test pressure -- soak {{ hours }}

# an emulated NVMe drive falls ill under a host (qemu-system-x86, nbdkit, a kernel: `just image`)
nvme: programs
    cargo test --release --quiet --workspace --exclude host-box --test nvme

# whole networks in virtual time, one a seed (`just sim 300`, `just sim 1 --first 17 --tell`)
sim *arguments: programs
    target/release/tests-sim {{ arguments }}

# builds the product with faults in it, one at a time, and sees whether a seed notices
mutants: programs
    target/release/tests-sim --mutants

# the dashboard in headless Chromium; screenshots stand in target/browser
dashboard:
    cargo verify browser

# odd questions to a running host's API, made from the document it serves (needs python3)
api-fuzz: programs
    node tests/browser/api-fuzz.mjs

# how far systemd confines our units: 1.5 at most each, lower is better
units:
    systemd-analyze security --offline=true --no-pager --threshold=15 \
        host/daemon/units/*.service board/daemon/units/*.service | grep 'Overall'
    systemd-analyze security --offline=true --no-pager --threshold=15 \
        host/daemon/units/*.service board/daemon/units/*.service > /dev/null

# golden bytes, from others and our own
vectors:
    cargo verify vectors

# a development chain on port 8545 with its blocks under target/
devchain: programs
    target/release/holdfast-devchain --listen 127.0.0.1:8545 --data target/devchain

# measurements beside their peers (`just bench device ledger`, `just bench --quick`)
bench *arguments: programs
    target/release/bench {{ arguments }}

# the peers from their own registries into target/compare (Go, cc), then the same table
bench-compare *arguments: bench-peers programs
    target/release/bench {{ arguments }}

# installs libisal-dev and fio where they are missing, fetches klauspost/reedsolomon, builds all peers
bench-peers: bench-peers-rust
    @echo "installs Debian's libisal-dev and fio, fetches the Go module klauspost/reedsolomon"
    dpkg --status libisal-dev fio > /dev/null || sudo apt-get install --yes libisal-dev fio
    go build -C benches/compare/klauspost -o ../../../target/compare/klauspost .
    cc -O2 -Wall -o target/compare/isal benches/compare/isal/main.c -lisal

# the crates libp2p and iroh-blobs as they come, each in a workspace of its own; the program garage
bench-peers-rust:
    cargo build --release --locked --manifest-path benches/compare/libp2p/Cargo.toml --target-dir target/compare/build
    cp target/compare/build/release/compare-libp2p target/compare/libp2p
    cargo build --release --locked --manifest-path benches/compare/iroh/Cargo.toml --target-dir target/compare/build
    cp target/compare/build/release/compare-iroh target/compare/iroh
    cargo install garage --version 2.5.0 --locked --no-default-features --features bundled-libs,lmdb --root target/compare/garage --target-dir target/compare/build

# a flame graph of a command: `just flames 'put of 256 MiB' target/release/holdfast demo --exit`
flames title +command:
    perf record --event cpu-clock --freq 199 --call-graph dwarf,4096 --output target/flames.perf -- {{ command }}
    perf script --input target/flames.perf --fields comm,pid,time,ip,sym | target/release/flames '{{ title }}' > target/flames.svg

# the documentation of our own crates, as a browser shows it
doc:
    cargo doc --release --workspace --no-deps --open

# write every file as rustfmt wants it
format:
    cargo fmt --all

# disk image, root and kernel image of the virtual machine, then the bundle of an update from it
image machine="qemu" version="0.1.0":
    cargo build --release --workspace --bins --test launch
    target/release/holdfast-image build --machine {{ machine }} --version {{ version }}
    target/release/holdfast-image sign image --built target/image/{{ machine }} --keys target/image/test-keys
    target/release/holdfast-image bundle --built target/image/{{ machine }}/signed --machine {{ machine }} --version {{ version }} --keys target/image/test-keys

# Debian package, plain archive and container image into target/image/package
package version="0.1.0":
    cargo build --release --workspace --bins --test launch
    target/release/holdfast-image package --version {{ version }}

# three hosts from the container image beside each other: killed, upgraded, restarted (no engine)
container:
    cargo build --release --workspace --bins --test launch
    cargo test --release --workspace --test it --features holdfast-tests/containers containers

# the image in virtual machines, as every push runs it (qemu-system-x86, ovmf); names of cases,
# `--again` with the images of the run before, `--alone` one at a time, `--report` kept beside others
boot *cases:
    cargo build --release --workspace --bins --test launch
    target/release/tests-boot {{ if cases == "" { "push" } else { cases } }}

# every case of the image in virtual machines, the night's too; the result is committed
boot-all:
    cargo build --release --workspace --bins --test launch
    target/release/tests-boot all

# sizes, two builds compared, seconds to health, memory, seconds back from every bad version
image-figures:
    cargo build --release --workspace --bins --test launch
    target/release/tests-boot figures

# break a network of forty hosts in every way; the matrix as JSON, Markdown and SVG under target/
drill-report: programs
    target/release/holdfast drill --hosts 40 --exit --report target/drill.json
