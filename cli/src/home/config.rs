//! What the configuration file holds.

use std::path::{Path, PathBuf};

use proofmark::media::Limits;
use proofmark::video::Strength;
use proofmark::{VerifyOptions, registry};
#[cfg(feature = "server")]
use proofmark_server::ServeConfig;
use serde::Deserialize;
use toml::{Table, Value};

use super::named;
use crate::args::LogFormat;

/// Settings of the configuration file. What is not set there has the library's default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) log: LogConfig,
    pub(crate) stamp: StampConfig,
    pub(crate) manifest: ManifestConfig,
    pub(crate) signing: SigningConfig,
    pub(crate) trust: TrustConfig,
    pub(crate) limits: Limits,
    pub(crate) registry: RegistryConfig,
    pub(crate) lookup: LookupConfig,
    #[cfg(feature = "server")]
    pub(crate) serve: ServeConfig,
    // A file may be shared with builds that have what this one lacks.
    #[cfg(not(feature = "server"))]
    #[serde(rename = "serve")]
    _serve: Table,
    // The files that 'init' wrote before 0.3 have this section.
    #[serde(rename = "queue")]
    _queue: Table,
}

impl Config {
    /// From the text of the file.
    ///
    /// # Errors
    /// The line that is wrong, and what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|e| {
            let line = e
                .span()
                .map_or(0, |s| 1 + text.bytes().take(s.start).filter(|&b| b == b'\n').count());
            format!("line {line}: {}", e.message())
        })
    }

    /// The same with what was given beside the file in place of what it says. `self` was made from
    /// that text.
    ///
    /// # Errors
    /// What is wrong with what was given.
    pub(super) fn with(self, text: &str, given: Table) -> Result<Self, String> {
        if given.is_empty() {
            return Ok(self);
        }
        let mut all: Table = text.parse().map_err(|e: toml::de::Error| e.message().to_string())?;
        for (section, values) in given {
            match (all.get_mut(&section).and_then(Value::as_table_mut), values) {
                (Some(there), Value::Table(values)) => there.extend(values),
                (_, values) => _ = all.insert(section, values),
            }
        }
        all.try_into().map_err(|e: toml::de::Error| e.message().to_string())
    }

    /// With its paths from the folder that it lies in, wherever the command is called.
    pub(super) fn seen_from(mut self, folder: &Path) -> Self {
        let files = [
            &mut self.signing.certificate,
            &mut self.signing.key,
            &mut self.signing.password_file,
            &mut self.stamp.metrics,
        ]
        .into_iter()
        .flatten();
        #[cfg(feature = "server")]
        let files = files.chain(self.serve.files());
        for file in
            files.chain(&mut self.trust.lists).chain(&mut self.trust.tsa).chain(&mut self.trust.own)
        {
            *file = folder.join(&file);
        }
        if let Some(location) = &mut self.registry.location
            && !location.is_empty()
            && location != "none"
            && !registry::is_server(location)
        {
            *location = folder.join(&location).to_string_lossy().into_owned();
        }
        self
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    pub(crate) format: LogFormat,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LookupConfig {
    /// Servers that may be asked; any that is named, if none is listed.
    pub(crate) servers: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RegistryConfig {
    pub(crate) location: Option<String>,
    pub(crate) stills: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StampConfig {
    pub(crate) strength: Option<Strength>,
    pub(crate) video_codec: Option<String>,
    pub(crate) crf: Option<f32>,
    pub(crate) aigc_producer: Option<String>,
    pub(crate) preset: Option<String>,
    pub(crate) metrics: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ManifestConfig {
    pub(crate) agent: Option<String>,
    pub(crate) agent_version: Option<String>,
    pub(crate) digital_source_type: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) model_version: Option<String>,
    pub(crate) model_id: Option<String>,
    pub(crate) oversight: Option<String>,
    pub(crate) training_mining: Option<String>,
    pub(crate) thumbnail: Option<bool>,
    pub(crate) algorithm: Option<String>,
    pub(crate) picture_algorithm: Option<String>,
    pub(crate) sound_algorithm: Option<String>,
}

impl ManifestConfig {
    /// Takes over the names of algorithms in soft bindings.
    pub(crate) fn name(&self, options: &mut VerifyOptions) {
        let names = [
            (&self.algorithm, &mut options.algorithm),
            (&self.picture_algorithm, &mut options.picture_algorithm),
            (&self.sound_algorithm, &mut options.sound_algorithm),
        ];
        for (given, name) in names {
            if let Some(given) = named(None, given.as_ref()) {
                name.clone_from(given);
            }
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SigningConfig {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    /// The password of that key, or the PIN of a token.
    pub(crate) password_file: Option<PathBuf>,
    /// Instead of a key: a URI, or a command.
    pub(crate) signer: Option<String>,
    pub(crate) command: Option<String>,
    pub(crate) seconds: Option<f64>,
    pub(crate) reserve: Option<u64>,
    pub(crate) algorithm: Option<String>,
    pub(crate) time_stamp_url: Option<String>,
    pub(crate) ocsp: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TrustConfig {
    pub(crate) lists: Vec<PathBuf>,
    /// Authorities that attest times.
    pub(crate) tsa: Vec<PathBuf>,
    /// Certificates of those who sign for this deployment, beside its own identity.
    pub(crate) own: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn paths_lead_from_the_folder_of_the_configuration() {
        let told = |text: &str| Config::parse(text).unwrap().seen_from(Path::new("/home/proof"));
        let config = told(
            "[registry]\nlocation = 'a.db'\n[trust]\nlists = ['t.pem', \
            '/etc/t.pem']\n[signing]\ncertificate = 'c.pem'\nkey = '../k.pem'\n",
        );
        assert_eq!(config.registry.location.as_deref(), Some("/home/proof/a.db"));
        assert_eq!(config.trust.lists, [Path::new("/home/proof/t.pem"), Path::new("/etc/t.pem")]);
        assert_eq!(
            (config.signing.certificate.unwrap(), config.signing.key.unwrap()),
            ("/home/proof/c.pem".into(), "/home/proof/../k.pem".into())
        );
        for same in ["none", "postgres://user@host/database", ""] {
            assert_eq!(
                told(&format!("[registry]\nlocation = '{same}'")).registry.location.as_deref(),
                Some(same)
            );
        }
    }

    /// The written configuration, with every setting uncommented.
    fn live() -> String {
        let lines = settings::file();
        let lines = lines.lines().map(|l| l.strip_prefix("#= ").unwrap_or(l));
        lines.fold(String::new(), |s, l| s + l + "\n")
    }

    #[cfg(feature = "server")]
    #[test]
    fn what_is_written_of_the_server_is_valid() {
        let parsed: Config = toml::from_str(&live()).unwrap();
        let here = ServeConfig::default().settings(None, false).unwrap();
        assert_eq!(
            parsed.serve.settings(None, false).unwrap(),
            proofmark_server::Settings {
                jobs: 2,
                reference_hosts: vec!["cdn.example.com".into()],
                hosts: vec!["proofmark.example.com".into()],
                forwarded: vec!["10.0.0.0/8".parse().unwrap()],
                tls: Some((
                    "/etc/proofmark/tls/fullchain.pem".into(),
                    "/etc/proofmark/tls/privkey.pem".into()
                )),
                ..here
            }
        );
    }

    #[test]
    fn what_was_written_before_the_queue_went_is_passed_over() {
        assert!(Config::parse("[queue]\ntries = 8\n[limits]\nstreams = 3").is_ok());
        assert!(Config::parse("[queues]\ntries = 8").is_err());
    }

    #[test]
    fn the_written_configuration_is_all_comments_and_all_valid() {
        let written = settings::file();
        assert!(written.lines().all(|l| l.is_empty() || l.starts_with('#') || l.starts_with('[')));
        // Whatever was left out of a build, it must be understood.
        let parsed: Config = toml::from_str(&live()).unwrap();
        assert_eq!(parsed.limits, Limits::default());
        assert_eq!(
            parsed.manifest.algorithm.as_deref(),
            Some(proofmark::provenance::DEFAULT_ALGORITHM)
        );
        assert_eq!(
            parsed.manifest.picture_algorithm.as_deref(),
            Some(proofmark::provenance::VIDEO_FINGERPRINT)
        );
        assert_eq!(
            parsed.manifest.sound_algorithm.as_deref(),
            Some(proofmark::provenance::AUDIO_FINGERPRINT)
        );
    }
}
