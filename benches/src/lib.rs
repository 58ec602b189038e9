//! Measurements: one question a module, its unit and expectation in its head. Each module gives
//! its report as lines, `lines(tiny)`; ratios of alternating rounds count, absolute rates do not.

pub mod erasure;
pub mod pairs;
pub mod proof;
