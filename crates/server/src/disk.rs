//! How much of the disk uploads and reports may take: they are refused before the registry has no
//! room.

use std::fs;
use std::path::{Path, PathBuf};

use axum::http::StatusCode;

use super::Problem;

/// Part of what may be taken from which nothing more is.
const FULL: f64 = 0.9;
/// Bytes that are left free on the disk, and their part of it: the smaller of both.
const FREE: (u64, f64) = (4 << 30, 0.1);

/// Where uploads and reports lie.
pub(super) struct Disk {
    folders: Vec<PathBuf>,
    most: u64,
}

/// Bytes of all files below a folder. What is gone meanwhile has none.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |e: fs::DirEntry| match e.file_type() {
        Ok(kind) if kind.is_dir() => size(&e.path()),
        _ => e.metadata().map_or(0, |m| m.len()),
    };
    entries.map(of).sum()
}

impl Disk {
    /// At most so many bytes in all of the folders, which lie on one disk.
    pub(super) fn new(folders: Vec<PathBuf>, most: u64) -> Self {
        Self { folders, most }
    }

    /// Whether so many bytes more can be taken.
    pub(super) fn room(&self, more: u64) -> Result<(), Problem> {
        let taken: u64 = self.folders.iter().map(|f| size(f)).sum();
        let full = |why: &str| {
            Problem::busy(
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{why}; try again when reports have gone"),
                60,
            )
            .coded("server.disk")
        };
        if taken.saturating_add(more) as f64 > FULL * self.most as f64 {
            return Err(full("the server has no more room for files"));
        }
        let disk = rustix::fs::statvfs(&self.folders[0])
            .map_err(|e| Problem::broken(&format!("{}: {e}", self.folders[0].display())))?;
        let (free, all) = (disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize);
        let keep = FREE.0.min((FREE.1 * all as f64) as u64);
        if free < more.saturating_add(keep) {
            Err(full("the server's disk is nearly full"))
        } else {
            Ok(())
        }
    }
}
