//! `proofmark worker`: works on the queue's jobs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use proofmark::queue::{Stores, Worker, work};

use super::Inspectors;
use super::detect::Finder;
use super::stamper::StampWork;
use super::verify::VerifyWork;
use crate::args::{
    DetectArgs, EncodeArgs, Global, ManifestArgs, MetricsOption, PipeArgs, QuestionArgs, Register,
    RegistryOption, RememberArgs, SandboxOption, StampArgs, VerifyArgs,
};
use crate::batch::BatchArgs;
use crate::exit::Exit;
use crate::home::Home;
use crate::output;
use crate::progress::cancel;
use crate::queue::{Desk, Metrics, Scratch, WorkerArgs, listen};

pub(crate) fn run(args: &WorkerArgs, global: &Global) -> Result<Exit> {
    if args.sandbox.no_sandbox {
        output::remark(
            "files are looked at in the worker's own process: one that breaks a decoder can do \
            here whatever the worker can",
        );
    }
    let home = Home::locate(global)?;
    let config = home.config()?;
    let queue = Arc::new(home.queue(&args.queue, &config)?);
    let metrics = Arc::new(Metrics::default());
    if let Some(address) = args.metrics {
        listen(address, metrics.clone(), queue.clone())?;
    }
    // Before those who only use it if it is there.
    let registry = home.registry(&args.registry, &config)?;
    let stamping = stamping(args);
    let lookers = Inspectors::new(&args.sandbox, None);
    let desk = Desk {
        verifier: VerifyWork::new(&verifying(args), lookers.clone(), global)?,
        finder: Finder::new(&detecting(args), lookers.clone(), global),
        stamper: StampWork::new(&stamping, lookers, global),
        registry,
        limits: config.limits,
        stores: Stores::default(),
        scratch: Scratch::new(&args.scratch.clone().unwrap_or_else(std::env::temp_dir))?,
        metrics,
        json: global.json,
        quiet: global.quiet,
    };
    let mut worker = Worker::new(name());
    (worker.jobs, worker.until_empty, worker.policy) =
        (args.jobs.into(), args.until_empty, config.queue.policy(args));
    if !global.quiet {
        output::remark(&format!("working for {} as {}", queue.location(), worker.name));
    }
    let stop = cancel();
    work(&queue, &worker, &stop, &desk)?;
    if stop.is_cancelled() && !global.quiet {
        output::remark("stopped: what was under way went back to the queue");
    }
    Ok(Exit::Success)
}

/// A name that tells people where it runs, and that no other worker has.
fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let random = uuid::Uuid::new_v4().simple().to_string();
    format!("{}:{}:{}", host.trim(), std::process::id(), random.get(..8).unwrap_or_default())
}

fn sandbox(args: &WorkerArgs) -> SandboxOption {
    SandboxOption { no_sandbox: args.sandbox.no_sandbox }
}

fn question() -> QuestionArgs {
    QuestionArgs { expect: None, candidates: None, no_search: false }
}

fn same_registry(args: &WorkerArgs) -> RegistryOption {
    RegistryOption { registry: args.registry.registry.clone() }
}

// The commands of jobs, as they are where nothing is said: the configuration decides.

fn verifying(args: &WorkerArgs) -> VerifyArgs {
    VerifyArgs {
        inputs: Vec::new(),
        trust: args.trust.clone(),
        registry: same_registry(args),
        accept_unknown_signers: false,
        require: None,
        language: None,
        algorithm: None,
        sandbox: sandbox(args),
        question: question(),
        batch: BatchArgs::default(),
    }
}

fn detecting(args: &WorkerArgs) -> DetectArgs {
    DetectArgs {
        inputs: Vec::new(),
        overlay: None,
        timeline: None,
        force: false,
        sandbox: sandbox(args),
        question: question(),
        batch: BatchArgs::default(),
    }
}

fn stamping(args: &WorkerArgs) -> StampArgs {
    StampArgs {
        sandbox: sandbox(args),
        inputs: Vec::new(),
        output: PathBuf::new(),
        payload: None,
        key: None,
        force: false,
        strength: None,
        check: false,
        no_audio_mark: false,
        base: None,
        to: None,
        pipe: PipeArgs::default(),
        metrics: MetricsOption::default(),
        batch: BatchArgs::default(),
        // The worker remembers clips itself, when they are delivered.
        remember: RememberArgs {
            register: Register::Never,
            labels: Vec::new(),
            registry: RegistryOption { registry: None },
        },
        encode: EncodeArgs::default(),
        no_c2pa: false,
        manifest: ManifestArgs {
            title: None,
            agent: None,
            agent_version: None,
            digital_source_type: None,
            manifest: None,
            sign_cert: args.sign_cert.clone(),
            sign_key: args.sign_key.clone(),
            time_stamp_url: None,
            algorithm: None,
            picture_algorithm: None,
            sound_algorithm: None,
        },
    }
}
