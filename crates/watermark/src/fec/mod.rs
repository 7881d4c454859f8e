//! The error-correcting code of the mark: a polar code with a CRC, decoded by successive
//! cancellation with a list.
//!
//! 148 bits (116 of message, 32 of CRC) become as many signs as the mark has code dimensions, about
//! 1,600, at a rate of 0.09. That far below capacity a polar code with a long list stays within a
//! few tenths of a decibel of the normal approximation (see `docs/results/log/the-code.md`).
//! [`construct`] chooses the information positions, [`PolarCode`] encodes, [`list`] decodes soft
//! values.

mod construct;
mod crc;
mod list;
mod polar;

pub use crc::crc32;
pub use polar::{Correlator, Decoded, PolarCode};
