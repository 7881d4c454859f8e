//! What the detector says of unmarked clips under many keys: `cargo bench --bench false_alarms --
//! --keys 800 --searches 16 --plot PLOT.svg CLIP…`.
//!
//! `--sound` asks about the sound instead of the picture. Each clip is seen as it is and under
//! every geometric attack, and each of those under so many fresh keys where a re-encoded clip would
//! have its mark (a fifth of them with candidates), and under so many with the whole search, blind,
//! with one expected payload and with candidates. Sound is heard as it is. The table says how often
//! a p-value was at most t; a promise kept is a share of at most t.
#![allow(
    clippy::too_many_lines,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints, and stops when it cannot run"
)]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use proofmark::attacks::{Group, attacks};
use proofmark::evidence::Question;
use proofmark::media::{AudioReader, Cancel, EncodeOptions, FilterOptions, Limits, Reader, filter};
use proofmark::video::{DetectOptions, Detector, Placement};
use proofmark::{KeyRing, Payload, WatermarkKey, audio};

/// What is asked of each clip.
const QUESTIONS: [&str; 7] = [
    "presence, as stamped",
    "one expected payload",
    "100 candidates",
    "presence, whole search",
    "one expected payload, whole search",
    "100 candidates, whole search",
    "one expected payload, placed",
];
/// Powers of ten that the table goes down to.
const DECADES: i32 = 6;

#[derive(Default)]
struct Arguments {
    clips: Vec<PathBuf>,
    keys: usize,
    searches: usize,
    sound: bool,
    plot: Option<PathBuf>,
}

fn arguments() -> Arguments {
    let mut out = Arguments { keys: 20, searches: 1, ..Arguments::default() };
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        match word.as_str() {
            "--bench" => {}
            "--keys" => out.keys = given.next().unwrap().parse().unwrap(),
            "--searches" => out.searches = given.next().unwrap().parse().unwrap(),
            "--sound" => out.sound = true,
            "--plot" => out.plot = given.next().map(PathBuf::from),
            clip => out.clips.push(clip.into()),
        }
    }
    if out.clips.is_empty() {
        // As `cargo bench` has it, with nothing to name.
        out.clips.push(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/bigbuckbunny.mp4"));
    }
    out
}

/// A clip, taken in.
enum Taken {
    Picture(Box<Detector>),
    Sound(Box<audio::Detector>),
}

impl Taken {
    /// What is said under a fresh key.
    fn ask(&self, how: DetectOptions) -> f64 {
        match self {
            Self::Picture(seen) => seen.again(&fresh(), how).finish().p_value.value(),
            Self::Sound(heard) => {
                let DetectOptions { question, search, again, .. } = how;
                let how = audio::ListenOptions { question, search, again };
                heard.again(&fresh(), how).finish().p_value.value()
            }
        }
    }
}

/// A picture of which the middle is seen, as a registry may say.
fn placed() -> DetectOptions {
    let placement =
        Placement { corner: [-0.1; 2], size: [1.2; 2], aspect: 16.0 / 9.0, mirrored: false };
    DetectOptions { placement: Some(placement), again: true, search: false, ..Default::default() }
}

/// The first half minute of a clip's sound, taken in.
fn listen(clip: &Path) -> audio::Detector {
    let mut reader = AudioReader::open(clip, &Limits::default()).unwrap().unwrap();
    let format = audio::Format { rate: reader.info().rate, channels: reader.info().channels };
    let mut detector =
        audio::Detector::new(&fresh(), format, audio::ListenOptions::default()).unwrap();
    let mut left = 30 * format.rate as usize * format.channels;
    while let Some(samples) = reader.next_block().unwrap().filter(|_| left > 0) {
        detector.push(&samples[..samples.len().min(left)]);
        left = left.saturating_sub(samples.len());
    }
    detector
}

/// Frames of the first seconds of a clip, taken in.
fn look(clip: &Path, chain: &str) -> Detector {
    let target = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
    let encode = EncodeOptions { preset: Some("ultrafast".into()), ..EncodeOptions::default() };
    let chain = format!("trim=end=4,format=yuv420p,{chain},format=yuv420p");
    let options = FilterOptions { chain: &chain, encode: &encode };
    filter(clip, target.path(), options, &Limits::default(), &Cancel::default()).unwrap();
    let mut reader = Reader::open(target.path(), &Limits::default()).unwrap();
    let mut detector: Option<Detector> = None;
    while let Some((mut picture, time)) =
        reader.next_frame(|t| detector.as_ref().is_none_or(|d| d.wants(t))).unwrap()
    {
        let shape = picture.shape();
        let detector = detector
            .get_or_insert_with(|| Detector::new(&fresh(), shape, DetectOptions::default()));
        let coding = picture.coding();
        picture.with_luma(|luma| detector.push_coded(luma, time, coding));
    }
    detector.unwrap()
}

fn fresh() -> KeyRing {
    KeyRing::from(WatermarkKey::generate(0).unwrap())
}

fn main() {
    let arguments = arguments();
    let geometric = attacks()
        .iter()
        .filter(|a| a.group == Group::Geometry && !arguments.sound)
        .map(|a| a.filter);
    let chains: Vec<&str> = std::iter::once("null").chain(geometric).collect();
    let jobs: Vec<(&PathBuf, &str)> = arguments
        .clips
        .iter()
        .flat_map(|clip| chains.iter().map(move |&chain| (clip, chain)))
        .collect();
    let p_values: Mutex<[Vec<f64>; QUESTIONS.len()]> = Mutex::default();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((clip, chain)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let taken = if arguments.sound {
                        Taken::Sound(Box::new(listen(clip)))
                    } else {
                        Taken::Picture(Box::new(look(clip, chain)))
                    };
                    let ask = |question: Question, search: bool| {
                        taken.ask(DetectOptions { question, search, ..DetectOptions::default() })
                    };
                    let mut found: [Vec<f64>; QUESTIONS.len()] = Default::default();
                    found[0].extend((0..arguments.keys).map(|_| ask(Question::Blind, false)));
                    let hundred =
                        || Question::Candidates((0..100).map(|_| Payload::random()).collect());
                    for _ in 0..arguments.keys.div_ceil(5) {
                        found[1].push(ask(Question::Expected(Payload::random()), false));
                        found[2].push(ask(hundred(), false));
                    }
                    for _ in 0..arguments.searches {
                        found[3].push(ask(Question::Blind, true));
                        found[4].push(ask(Question::Expected(Payload::random()), true));
                        found[5].push(ask(hundred(), true));
                    }
                    // What costs seconds a trial is asked less often.
                    let more = if arguments.sound { 0 } else { 4 * arguments.searches };
                    found[6].extend((0..more).map(|_| {
                        let question = Question::Expected(Payload::random());
                        taken.ask(DetectOptions { question, ..placed() })
                    }));
                    p_values
                        .lock()
                        .unwrap()
                        .iter_mut()
                        .zip(found)
                        .for_each(|(all, part)| all.extend(part));
                    eprint!(".");
                }
            });
        }
    });
    let p_values = p_values.into_inner().unwrap();
    println!(
        "\n| question | trials |{}",
        (1..=DECADES).map(|d| format!(" p ≤ 1e-{d} |")).collect::<String>()
    );
    println!("|{}", " --- |".repeat(2 + DECADES as usize));
    for (question, list) in QUESTIONS.iter().zip(&p_values) {
        let cells = (1..=DECADES)
            .map(|d| format!(" {} |", list.iter().filter(|&&p| p <= 10f64.powi(-d)).count()))
            .collect::<String>();
        println!("| {question} | {} |{cells}", list.len());
    }
    if let Some(path) = &arguments.plot {
        std::fs::write(path, plot(&p_values)).unwrap();
    }
}

/// Share of p-values at most t over t, both on logarithmic axes; the diagonal is what is promised.
fn plot(p_values: &[Vec<f64>]) -> String {
    const SIDE: f64 = 80.0;
    const COLOURS: [&str; QUESTIONS.len()] =
        ["#1c6dd0", "#1c8a5f", "#c98a10", "#b0308a", "#7a5230", "#5a5a5a", "#c0392b"];
    let place = |t: f64, share: f64| {
        (60.0 + SIDE * (f64::from(DECADES) + t.log10()), 20.0 - SIDE * share.log10())
    };
    let (low, high) = (10f64.powi(-DECADES), 1.0);
    let (right, bottom) = (place(high, low).0, place(high, low).1);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" \
        font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"#333\">\n<rect \
        width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        right + 20.0,
        bottom + 50.0
    );
    for d in 0..=DECADES {
        let (x, y) = place(10f64.powi(-d), 10f64.powi(-d));
        out += &format!(
            "<path d=\"M{x} 20V{bottom}M60 {y}H{right}\" stroke=\"#ddd\"/><text x=\"{x}\" \
            y=\"{}\" text-anchor=\"middle\">1e-{d}</text><text x=\"54\" y=\"{}\" \
            text-anchor=\"end\">1e-{d}</text>\n",
            bottom + 16.0,
            y + 4.0
        );
    }
    let ((x0, y0), (x1, y1)) = (place(low, low), place(high, high));
    out += &format!(
        "<path d=\"M{x0} {y0}L{x1} {y1}\" stroke=\"#333\" stroke-dasharray=\"4 4\"/>\n<text \
        x=\"{}\" y=\"{}\" text-anchor=\"middle\">reported p-value t; above the dashed line would \
        be a broken promise</text>\n",
        (60.0 + right) / 2.0,
        bottom + 38.0
    );
    out += &format!(
        "<text x=\"14\" y=\"{}\" transform=\"rotate(-90 14 {0})\" text-anchor=\"middle\">share of \
        trials with p ≤ t</text>\n",
        (20.0 + bottom) / 2.0
    );
    for (i, (list, colour)) in p_values.iter().zip(COLOURS).enumerate() {
        let mut sorted: Vec<f64> = list.iter().copied().filter(|&p| p < 1.0).collect();
        sorted.sort_by(f64::total_cmp);
        let mut path = String::new();
        // All of the tail, and enough of the rest.
        for (n, &p) in sorted.iter().enumerate().filter(|(n, _)| *n < 100 || n % 50 == 0) {
            let (x, y) = place(p.max(low), ((n + 1) as f64 / list.len() as f64).max(low));
            path += &format!("{}{x:.1} {y:.1}", if n == 0 { "M" } else { "L" });
        }
        let (y, label) =
            (40.0 + 18.0 * i as f64, format!("{}, {} trials", QUESTIONS[i], list.len()));
        out += &format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/><path \
            d=\"M76 {y}h20\" stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"102\" \
            y=\"{}\">{label}</text>\n",
            y + 4.0
        );
    }
    out + "</svg>\n"
}
