//! libavfilter, loaded when a chain is first run. It brings some thirty libraries along, a third of
//! what a process of ours takes to start, and most never run one.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::sync::LazyLock;

use ffmpeg_next::ffi::{
    self, AVFilter, AVFilterContext, AVFilterGraph, AVFilterInOut, AVFrame, AVPixelFormat,
    AVRational, ENOMEM,
};
use ffmpeg_next::{Error, Rational, frame};
use libloading::Library;

use super::guard::{self, told};
use super::source::is_rate;

/// Names of the graph's two ends.
const SOURCE: &CStr = c"in";
const SINK: &CStr = c"out";

/// Declares the functions that are looked up, held by the compiler to what the header says. An
/// unnamed constant links nothing.
macro_rules! functions {
    ($($name:ident: $type:ty,)*) => {
        $(const _: $type = ffi::$name;)*

        struct Functions {
            $($name: $type,)*
        }

        impl Functions {
            fn of(library: &'static Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of the header that this was built with, whose major
                // version the library's name has.
                unsafe {
                    Ok(Self {
                        $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)*
                    })
                }
            }
        }
    };
}

functions! {
    avfilter_get_by_name: unsafe extern "C" fn(*const c_char) -> *const AVFilter,
    avfilter_graph_alloc: unsafe extern "C" fn() -> *mut AVFilterGraph,
    avfilter_graph_free: unsafe extern "C" fn(*mut *mut AVFilterGraph),
    avfilter_graph_create_filter: unsafe extern "C" fn(
        *mut *mut AVFilterContext,
        *const AVFilter,
        *const c_char,
        *const c_char,
        *mut c_void,
        *mut AVFilterGraph,
    ) -> c_int,
    avfilter_graph_parse_ptr: unsafe extern "C" fn(
        *mut AVFilterGraph,
        *const c_char,
        *mut *mut AVFilterInOut,
        *mut *mut AVFilterInOut,
        *mut c_void,
    ) -> c_int,
    avfilter_graph_config: unsafe extern "C" fn(*mut AVFilterGraph, *mut c_void) -> c_int,
    avfilter_inout_alloc: unsafe extern "C" fn() -> *mut AVFilterInOut,
    avfilter_inout_free: unsafe extern "C" fn(*mut *mut AVFilterInOut),
    av_buffersrc_add_frame: unsafe extern "C" fn(*mut AVFilterContext, *mut AVFrame) -> c_int,
    av_buffersink_get_frame: unsafe extern "C" fn(*mut AVFilterContext, *mut AVFrame) -> c_int,
    av_buffersink_get_time_base: unsafe extern "C" fn(*const AVFilterContext) -> AVRational,
    av_buffersink_get_frame_rate: unsafe extern "C" fn(*const AVFilterContext) -> AVRational,
}

/// The library, loaded.
#[derive(Clone, Copy)]
pub(super) struct Filters(&'static Functions);

impl Filters {
    /// Loads it, once. The error says in one line why it cannot be.
    pub(super) fn load() -> Result<Self, String> {
        static LOADED: LazyLock<Result<Functions, String>> = LazyLock::new(|| {
            let version = ffi::LIBAVFILTER_VERSION_MAJOR;
            let name = match DLL_SUFFIX {
                ".so" => format!("{DLL_PREFIX}avfilter{DLL_SUFFIX}.{version}"),
                ".dll" => format!("{DLL_PREFIX}avfilter-{version}{DLL_SUFFIX}"),
                _ => format!("{DLL_PREFIX}avfilter.{version}{DLL_SUFFIX}"),
            };
            // SAFETY: what it does when it is loaded it does in every program that links it.
            let library = unsafe { Library::new(&name) };
            library
                .and_then(|l| Functions::of(Box::leak(Box::new(l))))
                .map_err(|e| format!("{name} cannot be loaded: {e}"))
        });
        LOADED.as_ref().map(Self).map_err(Clone::clone)
    }

    fn find(self, name: &CStr) -> Option<&'static AVFilter> {
        // SAFETY: the name ends with a zero, and filters are constants of the library, which stays.
        unsafe { (self.0.avfilter_get_by_name)(name.as_ptr()).as_ref() }
    }

    /// Whether there is a filter of that name.
    pub(super) fn has(self, name: &str) -> bool {
        CString::new(name).is_ok_and(|name| self.find(&name).is_some())
    }

    /// The chain, in libavfilter's syntax, for frames like `first`.
    pub(super) fn graph(
        self,
        chain: &str,
        first: &frame::Video,
        time_base: Rational,
        rate: Option<Rational>,
    ) -> Result<Graph, Error> {
        let pixel = AVPixelFormat::from(first.format()) as i32;
        let rate = rate.map(|r| format!(":frame_rate={r}")).unwrap_or_default();
        let source = format!(
            "video_size={}x{}:pix_fmt={pixel}:time_base={time_base}:pixel_aspect={}{rate}",
            first.width(),
            first.height(),
            first.aspect_ratio()
        );
        // SAFETY: allocates, or does not.
        let graph = NonNull::new(unsafe { (self.0.avfilter_graph_alloc)() })
            .ok_or(Error::Other { errno: ENOMEM })?;
        let mut graph =
            Graph { functions: self.0, graph, source: ptr::null_mut(), sink: ptr::null_mut() };
        graph.source = graph.add(self.find(c"buffer"), SOURCE, &text(&source)?)?;
        graph.sink = graph.add(self.find(c"buffersink"), SINK, c"")?;
        graph.parse(&text(chain)?)?;
        // SAFETY: the graph is whole.
        told(unsafe { (self.0.avfilter_graph_config)(graph.graph.as_ptr(), ptr::null_mut()) })?;
        Ok(graph)
    }
}

/// A source, a chain, and a sink.
pub(super) struct Graph {
    functions: &'static Functions,
    graph: NonNull<AVFilterGraph>,
    /// Both belong to the graph.
    source: *mut AVFilterContext,
    sink: *mut AVFilterContext,
}

impl Graph {
    fn add(
        &mut self,
        filter: Option<&AVFilter>,
        name: &CStr,
        arguments: &CStr,
    ) -> Result<*mut AVFilterContext, Error> {
        let filter = filter.ok_or(Error::FilterNotFound)?;
        let mut context = ptr::null_mut();
        // SAFETY: the strings and the filter outlive the call, which copies what it keeps.
        told(unsafe {
            (self.functions.avfilter_graph_create_filter)(
                &raw mut context,
                filter,
                name.as_ptr(),
                arguments.as_ptr(),
                ptr::null_mut(),
                self.graph.as_ptr(),
            )
        })?;
        Ok(context)
    }

    /// Puts the chain between the two ends.
    fn parse(&mut self, chain: &CStr) -> Result<(), Error> {
        // As the chain sees them: its open input is the source's output.
        let (mut outputs, mut inputs) = (self.end(SOURCE, self.source)?, ptr::null_mut());
        let parsed = self.end(SINK, self.sink).and_then(|end| {
            inputs = end;
            // SAFETY: both lists are libav's own, of one end each.
            told(unsafe {
                (self.functions.avfilter_graph_parse_ptr)(
                    self.graph.as_ptr(),
                    chain.as_ptr(),
                    &raw mut inputs,
                    &raw mut outputs,
                    ptr::null_mut(),
                )
            })
        });
        for list in [&mut inputs, &mut outputs] {
            // SAFETY: it frees what is left of a list, or nothing.
            unsafe { (self.functions.avfilter_inout_free)(list) };
        }
        parsed
    }

    /// A list of one end, which is to be freed.
    fn end(&self, name: &CStr, context: *mut AVFilterContext) -> Result<*mut AVFilterInOut, Error> {
        // SAFETY: it is allocated and zeroed by libav, which frees the name with it.
        unsafe {
            let end = (self.functions.avfilter_inout_alloc)()
                .as_mut()
                .ok_or(Error::Other { errno: ENOMEM })?;
            end.name = ffi::av_strdup(name.as_ptr());
            end.filter_ctx = context;
            Ok(end)
        }
    }

    /// Hands over a frame, or with `None` the end.
    pub(super) fn push(&mut self, frame: Option<&mut frame::Video>) -> Result<(), Error> {
        let frame = frame.map_or(ptr::null_mut(), |frame| {
            // SAFETY: it is borrowed until the call below is over.
            unsafe { frame.as_mut_ptr() }
        });
        // SAFETY: the source is part of a configured graph, and takes over what the frame refers
        // to.
        told(unsafe { (self.functions.av_buffersrc_add_frame)(self.source, frame) })
    }

    /// The next frame; `EAGAIN` if the chain wants more before.
    pub(super) fn pull(&mut self, frame: &mut frame::Video) -> Result<(), Error> {
        // SAFETY: the sink is part of a configured graph.
        guard::fill_video(frame, |frame| unsafe {
            (self.functions.av_buffersink_get_frame)(self.sink, frame)
        })
    }

    /// Time base and frame rate of what comes out, if it has one.
    pub(super) fn timing(&self) -> (Rational, Option<Rational>) {
        // SAFETY: the sink is part of a configured graph.
        let (time_base, rate) = unsafe {
            (
                (self.functions.av_buffersink_get_time_base)(self.sink),
                (self.functions.av_buffersink_get_frame_rate)(self.sink),
            )
        };
        (time_base.into(), Some(Rational::from(rate)).filter(is_rate))
    }
}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: it is freed once, and its filters with it.
        unsafe { (self.functions.avfilter_graph_free)(&mut self.graph.as_ptr()) };
    }
}

fn text(text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::InvalidData)
}
