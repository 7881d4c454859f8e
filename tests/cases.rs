//! Situations that people met and reported, each rebuilt small (`shared/cases`): what is right for
//! each, held to it. A folder's README says what was seen before.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that fails should say so at once"
)]

mod common;

#[path = "cases/claims.rs"]
mod claims;
#[path = "cases/containers.rs"]
mod containers;
#[path = "cases/parts.rs"]
mod parts;
#[path = "cases/stills.rs"]
mod stills;
#[path = "cases/streams.rs"]
mod streams;

use std::path::PathBuf;

/// A file of `shared/cases`, if that is there.
fn case(name: &str) -> Option<PathBuf> {
    common::shared("PROOFMARK_CASES", "../shared/cases").map(|folder| folder.join(name))
}
