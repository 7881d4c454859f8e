//! The label of GB 45438-2025, where metadata goes by names: what it is called, and what is said
//! where it is not there.

/// Its name.
pub(super) const AIGC: &str = "AIGC";

/// What is said of one that was asked for and is not there, with the reason.
pub(super) fn unwritten(why: &str) -> String {
    format!("the AIGC label was not written: {why}")
}

/// The reason where there is one already.
pub(super) const THERE: &str = "the clip has one, and one is in a file";
