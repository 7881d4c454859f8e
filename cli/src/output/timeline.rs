//! When the marks are there: evidence over time, as a plot.

use proofmark::evidence::{Span, SpanState};
use proofmark::video::VideoEvidence;

use super::canvas::{Canvas, Colour, INK, LETTER, LINE, SOFT, UNKNOWN, UNMARKED, hue};

/// Layout in pixels: the paper, its left and right margins, and from top to bottom the legend, a
/// lane for each mark (its name, the band of its ranges, its bars, a gap), and the axis.
const WIDTH: usize = 1280;
const MARGIN: (usize, usize) = (72, 36);
const LEGEND: usize = 64;
const NAME: usize = 30;
const BAND: usize = 12;
const BARS: usize = 180;
const GAP: usize = 28;
const AXIS: usize = 44;
/// Dots of a letter are so large.
const SCALE: usize = 2;
/// Least height of a bar: its colour shows even at a score of 0.
const LEAST: usize = 4;
/// Bars narrower than this stand without gaps, as those of thousands of spans would.
const NARROW: usize = 6;

/// The scores that decide, their lines' colours, and what they say.
const THRESHOLDS: [(f32, Colour, &str); 2] =
    [(Span::MARKED, INK, "marked from score"), (Span::UNMARKED, UNMARKED, "unmarked under")];

/// Draws a lane for each mark. `None` without a mark, as nothing was measured then.
pub(crate) fn draw(picture: &VideoEvidence) -> Option<Canvas> {
    let marks: Vec<_> = std::iter::once(picture)
        .chain(&picture.others)
        .chain(&picture.earlier)
        .filter(|m| !m.spans.is_empty())
        .collect();
    let spans = || marks.iter().flat_map(|m| &m.spans);
    let seconds = spans().map(|s| s.end).fold(0.0, f64::max);
    let score = spans().map(|s| f64::from(s.score)).fold(2.0 * f64::from(Span::MARKED), f64::max);
    if marks.is_empty() {
        return None;
    }
    let lane = NAME + BAND + BARS + GAP;
    let mut plot = Plot {
        canvas: Canvas::new(WIDTH, LEGEND + marks.len() * lane - GAP + AXIS),
        seconds: seconds.max(1e-3),
        score: 1.05 * score,
    };
    plot.legend(marks.len());
    for (i, mark) in marks.iter().enumerate() {
        plot.lane(LEGEND + i * lane, mark, hue(i));
    }
    plot.axis(LEGEND + marks.len() * lane - GAP);
    Some(plot.canvas)
}

/// The paper and its scales.
struct Plot {
    canvas: Canvas,
    /// What is at the right end.
    seconds: f64,
    /// What is at the top of the bars.
    score: f64,
}

impl Plot {
    fn x(&self, seconds: f64) -> usize {
        let width = WIDTH - MARGIN.0 - MARGIN.1;
        MARGIN.0 + (seconds / self.seconds * width as f64).round().clamp(0.0, width as f64) as usize
    }

    /// The height of a score in pixels.
    fn height(&self, score: f64) -> usize {
        (score / self.score * BARS as f64).round().clamp(0.0, BARS as f64) as usize
    }

    /// Text around the middle `x`, kept on the paper.
    fn centred(&mut self, x: usize, y: usize, colour: Colour, text: &str) {
        let width = width(text);
        let left = x.saturating_sub(width / 2).min(WIDTH.saturating_sub(width + SCALE));
        self.canvas.text((left, y), SCALE, colour, text);
    }

    /// A broken line.
    fn dashes(&mut self, y: usize, colour: Colour, left: usize, right: usize) {
        for x in (left..right).step_by(8) {
            self.canvas.fill((x, y), (5.min(right - x), 1), colour);
        }
    }

    fn legend(&mut self, marks: usize) {
        let hues: Vec<Colour> = (0..marks).map(hue).collect();
        let (mut x, y) = (MARGIN.0, 16);
        for (colours, name) in
            [(&hues[..], "marked"), (&[UNMARKED], "unmarked"), (&[UNKNOWN], "says nothing")]
        {
            for &colour in colours {
                self.canvas.fill((x, y), (14, 14), colour);
                x += 18;
            }
            self.canvas.text((x + 4, y), SCALE, SOFT, name);
            x += 4 + width(name) + 28;
        }
        for (score, colour, says) in THRESHOLDS {
            self.dashes(y + 7, colour, x, x + 29);
            let name = format!("{says} {score:.1}");
            self.canvas.text((x + 36, y), SCALE, SOFT, &name);
            x += 36 + width(&name) + 28;
        }
    }

    /// A mark's name, the band of its ranges, and its bars.
    fn lane(&mut self, top: usize, mark: &VideoEvidence, colour: Colour) {
        let name = mark.payload.map_or("payload not told".to_string(), |p| format!("payload {p}"));
        self.canvas.text((MARGIN.0, top), SCALE, INK, &name);
        let (band, bars) = (top + NAME, top + NAME + BAND);
        let foot = bars + BARS;
        for score in ticks(self.score, 4) {
            let y = foot - self.height(score);
            self.canvas.fill((MARGIN.0, y), (WIDTH - MARGIN.0 - MARGIN.1, 1), LINE);
            let text = format!("{score:.0}");
            self.canvas.text(
                (MARGIN.0 - 10 - width(&text), y.saturating_sub(6)),
                SCALE,
                SOFT,
                &text,
            );
        }
        for range in &mark.ranges {
            let (left, right) = (self.x(range.start), self.x(range.end));
            self.canvas.fill((left, band), ((right - left).max(1), BAND - 4), colour);
        }
        for span in &mark.spans {
            let (left, right) = (self.x(span.start), self.x(span.end));
            let width = right.saturating_sub(left);
            let width = if width < NARROW { width.max(1) } else { width - 1 };
            let height = self.height(span.score.into()).max(LEAST);
            let colour = match span.state {
                SpanState::Marked => colour,
                SpanState::Unmarked => UNMARKED,
                _ => UNKNOWN,
            };
            self.canvas.fill((left, foot - height), (width, height), colour);
        }
        for (score, colour, _) in THRESHOLDS {
            self.dashes(foot - self.height(score.into()), colour, MARGIN.0, WIDTH - MARGIN.1);
        }
    }

    fn axis(&mut self, y: usize) {
        self.canvas.fill((MARGIN.0, y), (WIDTH - MARGIN.0 - MARGIN.1, 2), SOFT);
        let step = time_step(self.seconds);
        for i in 0.. {
            let time = step * f64::from(i);
            if time > self.seconds {
                break;
            }
            let x = self.x(time);
            self.canvas.fill((x, y), (2, 8), SOFT);
            self.centred(x + 1, y + 14, SOFT, &clock(time, step));
        }
    }
}

/// Width of text in pixels.
fn width(text: &str) -> usize {
    SCALE * (text.chars().count() * LETTER.0).saturating_sub(1)
}

/// Multiples of a round number from 0 to `end`, at most `most` beside 0.
fn ticks(end: f64, most: u32) -> impl Iterator<Item = f64> {
    let least = end / f64::from(most);
    let power = 10f64.powf(least.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|&s| s >= least).unwrap_or(least);
    (0..=most).map(move |i| step * f64::from(i)).take_while(move |&t| t <= end)
}

/// Seconds between the numbers of the axis: at most a dozen of them.
fn time_step(seconds: f64) -> f64 {
    const STEPS: [f64; 19] = [
        0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0,
        600.0, 900.0, 1800.0, 3600.0,
    ];
    // Past half a day in whole hours.
    let hours = 3600.0 * (seconds / 12.0 / 3600.0).ceil();
    STEPS.into_iter().find(|s| 12.0 * s >= seconds).unwrap_or(hours)
}

/// A time on an axis with a number every `step` seconds.
fn clock(seconds: f64, step: f64) -> String {
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match step {
        ..0.1 => format!("{seconds:.2} s"),
        ..1.0 => format!("{seconds:.1} s"),
        ..15.0 => format!("{seconds:.0} s"),
        ..600.0 => format!("{}:{rest:02}", 60 * hours + minutes),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_not_too_many() {
        assert_eq!(ticks(38.0, 4).collect::<Vec<_>>(), [0.0, 10.0, 20.0, 30.0]);
        assert_eq!(ticks(8.82, 4).collect::<Vec<_>>(), [0.0, 5.0]);
        for seconds in [0.04, 0.9, 5.0, 61.0, 3000.0, 7300.0, 1e6] {
            let count = (seconds / time_step(seconds)).floor();
            assert!((1.0..=12.0).contains(&count), "{seconds} s: {count}");
        }
    }

    #[test]
    fn times_read_like_a_clock() {
        let shown = |s: f64, end: f64| clock(s, time_step(end));
        assert_eq!(
            [
                shown(0.02, 0.07),
                shown(0.5, 2.0),
                shown(5.0, 60.0),
                shown(90.0, 300.0),
                shown(5400.0, 7300.0)
            ],
            ["0.02 s", "0.5 s", "5 s", "1:30", "1:30:00"]
        );
    }
}
