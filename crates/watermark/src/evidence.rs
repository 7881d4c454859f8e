//! What evidence of a mark is told in, whether it lies in picture or sound: the question, the
//! answer's kind, and when the mark is there.

use serde::{Deserialize, Serialize, Serializer};

use proofmark_core::Payload;
pub use proofmark_core::TimeRange;

/// What is asked about a clip, beyond whether a mark is there.
#[derive(Clone, Debug, Default)]
pub enum Question {
    /// Which payload is it?
    #[default]
    Blind,
    /// Which of these is it? A list of known payloads needs much less evidence than none.
    Candidates(Vec<Payload>),
    /// Is it this one?
    Expected(Payload),
}

impl Question {
    /// The payloads that are known; none where the question is blind.
    #[must_use]
    pub fn candidates(&self) -> &[Payload] {
        match self {
            Self::Blind => &[],
            Self::Candidates(list) => list,
            Self::Expected(payload) => std::slice::from_ref(payload),
        }
    }

    /// How an answer is arrived at.
    #[must_use]
    pub fn method(&self) -> Method {
        match self {
            Self::Blind => Method::Blind,
            Self::Candidates(_) => Method::Candidates,
            Self::Expected(_) => Method::Expected,
        }
    }
}

/// How a payload was arrived at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Method {
    /// Decoded from picture or sound alone.
    Blind,
    /// The best among given candidates.
    Candidates,
    /// Confirmed: the one payload that was asked for.
    Expected,
}

/// What a span of time says of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SpanState {
    /// The mark is there.
    Marked,
    /// It is not, though it would be plain.
    Unmarked,
    /// Nothing can be told: the span is black, flat or silent, or the mark is too weak for so short
    /// a time.
    Unknown,
}

/// A span of time, and how much of the mark it alone shows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Span {
    /// Start, in seconds from the beginning.
    #[serde(serialize_with = "thousandths")]
    pub start: f64,
    /// End.
    #[serde(serialize_with = "thousandths")]
    pub end: f64,
    /// Score z of the mark in it: a few units around 0 without the mark, up to about 40 with it.
    #[serde(serialize_with = "thousandths")]
    pub score: f32,
    /// What that says.
    pub state: SpanState,
}

impl Span {
    /// Score from which a span counts as marked: one span in 30,000 without a mark gets there.
    pub const MARKED: f32 = 4.2;
    /// Score under which a span counts as unmarked, if others show that the mark should be plain
    /// there.
    pub const UNMARKED: f32 = 3.0;
}

/// Share of its usual score that a mark may come down to where a codec was starved or a scene hides
/// it. The code word of another mark that lies there instead leans to this one by a fortieth, give
/// or take.
const STARVED: f32 = 0.1;
/// Pooled score under which a run of spans is plainly unmarked: without a mark two runs in a
/// hundred get there.
const DOUBT: f32 = 2.0;

/// Takes back what was said of unmarked spans where all of a run together show a little of the
/// mark: a false accusation is worse than a miss. `typical` is the score of a marked span.
pub(crate) fn doubt(states: &mut [SpanState], scores: &[f32], typical: f32) {
    let mut from = 0;
    for run in states.chunk_by_mut(|a, b| a == b) {
        let root = (run.len() as f32).sqrt();
        let pooled = scores[from..from + run.len()].iter().sum::<f32>() / root;
        from += run.len();
        if run[0] == SpanState::Unmarked && pooled >= DOUBT.max(STARVED * typical * root) {
            run.fill(SpanState::Unknown);
        }
    }
}

/// Reports have many spans; digits that mean nothing would make most of them. What is not for
/// people stays exact.
fn thousandths<T: Copy + Into<f64>, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let value = (*value).into();
    let told =
        if serializer.is_human_readable() { (value * 1000.0).round() / 1000.0 } else { value };
    serializer.serialize_f64(told)
}

/// Spans that are marked, joined; spans that say nothing go with their neighbours.
pub(crate) fn ranges(spans: &[Span]) -> Vec<TimeRange> {
    if spans.iter().all(|s| s.state != SpanState::Marked) {
        // The whole is marked, no span alone says so: the mark is weak, and where it lies cannot be
        // told.
        let ends = spans.first().zip(spans.last());
        return ends.map(|(a, b)| TimeRange { start: a.start, end: b.end }).into_iter().collect();
    }
    let mut out: Vec<TimeRange> = Vec::new();
    let mut open = false;
    let mut pending: Option<f64> = None;
    for (i, span) in spans.iter().enumerate() {
        match span.state {
            SpanState::Unmarked => (open, pending) = (false, None),
            // Spans that say nothing belong to the marked ones before or after them.
            SpanState::Unknown if open => {
                if let Some(last) = out.last_mut() {
                    last.end = span.end;
                }
            }
            SpanState::Unknown => pending = pending.or(Some(span.start)),
            SpanState::Marked => {
                let (start, end) = within(spans, i);
                match out.last_mut() {
                    Some(last) if open => last.end = end,
                    _ => out.push(TimeRange { start: pending.unwrap_or(start), end }),
                }
                (open, pending) = (true, None);
            }
        }
    }
    out
}

/// The marked part of a marked span: between an unmarked neighbour and a marked one, the score
/// tells how much of the span is marked.
fn within(spans: &[Span], i: usize) -> (f64, f64) {
    let Span { start, end, score, .. } = spans[i];
    let length = |marked: &Span| (end - start) * f64::from((score / marked.score).clamp(0.0, 1.0));
    match (i.checked_sub(1).and_then(|before| spans.get(before)), spans.get(i + 1)) {
        (Some(before), Some(after))
            if (before.state, after.state) == (SpanState::Unmarked, SpanState::Marked) =>
        {
            (end - length(after), end)
        }
        (Some(before), Some(after))
            if (before.state, after.state) == (SpanState::Marked, SpanState::Unmarked) =>
        {
            (start, start + length(before))
        }
        _ => (start, end),
    }
}

/// Largest p-value at which a mark counts as present.
pub const PRESENCE: f64 = 1e-6;
/// Largest p-value at which a payload is told.
pub const IDENTITY: f64 = 1e-9;
/// One over the share of the false-alarm budget that a second look has at what was asked something
/// else before.
pub(crate) const SECOND_LOOK: f64 = 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_say_nothing_go_with_their_marked_neighbours() {
        let told = |states: &str| {
            let state = |c| match c {
                'm' => SpanState::Marked,
                'u' => SpanState::Unmarked,
                _ => SpanState::Unknown,
            };
            let spans: Vec<Span> = states
                .chars()
                .enumerate()
                .map(|(i, c)| Span {
                    start: i as f64,
                    end: i as f64 + 1.0,
                    score: 8.0,
                    state: state(c),
                })
                .collect();
            ranges(&spans).iter().map(|r| (r.start, r.end)).collect::<Vec<_>>()
        };
        assert_eq!(told("?m?mu?u?m?"), [(0.0, 4.0), (7.0, 10.0)]);
        assert_eq!(told("u?u"), [(0.0, 3.0)], "weak: the whole");
        assert_eq!(told(""), []);
    }

    #[test]
    fn what_shows_a_little_of_the_mark_is_not_called_unmarked() {
        use SpanState::{Marked, Unknown, Unmarked};
        let doubted = |scores: &[f32], typical: f32| {
            let mut states: Vec<SpanState> = scores
                .iter()
                .map(|&z| if z < Span::UNMARKED { Unmarked } else { Marked })
                .collect();
            doubt(&mut states, scores, typical);
            states
        };
        // A weak clip whose beginning the codec starved, and the same scores in a clip that is
        // strong everywhere else.
        assert_eq!(doubted(&[2.5, 8.0, 8.0], 8.0), [Unknown, Marked, Marked]);
        assert_eq!(doubted(&[2.0, 1.5, 1.0, 8.0], 8.0), [Unknown, Unknown, Unknown, Marked]);
        assert_eq!(doubted(&[1.5, 0.5, 0.8, 25.0], 25.0), [Unmarked, Unmarked, Unmarked, Marked]);
        assert_eq!(doubted(&[8.0, -0.5, 1.9], 8.0), [Marked, Unmarked, Unmarked]);
        // Another mark lies there, which leans to this one.
        assert_eq!(doubted(&[1.5, 1.4, 1.6, 1.5, 1.5, 1.4, 25.0], 25.0)[..6], [Unmarked; 6]);
    }

    #[test]
    fn a_span_that_is_marked_in_part_says_how_much() {
        let span = |i: usize, score: f32| Span {
            start: i as f64,
            end: i as f64 + 1.0,
            score,
            state: if score < 4.0 { SpanState::Unmarked } else { SpanState::Marked },
        };
        let spans: Vec<Span> = [0.0, 6.0, 24.0, 20.0, 5.0, 0.0]
            .into_iter()
            .enumerate()
            .map(|(i, score)| span(i, score))
            .collect();
        assert_eq!(ranges(&spans), [TimeRange { start: 1.75, end: 4.25 }]);
    }
}
