//! Text that lies in a file beside picture and sound.

use serde::{Deserialize, Serialize};

/// A piece of text in a file, which anybody can write and take out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Where it lies, such as `XMP` or `tags`.
    pub place: String,
    /// What it goes by there, if it has a name.
    pub name: String,
    /// What it says.
    pub value: String,
}

impl Text {
    /// Bytes of one that are taken in.
    pub const LONGEST: usize = 1 << 20;
    /// Pieces of a file that are taken in.
    pub const MOST: usize = 256;
    /// Bytes of all of them, with their names.
    pub const ALL: usize = 8 << 20;
}
