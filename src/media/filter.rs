//! From one file to another through a chain of libav's filters: the picture alone.

use std::path::Path;

use ffmpeg_next::ffi::{AVPixelFormat, EAGAIN, av_buffersink_get_frame_rate};
use ffmpeg_next::filter::{self, Graph};
use ffmpeg_next::{Error, Rational, frame};

use super::encoder::{EncodeOptions, PictureFormat};
use super::transcode::{Sink, Writer};
use super::{Cancel, Container, Limits, MediaError, Reader};

/// Names of the graph's two ends.
const SOURCE: &str = "in";
const SINK: &str = "out";

/// Decodes the picture of `input`, runs it through `chain`, in the syntax of libavfilter, and writes what comes out to `output`. The chain may
/// change size, frame rate and time stamps. Sound and everything else is left out.
///
/// # Errors
/// [`MediaError::Filter`] or [`MediaError::Encoder`] if this libav cannot do it, others if reading or writing fails or was cancelled.
pub fn filter(input: &Path, output: &Path, chain: &str, options: &EncodeOptions, limits: &Limits, cancel: &Cancel) -> Result<(), MediaError> {
    let container = Container::of(output)?;
    let mut reader = Reader::open(input, limits)?;
    let (time_base, rate) = (reader.time_base(), reader.info().picture.as_ref().and_then(|p| p.frame_rate).map(Rational::from));
    let fail = |reason: String| MediaError::Filter { path: input.into(), chain: chain.into(), reason };
    let failed = |e: Error| fail(e.to_string());
    if let Some(name) = missing(chain) {
        return Err(fail(format!("there is no filter {name}")));
    }
    let mut graph: Option<FilterGraph> = None;
    let mut writer: Option<Writer<'_>> = None;
    let mut frame = frame::Video::empty();
    'clip: loop {
        if cancel.is_cancelled() {
            return Err(MediaError::Cancelled { path: input.into() });
        }
        let decoded = reader.next_decoded()?.map(|(frame, _)| frame);
        let graph = match (&mut graph, &decoded) {
            (Some(graph), _) => graph,
            (none, Some(first)) => none.insert(FilterGraph::new(chain, first, time_base, rate).map_err(failed)?),
            (None, None) => break,
        };
        graph.push(decoded).map_err(failed)?;
        loop {
            match graph.pull(&mut frame) {
                Ok(()) => {}
                Err(Error::Other { errno: EAGAIN }) => break,
                // The chain may end before the clip does.
                Err(Error::Eof) => break 'clip,
                Err(e) => return Err(failed(e)),
            }
            let (time_base, rate) = graph.timing(rate);
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(Writer::open(Sink::File(output), output, container, Some((options, &PictureFormat::of_frame(&frame, time_base, rate))), None)?),
            };
            let pts = frame.pts();
            // A lone frame without a duration would never be shown.
            let duration = rate.map_or(1.0, |r| 1.0 / (f64::from(r) * f64::from(time_base)));
            writer.encode(&mut frame, pts, duration.max(1.0) as i64)?;
        }
    }
    writer.ok_or_else(|| fail("no frame comes out".into()))?.finish(reader.info().clone(), 0.0).map(|_| ())
}

/// The first filter of a chain that this libav lacks; when it parses the chain it would not say which.
fn missing(chain: &str) -> Option<&str> {
    let mut quoted = false;
    let filters = chain.split(|c| {
        quoted ^= c == '\'';
        !quoted && matches!(c, ',' | ';')
    });
    let mut names = filters.map(|mut f| {
        // Labels of inputs stand before a filter, its options and labels of outputs behind it.
        while let Some((_, rest)) = f.strip_prefix('[').and_then(|f| f.split_once(']')) {
            f = rest;
        }
        f.split(['=', '@', '[']).next().unwrap_or_default()
    });
    names.find(|name| filter::find(name).is_none())
}

/// A source, the chain, and a sink.
struct FilterGraph(Graph);

impl FilterGraph {
    /// The graph for frames like `first`.
    fn new(chain: &str, first: &frame::Video, time_base: Rational, rate: Option<Rational>) -> Result<Self, Error> {
        let find = |name| filter::find(name).ok_or(Error::FilterNotFound);
        let pixel = AVPixelFormat::from(first.format()) as i32;
        let rate = rate.map(|r| format!(":frame_rate={r}")).unwrap_or_default();
        let source = format!("video_size={}x{}:pix_fmt={pixel}:time_base={time_base}:pixel_aspect={}{rate}", first.width(), first.height(), first.aspect_ratio());
        let mut graph = Graph::new();
        graph.add(&find("buffer")?, SOURCE, &source)?;
        graph.add(&find("buffersink")?, SINK, "")?;
        graph.output(SOURCE, 0)?.input(SINK, 0)?.parse(chain)?;
        graph.validate()?;
        Ok(Self(graph))
    }

    /// Hands over a frame, or with `None` the end.
    fn push(&mut self, frame: Option<&mut frame::Video>) -> Result<(), Error> {
        let mut source = self.0.get(SOURCE).ok_or(Error::Bug)?;
        match frame {
            Some(frame) => {
                let pts = frame.timestamp().or(frame.pts());
                frame.set_pts(pts);
                source.source().add(frame)
            }
            None => source.source().flush(),
        }
    }

    /// The next frame; [`EAGAIN`] if the chain wants more before.
    fn pull(&mut self, frame: &mut frame::Video) -> Result<(), Error> {
        self.0.get(SINK).ok_or(Error::Bug)?.sink().frame(frame)
    }

    /// Time base and frame rate of what comes out; the source's rate where the chain does not say.
    fn timing(&mut self, rate: Option<Rational>) -> (Rational, Option<Rational>) {
        let Some(mut sink) = self.0.get(SINK) else { return (Rational(1, 1000), rate) };
        // SAFETY: the sink is part of a configured graph.
        let known = unsafe { Rational::from(av_buffersink_get_frame_rate(sink.as_ptr())) };
        (sink.sink().time_base(), Some(known).filter(|r| r.numerator() > 0 && r.denominator() > 0).or(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaInfo;

    fn clip() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bigbuckbunny.mp4")
    }

    /// What comes out, and how many frames it has.
    fn run(chain: &str) -> Result<(MediaInfo, usize), MediaError> {
        let target = tempfile::Builder::new().suffix(".mp4").tempfile().unwrap();
        let options = EncodeOptions { preset: Some("ultrafast".into()), ..EncodeOptions::default() };
        filter(&clip(), target.path(), chain, &options, &Limits::default(), &Cancel::default())?;
        let mut reader = Reader::open(target.path(), &Limits::default())?;
        let mut frames = 0;
        while reader.next_decoded()?.is_some() {
            frames += 1;
        }
        Ok((reader.info().clone(), frames))
    }

    #[test]
    fn size_rate_and_length_follow_the_chain() {
        let (info, frames) = run("trim=end=2,setpts=0.5*PTS,fps=10,scale=160:90,transpose").unwrap();
        let picture = info.picture.unwrap();
        assert_eq!((picture.width, picture.height, picture.frame_rate, frames), (90, 160, Some(10.0), 10));
        assert!((info.seconds.unwrap() - 1.0).abs() < 0.01, "{:?}", info.seconds);
    }

    #[test]
    fn a_single_frame_is_shown() {
        assert_eq!(run("trim=end_frame=1").unwrap().1, 1);
    }

    #[test]
    fn what_libav_cannot_run_is_told() {
        let reason = |chain| match run(chain) {
            Err(MediaError::Filter { reason, .. }) => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason("scale=w='min(iw,20)':h=20,split[a][b];[a][b]nosuchfilter=1[c]").contains("no filter nosuchfilter"));
        assert!(reason("trim=start=1000").contains("no frame"));
        assert!(!reason("crop=10000:10000").is_empty());
    }
}
