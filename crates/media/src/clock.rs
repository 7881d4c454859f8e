//! The clock of a file: every packet's times, counted from its start, without the jumps that
//! joined, wrapped and edited recordings have.
//!
//! Where a stream goes back, or in formats whose clocks may jump ahead too far, its clock was set
//! anew. The file goes on where it was, and the other streams follow when their own times show that
//! they have come to the same place, since packets of both sides lie mixed there.

use ffmpeg_next::Rescale as _;
use ffmpeg_next::{Packet, Rational};

/// Microseconds, as libav counts the times of a whole file.
const MICROSECONDS: Rational = Rational(1, 1_000_000);
const SECOND: i64 = 1_000_000;
/// A stream that goes back further than this has another clock; less is a muxer's rounding.
/// ffmpeg's own bound.
const BACK: i64 = SECOND / 10;
/// In formats whose clocks may jump, a stream that leaves out more than this has another clock.
/// ffmpeg's default.
const AHEAD: i64 = 10 * SECOND;
/// How far a stream may be from where it is expected on a clock that another stream has shown
/// already: what one runs ahead of the other where recordings are joined.
const NEAR: i64 = SECOND;
/// Clocks, the newest first, that a stream is looked for on.
const REMEMBERED: usize = 8;

/// Where one stream is.
#[derive(Clone, Copy, Default)]
struct Track {
    /// Index of its clock.
    clock: usize,
    /// When its next packet is expected, from the start of the file.
    next: Option<i64>,
}

/// Counts the times of a file's packets from its start.
pub(super) struct Clock {
    /// Whether times may jump ahead, too.
    jumps: bool,
    /// What is added to the file's own times, by each clock that it has had; in microseconds. None
    /// before the first time is known.
    offsets: Vec<i64>,
    tracks: Vec<Track>,
}

impl Clock {
    /// Of a file of `streams` that says that it begins at `start` microseconds. What begins a
    /// little before zero does so because a decoder needs a while, and stays.
    pub(super) fn new(start: Option<i64>, jumps: bool, streams: usize) -> Self {
        let offsets = start
            .map(|start| if (-SECOND..=0).contains(&start) { 0 } else { start.saturating_neg() });
        Self {
            jumps,
            offsets: offsets.into_iter().collect(),
            tracks: vec![Track::default(); streams],
        }
    }

    /// Whether it may be set anew in the midst of the file.
    pub(super) fn may_jump(&self) -> bool {
        self.jumps
    }

    /// Forgets where each stream was, after a seek.
    pub(super) fn forget(&mut self) {
        self.offsets.truncate(1);
        self.tracks.fill(Track::default());
    }

    /// Microseconds between the file's own times and these, at its start.
    pub(super) fn start(&self) -> i64 {
        self.offsets.first().map_or(0, |offset| offset.saturating_neg())
    }

    /// Sets the packet's times, in `base`, right. `paced` says that its stream goes on without a
    /// break, as pictures and sound do; the times of others say nothing of the clock.
    pub(super) fn set(&mut self, packet: &mut Packet, base: Rational, paced: bool) {
        let Some(time) = packet.dts().or(packet.pts()) else { return };
        let micros = time.rescale(base, MICROSECONDS);
        if self.offsets.is_empty() {
            self.offsets.push(micros.saturating_neg());
        }
        let duration = packet.duration().max(0).rescale(base, MICROSECONDS);
        let known = packet.dts().is_some();
        let offset = if paced && known {
            self.follow(packet.stream(), micros, duration)
        } else {
            self.newest()
        };
        let shift = offset.rescale(MICROSECONDS, base);
        packet.set_pts(packet.pts().map(|t| t.saturating_add(shift)));
        packet.set_dts(packet.dts().map(|t| t.saturating_add(shift)));
    }

    fn newest(&self) -> i64 {
        self.offsets.last().copied().unwrap_or(0)
    }

    /// The offset of the clock that a packet of the stream at `time` is on, which it moves on.
    fn follow(&mut self, stream: usize, time: i64, duration: i64) -> i64 {
        // Streams may appear in the midst of a file.
        if self.tracks.len() <= stream {
            self.tracks.resize(stream + 1, Track::default());
        }
        let track = self.tracks[stream];
        let Some(expected) = track.next.or_else(|| self.jumps.then(|| self.reached()).flatten())
        else {
            let clock = self.offsets.len() - 1;
            return self.advance(stream, clock, time, duration);
        };
        let off = |clock: usize| time.saturating_add(self.offsets[clock]).saturating_sub(expected);
        let ahead = if self.jumps { AHEAD } else { i64::MAX };
        let own = if track.next.is_some() { track.clock } else { self.offsets.len() - 1 };
        // What has not begun may begin late, and a little early.
        let back = if track.next.is_some() { BACK } else { AHEAD };
        if (-back..=ahead).contains(&off(own)) {
            return self.advance(stream, own, time, duration);
        }
        let newer = (own + 1..self.offsets.len())
            .rev()
            .take(REMEMBERED)
            .find(|&clock| off(clock).abs() <= NEAR);
        let clock = newer.unwrap_or_else(|| {
            // Nothing that was before is overlaid: the new part begins where the last of all
            // streams ends.
            let from = self
                .reached()
                .filter(|reached| (0..AHEAD).contains(&(reached - expected)))
                .unwrap_or(expected);
            self.offsets.push(from.saturating_sub(time));
            self.offsets.len() - 1
        });
        self.advance(stream, clock, time, duration)
    }

    /// How far the furthest stream has come.
    fn reached(&self) -> Option<i64> {
        self.tracks.iter().filter_map(|t| t.next).max()
    }

    fn advance(&mut self, stream: usize, clock: usize, time: i64, duration: i64) -> i64 {
        let offset = self.offsets[clock];
        self.tracks[stream] =
            Track { clock, next: Some(time.saturating_add(offset).saturating_add(duration)) };
        offset
    }
}

/// Gives every frame of a stream a time of its own, in the stream's time base, where the file says
/// none or the same one again.
#[derive(Default)]
pub(super) struct Pace {
    last: Option<i64>,
    /// Frames in a row whose times did not rise.
    stuck: u32,
}

impl Pace {
    /// The time of the next frame, which the file has at `told`, and which usually lasts for
    /// `duration`.
    pub(super) fn next(&mut self, told: Option<i64>, duration: i64) -> i64 {
        let duration = duration.max(1);
        let Some(last) = self.last else { return *self.last.insert(told.unwrap_or(0)) };
        let time = match told {
            Some(told) if told > last => {
                self.stuck = 0;
                told
            }
            // One that has the time of another goes between; a run of them has no clock, and goes
            // by the usual pace.
            Some(_) if self.stuck == 0 => {
                self.stuck = 1;
                last.saturating_add((duration / 2).max(1))
            }
            _ => last.saturating_add(duration),
        };
        *self.last.insert(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: Rational = Rational(1, 1000);

    /// The times, in milliseconds, that packets of streams get, each lasting for 40.
    fn run(clock: &mut Clock, packets: &[(usize, i64)]) -> Vec<i64> {
        let set = |&(stream, time): &(usize, i64)| {
            let mut packet = Packet::empty();
            packet.set_stream(stream);
            packet.set_dts(Some(time));
            packet.set_pts(Some(time));
            packet.set_duration(40);
            clock.set(&mut packet, MILLIS, true);
            assert_eq!(packet.pts(), packet.dts());
            packet.dts().unwrap()
        };
        packets.iter().map(set).collect()
    }

    #[test]
    fn a_file_starts_at_zero_whatever_its_clock_says() {
        assert_eq!(
            run(
                &mut Clock::new(Some(24_550 * SECOND), true, 2),
                &[(0, 24_550_000), (1, 24_550_020), (0, 24_550_040)]
            ),
            [0, 20, 40]
        );
        assert_eq!(run(&mut Clock::new(None, false, 1), &[(0, 5_000), (0, 5_040)]), [0, 40]);
        // A decoder's delay stays.
        assert_eq!(run(&mut Clock::new(Some(-7_000), false, 1), &[(0, -7), (0, 33)]), [-7, 33]);
    }

    #[test]
    fn clocks_that_go_back_go_on_for_all_streams() {
        let mut clock = Clock::new(Some(1_400_000), true, 2);
        // The first part's last sound comes behind the second part's first picture.
        let packets = [
            (0, 1_400),
            (1, 1_400),
            (0, 1_900),
            (1, 1_900),
            (0, 1_400),
            (1, 1_940),
            (1, 1_400),
            (0, 1_440),
            (1, 1_440),
        ];
        assert_eq!(run(&mut clock, &packets), [0, 0, 500, 500, 540, 540, 540, 580, 580]);
    }

    #[test]
    fn jumps_ahead_are_closed_where_clocks_may_jump_and_gaps_stay_elsewhere() {
        let packets = [(0, 0), (0, 40), (0, 60_000), (0, 60_040)];
        assert_eq!(run(&mut Clock::new(Some(0), true, 1), &packets), [0, 40, 80, 120]);
        assert_eq!(run(&mut Clock::new(Some(0), false, 1), &packets), [0, 40, 60_000, 60_040]);
        let gap = [(0, 0), (0, 9_000)];
        assert_eq!(run(&mut Clock::new(Some(0), true, 1), &gap), [0, 9_000]);
    }

    #[test]
    fn times_at_the_ends_of_their_range_overflow_nothing() {
        let mut clock = Clock::new(Some(i64::MIN), true, 1);
        run(&mut clock, &[(0, i64::MAX), (0, i64::MIN + 1), (5, i64::MAX / 2), (0, 0)]);
    }

    #[test]
    fn frames_without_times_of_their_own_go_by_the_usual_pace() {
        let mut pace = Pace::default();
        let times = |pace: &mut Pace, told: &[Option<i64>]| {
            told.iter().map(|&t| pace.next(t, 40)).collect::<Vec<_>>()
        };
        assert_eq!(times(&mut pace, &[None, None, None]), [0, 40, 80]);
        assert_eq!(
            times(&mut Pace::default(), &[Some(0), Some(0), Some(40), Some(40), Some(80)]),
            [0, 20, 40, 60, 80]
        );
        assert_eq!(times(&mut Pace::default(), &[Some(7); 4]), [7, 27, 67, 107]);
    }
}
