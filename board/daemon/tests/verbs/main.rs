//! Each verb of the privileged programs, asked of the programs themselves: what it does, and what
//! a client that means harm gets. The changes of neighbour tables need root and a network namespace
//! of our own; without them a test says so and ends.

mod ground;
mod net;
mod nvme;
mod wall;
