//! `proofmark verify`: where does a clip come from?

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use proofmark::media::{Cancel, Progress};
use proofmark::report;
use proofmark::sandbox::PreparedZygote;
use proofmark::tls::Web;
use proofmark::verdict::{Judgement, Language, Severity, Verdict, Vouched};
use proofmark::verify::{Stage, VerifyOptions};
use proofmark::{Control, KeyRing, Verifier};
use serde_json::{Value, json};

use super::{Answer, Inspectors};
use crate::args::{Global, Require, VerifyArgs};
use crate::batch::{self, Input, Work};
use crate::exit::Exit;
use crate::home::{Config, Home, named};
use crate::inputs::Search;
use crate::output;

/// How long fetching a manifest may take.
const FETCHING: Duration = Duration::from_secs(30);

pub(crate) fn run(
    args: &VerifyArgs,
    early: Option<PreparedZygote>,
    global: &Global,
) -> Result<Exit> {
    let verifier = VerifyWork::new(args, Inspectors::new(&args.sandbox, early), global)?;
    let files =
        batch::files(&args.inputs, &args.batch, Search { packages: true, ..Search::default() })?;
    batch::run(&verifier, &files, &args.batch, global)
}

/// Verifies files as the command line and the configuration want it.
pub(crate) struct VerifyWork {
    ring: Option<KeyRing>,
    options: VerifyOptions,
    lookers: Inspectors,
    policy: Policy,
    language: Language,
    quiet: bool,
}

/// What counts as vouched for.
#[derive(Clone, Copy)]
struct Policy {
    accept_unknown_signers: bool,
    require: Option<Require>,
}

impl Policy {
    fn exit(self, judged: &Judgement) -> Exit {
        let severity = if self.accept_unknown_signers {
            judged.severity_with_unknown_signers()
        } else {
            judged.severity
        };
        let enough = match self.require {
            None => true,
            Some(Require::Trusted) => matches!(judged.trust, Some(Vouched::Own | Vouched::Trusted)),
            Some(Require::Own) => judged.trust == Some(Vouched::Own),
        };
        match (judged.verdict, severity) {
            (_, Severity::Alert | Severity::Doubt) => Exit::Doubtful,
            (Verdict::NothingFound | Verdict::Lookalike, _) => Exit::Nothing,
            _ if !enough => Exit::Doubtful,
            _ => Exit::Success,
        }
    }
}

impl VerifyWork {
    pub(crate) fn new(args: &VerifyArgs, lookers: Inspectors, global: &Global) -> Result<Self> {
        let home = Home::locate(global)?;
        let ring = home.key_ring_if_any()?;
        let config = home.config()?;
        let mut options = options(args, &config)?;
        options.registry = home.registry_if_any(&args.registry, &config)?;
        options.own = home.own_signers(&config)?;
        options.inspector = lookers.inspector();
        let policy =
            Policy { accept_unknown_signers: args.accept_unknown_signers, require: args.require };
        Ok(Self {
            ring,
            options,
            lookers,
            policy,
            language: args.language.map(Language::from).unwrap_or_default(),
            quiet: global.quiet,
        })
    }

    pub(crate) fn verify(
        &self,
        file: &Path,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer> {
        let verifier = Verifier::new().ring(self.ring.clone()).options(self.options.clone());
        let verified = verifier.verify_with(
            file,
            Control::new(cancel, |stage: Stage| {
                stage.looked().into_iter().for_each(&mut *progress)
            }),
        )?;
        let exit = self.policy.exit(&verified.judgement);
        let remarks =
            self.lookers.remark(verified.isolation).filter(|_| !self.quiet).into_iter().collect();
        Ok(Answer {
            seconds: None,
            exit,
            json: report::verify(file, &verified, self.language)?,
            text: output::human::verify(file, &verified, self.language),
            remarks,
        })
    }
}

impl Work for VerifyWork {
    fn verb(&self) -> &'static str {
        "verify"
    }

    fn words(&self) -> (&'static str, &'static str) {
        ("verifying", "consistent")
    }

    fn options(&self) -> Value {
        let o = &self.options;
        json!({
            "keys": super::key_ids(self.ring.as_ref()),
            "question": super::question(&o.detect),
            "registry": o.registry.as_ref().map(|r| r.location().to_string()),
            "trust": super::digest(format!("{:?}", o.trust).as_bytes()),
            "algorithm": o.algorithm,
            "accept_unknown_signers": self.policy.accept_unknown_signers,
            "require": self.policy.require.map(|r| format!("{r:?}")),
            "language": self.language.code(),
            "fetch_manifests": o.fetch.is_some(),
        })
    }

    fn answer(
        &self,
        input: &Input,
        _again: bool,
        cancel: &Cancel,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Answer> {
        self.verify(&input.path, cancel, progress)
    }
}

fn options(args: &VerifyArgs, config: &Config) -> Result<VerifyOptions> {
    let mut o = VerifyOptions::default();
    o.limits = config.limits;
    o.detect = super::detect_options(&args.question)?;
    if let Some(a) = named(args.algorithm.as_ref(), config.manifest.algorithm.as_ref()) {
        o.algorithm.clone_from(a);
    }
    o.trust = super::trust(Some(&args.trust), config)?;
    if args.fetch_manifests {
        o.fetch = Some(Arc::new(Web { time: FETCHING }));
    }
    Ok(o)
}
