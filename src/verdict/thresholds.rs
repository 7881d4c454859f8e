//! What counts as what, in one place, with where each number comes from.

/// Seconds without the mark, within what carries it, from which on that is a cut or an insertion:
/// two spans of detection.
pub(super) const GAP: f64 = 1.0;

/// Evidence of a mark, about what blind reading takes, under which a part without it accuses
/// nobody: a codec that left so little of it may have left nothing where the picture stands still.
pub(super) const PLAIN: f32 = 250.0;

/// Chance that a marked clip lost so much of the aperiodic part alone, from which on its mark may
/// have been copied.
pub(super) const COPIED: f64 = 1e-9;

/// Share of the picture from which on a mark counts as all over it: captions, logos and what
/// straightening leaves out take less than the rest. Where half was replaced it is 0.48 to 0.69 in
/// 69 of 70 files, and where nothing was 0.75 at the least (`docs/results/log/recovery.md`).
pub(super) const EVERYWHERE: f32 = 0.7;

/// Share from which on nothing of the picture that it was made for can be seen beside another one:
/// where half was replaced it is up to 0.88. Below, a moderator is told to look; three of 257
/// copies that nothing was done to are.
pub(super) const NOTHING_ELSE: f32 = 0.9;

/// Score that a span of half a second has in three of four where nothing was laid over the mark.
/// Voices and music as loud as marked sound, and twice that, leave the mark readable in their
/// pauses and make the sound unlike itself: 11.2 at most in 96 such mixtures. Fresh marks of 10 s
/// have 12 to 17, and 12 of 16 pass.
pub(super) const UNDISTURBED: f32 = 14.0;

/// Most bits by which a picture that is too short to be called a copy still looks like a moment of
/// another: PDQ's own bound for one picture. By chance the best of a thousand guesses differs in a
/// hundred.
pub(super) const ALIKE: f32 = 31.0;

/// Share of its usual size, and degrees, by which a mark may lie otherwise than it was put there,
/// however the frame was resized: what measuring leaves open.
pub(super) const AS_STAMPED: (f32, f32) = (0.02, 0.5);

/// The same up to where a turned picture is turned back for comparing: its corners are lost, and a
/// crop that hides them shows in its size.
pub(super) const COMPARABLE: (f32, f32) = (0.06, 3.0);

/// The same of speed and pitch of sound.
pub(super) const AS_PLAYED: f32 = 0.002;

/// Share of the picture that looks otherwise, from which on it is another picture and not a part of
/// it.
pub(super) const NO_PART: f32 = 0.6;

/// Share of the picture whose replacement is seen beside the registered one, or is told to be
/// beyond telling, in all of 168 edits of 28 clips, cropped and not (`docs/results/edits.md`).
pub(super) const PART_SEEN: f64 = 0.08;

/// By how many seconds shorter a copy may be than the registered clip: codecs pad.
pub(super) const SHORTER: f64 = 1.0;

/// By how much longer a copy may be than the registered clip.
pub(super) struct Longer {
    pub(super) seconds: f64,
    /// The share of its length beside that: as speeds are guessed, in steps of some six hundredths,
    /// and where none is known, since a tenth slower is hardly heard.
    pub(super) known: f64,
    pub(super) unknown: f64,
}
pub(super) const LONGER: Longer = Longer { seconds: 1.0, known: 0.04, unknown: 0.1 };
