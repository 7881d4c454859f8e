//! What a pipeline counts of its stamping, in a file that Prometheus' node_exporter reads with its
//! textfile collector: calls come and go, and nobody could ask each of them.
//!
//! The file is in the text format of Prometheus (0.0.4), which that collector takes, and not in
//! OpenMetrics, which it does not. Every clip adds to what is there, under a lock, so that counters
//! rise over calls and over several calls at a time; the file is replaced whole, so that nobody
//! reads half of one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use proofmark::draft::Draft;
use proofmark::since_1970;

/// What is counted: name, kind and meaning.
const FAMILIES: [(&str, &str, &str); 5] = [
    (CLIPS, "counter", "Clips that were stamped or signed"),
    (FAILURES, "counter", "Clips that were not, by the code of the error"),
    (MEDIA, "counter", "Seconds of media in the clips that were stamped"),
    (WORK, "counter", "Seconds that clips took, one by one, failures included"),
    (LAST, "gauge", "When a clip was last finished, in seconds since 1970"),
];
const CLIPS: &str = "proofmark_clips_total";
const FAILURES: &str = "proofmark_clip_failures_total";
const MEDIA: &str = "proofmark_media_seconds_total";
const WORK: &str = "proofmark_work_seconds_total";
const LAST: &str = "proofmark_last_clip_timestamp_seconds";

/// What became of a clip.
pub(crate) struct Finished {
    pub(crate) verb: &'static str,
    /// The code of its error, if it failed.
    pub(crate) code: Option<&'static str>,
    /// How long it is, in seconds, if that is known.
    pub(crate) media: Option<f64>,
    /// How long it took.
    pub(crate) took: Duration,
}

/// The file.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    path: PathBuf,
}

/// Values by name and labels, as the file has them.
type Samples = BTreeMap<String, f64>;

impl Metrics {
    /// One at `path`, if one was named; refused before the work if it cannot be counted in.
    pub(crate) fn at(path: Option<&Path>) -> Result<Option<Self>> {
        let Some(path) = path else { return Ok(None) };
        let metrics = Self { path: path.into() };
        let _ = metrics.lock().with_context(|| metrics.unwritten())?;
        metrics.read()?;
        Ok(Some(metrics))
    }

    /// Counts a clip.
    pub(crate) fn count(&self, clip: &Finished) -> Result<()> {
        let _lock = self.lock().with_context(|| self.unwritten())?;
        let mut samples = self.read()?;
        let mut add = |family: &str, more: &str, value: f64| {
            let labels = format!("{family}{{verb=\"{}\"{more}}}", clip.verb);
            *samples.entry(labels).or_default() += value;
        };
        match clip.code {
            None => add(CLIPS, "", 1.0),
            Some(code) => add(FAILURES, &format!(",code=\"{code}\""), 1.0),
        }
        if let Some(seconds) = clip.media {
            add(MEDIA, "", seconds);
        }
        add(WORK, "", clip.took.as_secs_f64());
        samples.insert(format!("{LAST}{{verb=\"{}\"}}", clip.verb), since_1970().as_secs() as f64);
        self.write(&samples).with_context(|| self.unwritten())
    }

    fn unwritten(&self) -> String {
        format!(
            "{}: metrics cannot be written; check the folder, its permissions and the free space",
            self.path.display()
        )
    }

    /// Keeps other calls out. The folder is locked, not the file, which is another each time.
    fn lock(&self) -> std::io::Result<File> {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")))?;
        folder.lock()?;
        Ok(folder)
    }

    fn read(&self) -> Result<Samples> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Samples::new()),
            Err(e) => return Err(e).with_context(|| self.unwritten()),
        };
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (labels, value) = line.rsplit_once(' ')?;
            let family = labels.split('{').next()?;
            FAMILIES.iter().any(|f| f.0 == family).then_some(())?;
            Some((labels.to_string(), value.parse().ok()?))
        });
        match samples.collect() {
            Some(samples) => Ok(samples),
            None => bail!(
                "{}: holds something else than metrics of this program; choose another file",
                self.path.display()
            ),
        }
    }

    fn write(&self, samples: &Samples) -> std::io::Result<()> {
        let mut out = String::new();
        for (family, kind, meaning) in FAMILIES {
            let labelled = format!("{family}{{");
            let mut own = samples.iter().filter(|(labels, _)| labels.starts_with(&labelled));
            let Some(first) = own.next() else { continue };
            let _ = writeln!(out, "# HELP {family} {meaning}.\n# TYPE {family} {kind}");
            for (labels, value) in std::iter::once(first).chain(own) {
                let _ = writeln!(out, "{labels} {value}");
            }
        }
        let mut draft = Draft::beside(&self.path)?;
        draft.file().write_all(out.as_bytes())?;
        draft.publish(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(code: Option<&'static str>) -> Finished {
        let media = code.is_none().then_some(2.5);
        Finished { verb: "stamp", code, media, took: Duration::from_millis(500) }
    }

    #[test]
    fn counters_rise_over_calls_at_a_time_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proofmark.prom");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        let metrics = Metrics::at(Some(&path)).unwrap().unwrap();
                        metrics.count(&clip(None)).unwrap();
                        metrics.count(&clip(Some("file.empty"))).unwrap();
                    }
                });
            }
        });
        let text = fs::read_to_string(&path).unwrap();
        for line in [
            "# TYPE proofmark_clips_total counter",
            "proofmark_clips_total{verb=\"stamp\"} 40",
            "proofmark_clip_failures_total{verb=\"stamp\",code=\"file.empty\"} 40",
            "proofmark_media_seconds_total{verb=\"stamp\"} 100",
            "proofmark_work_seconds_total{verb=\"stamp\"} 40",
        ] {
            assert!(text.lines().any(|l| l == line), "'{line}' is missing in:\n{text}");
        }
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.prom");
        fs::write(&path, "node_load1 0.5\n").unwrap();
        let e = Metrics::at(Some(&path)).unwrap_err().to_string();
        assert!(e.contains("something else") && e.contains("other.prom"), "{e}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "node_load1 0.5\n");
        let nowhere = folder.path().join("none/x.prom");
        assert!(Metrics::at(Some(&nowhere)).unwrap_err().to_string().contains("cannot be written"));
    }
}
