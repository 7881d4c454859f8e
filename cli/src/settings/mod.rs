//! Every setting, in one table: where it stands in the configuration file, what it is called in the
//! environment and on the command line, and what it means. The file that `init` writes, the
//! reference and what the environment may set follow from it.

mod table;

use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

pub(crate) use table::SETTINGS;

/// What all variables begin with.
const PREFIX: &str = "PROOFMARK_";

/// A setting.
pub(crate) struct Setting {
    /// Its section of the file, and its name there.
    section: &'static str,
    name: &'static str,
    /// Its default, or an example, in TOML.
    shown: &'static str,
    /// The option that says the same, and that option's variable. Others have a variable of their
    /// own name.
    option: Option<(&'static str, &'static str)>,
    /// What it means.
    about: &'static str,
}

impl Setting {
    /// What it is called in the environment.
    fn variable(&self) -> String {
        match self.option {
            Some((_, variable)) => variable.into(),
            None => format!("{PREFIX}{}_{}", self.section, self.name).to_ascii_uppercase(),
        }
    }

    /// What it is shown as in the file.
    fn example(&self) -> Option<Value> {
        let text = format!("it = {}", self.shown);
        text.parse::<Table>().ok()?.remove("it")
    }

    /// Whether it names files, which lead from where the command is called if the environment
    /// names them.
    fn is_path(&self) -> bool {
        let is_path = |v: &Value| v.as_str().is_some_and(|text| text.starts_with('/'));
        match self.example() {
            Some(Value::Array(all)) => all.iter().all(is_path),
            Some(one) => is_path(&one),
            None => false,
        }
    }

    /// What a variable says, as the file would.
    fn read(&self, text: &str) -> Result<Value> {
        let name = self.variable();
        let path = |text: &str| -> Result<Value> {
            if !self.is_path() {
                return Ok(text.into());
            }
            let path = std::path::absolute(Path::new(text)).with_context(|| name.clone())?;
            let path = path.into_os_string().into_string();
            path.map(Value::from).map_err(|_| anyhow::anyhow!("{name}: is no text"))
        };
        match self.example() {
            Some(Value::Array(_)) => {
                let between = if self.is_path() { ':' } else { ',' };
                let parts = text.split(between).map(str::trim).filter(|part| !part.is_empty());
                Ok(Value::Array(parts.map(path).collect::<Result<_>>()?))
            }
            Some(Value::String(_)) => path(text),
            Some(Value::Boolean(_)) => match text {
                "true" | "1" => Ok(true.into()),
                "false" | "0" => Ok(false.into()),
                _ => bail!("{name}: '{text}' is neither true nor false"),
            },
            Some(Value::Float(_)) => match text.parse::<f64>() {
                Ok(number) => Ok(number.into()),
                Err(_) => bail!("{name}: '{text}' is no number"),
            },
            _ => match amount(text) {
                Ok(number) => Ok(Value::Integer(number as i64)),
                Err(e) => bail!("{name}: {e}"),
            },
        }
    }
}

/// A whole number, as it is or with a unit: k, M, G and T are powers of a thousand, KiB, MiB, GiB
/// and TiB of 1024.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn amount(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
    ];
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)));
    let (digits, factor) = unit.unwrap_or((text, 1));
    digits
        .trim()
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| format!("'{text}' is no amount such as 500, 20M or 4GiB"))
}

/// `--limit NAME=VALUE`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn limit(text: &str) -> Result<(String, u64), String> {
    let names = || {
        let all = SETTINGS.iter().filter(|s| s.section == "limits").map(|s| s.name);
        all.collect::<Vec<_>>().join(", ")
    };
    let Some((name, value)) = text.split_once('=') else {
        return Err(format!("give a name and a value, as in bytes=4GiB; names are {}", names()));
    };
    if !SETTINGS.iter().any(|s| s.section == "limits" && s.name == name) {
        return Err(format!("there is no limit '{name}'; there are {}", names()));
    }
    Ok((name.into(), amount(value)?))
}

/// What the environment and `--limit` set beside the file, whatever that says.
///
/// # Errors
/// A variable that is no setting, or whose value is none of it.
pub(crate) fn given(
    environment: impl Iterator<Item = (OsString, OsString)>,
    limits: &[(String, u64)],
) -> Result<Table> {
    let mut given = Table::new();
    let mut set = |section: &str, name: &str, value: Value| {
        let section = given.entry(section).or_insert_with(|| Table::new().into());
        if let Some(section) = section.as_table_mut() {
            section.insert(name.into(), value);
        }
    };
    for (name, value) in environment {
        let Some(bare) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let is_it = |s: &&Setting| OsStr::new(&s.variable()) == name;
        match SETTINGS.iter().find(is_it) {
            // An option reads its variable itself; commands that have not got it go by this.
            Some(setting) if !value.is_empty() => {
                let text = value.to_str().with_context(|| format!("{PREFIX}{bare}: is no text"))?;
                set(setting.section, setting.name, setting.read(text)?);
            }
            Some(_) => {}
            None => {
                // A slip of the pen in a setting's name would otherwise set nothing.
                let section = bare.split('_').next().unwrap_or_default().to_ascii_lowercase();
                let meant = SETTINGS.iter().any(|s| s.section == section);
                if meant {
                    bail!(
                        "{PREFIX}{bare}: is no setting; docs/reference/configuration.md lists all \
                        of them"
                    );
                }
            }
        }
    }
    for (name, value) in limits {
        set("limits", name, Value::Integer(*value as i64));
    }
    Ok(given)
}

/// The configuration file as `init` writes it: every setting, each commented out at its default.
pub(crate) fn file() -> String {
    let mut out = String::from(
        "# Proofmark's configuration. Options on the command line win over environment variables, \
        and those over this file.\n# Each setting is shown at its default or with an example: \
        remove '#= ' to set it.\n",
    );
    let mut section = "";
    for s in SETTINGS {
        if s.section != section {
            section = s.section;
            let _ = writeln!(out, "\n[{section}]");
        }
        let _ = writeln!(out, "# {}", s.about);
        let _ = writeln!(out, "#= {} = {}", s.name, s.shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference, section by section.
    fn page() -> String {
        let mut page = String::from(
            "# The configuration\n\n`init` writes `config.toml` into a home, with every setting \
            commented out at its default. Each can\nbe set by a variable of the environment, too; \
            options win over variables, and those over the file.\nA list is written with commas \
            in between, one of files with colons. An amount may have a unit: k, M,\nG, T, or KiB, \
            MiB, GiB, TiB. `--limit NAME=VALUE` sets one of `[limits]` for one call. A test \
            keeps\nthis page as the program has it.\n",
        );
        let mut section = "";
        for s in SETTINGS {
            if s.section != section {
                section = s.section;
                let head = "| setting | default or example | variable | option | meaning |\n| --- \
                    | --- | --- | --- | --- |";
                let _ = writeln!(page, "\n## `[{section}]`\n\n{head}");
            }
            let option = s.option.map(|o| format!("`{}`", o.0)).unwrap_or_default();
            let _ = writeln!(
                page,
                "| `{}` | `{}` | `{}` | {option} | {} |",
                s.name,
                s.shown,
                s.variable(),
                s.about
            );
        }
        page
    }

    #[test]
    fn the_configuration_is_described_as_it_is() {
        crate::reference::hold("configuration.md", &page());
    }

    fn told(environment: &[(&str, &str)], limits: &[&str]) -> Result<Table> {
        let limits: Vec<_> = limits.iter().map(|l| limit(l).unwrap()).collect();
        given(environment.iter().map(|(n, v)| (n.into(), v.into())), &limits)
    }

    #[test]
    fn every_setting_has_a_variable_of_its_own() {
        let variables: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
        let once: std::collections::BTreeSet<&String> = variables.iter().collect();
        assert_eq!(once.len(), SETTINGS.len());
        // What stands in the file can be said by the variable.
        for s in SETTINGS {
            let text = match s.example().unwrap() {
                Value::String(text) => text,
                Value::Array(all) => all[0].as_str().unwrap().into(),
                other => other.to_string(),
            };
            let table = told(&[(&s.variable(), &text)], &[]).unwrap();
            assert_eq!(table[s.section][s.name], s.example().unwrap(), "{}", s.variable());
        }
    }

    #[test]
    fn slips_are_told_and_what_is_no_setting_is_left_alone() {
        let table = told(
            &[
                ("PROOFMARK_SERVE_JOBS", "3"),
                ("PROOFMARK_SERVE_HOSTS", "a.example, b.example"),
                ("PROOFMARK_LIMITS_BYTES", "4GiB"),
                ("PROOFMARK_HOME", "/home"),
                ("PROOFMARK_STRENGTH", "strong"),
                ("PROOFMARK_TRUST", "/a.pem:/b.pem"),
                ("PROOFMARK_PRESET", ""),
                ("PROOFMARK_MY_OWN", "x"),
                ("PATH", "/bin"),
            ],
            &["bytes=20M", "seconds=60"],
        )
        .unwrap();
        assert_eq!(
            table,
            "[serve]\njobs = 3\nhosts = ['a.example', 'b.example']\n[limits]\nbytes = \
            20000000\nseconds = 60\n[stamp]\nstrength = 'strong'\n[trust]\nlists = ['/a.pem', \
            '/b.pem']"
                .parse()
                .unwrap()
        );
        for (name, value, says) in [
            ("PROOFMARK_SERVE_JOB", "3", "is no setting"),
            ("PROOFMARK_SERVE_JOBS", "many", "no amount"),
            ("PROOFMARK_SERVE_REQUIRE_TOKEN", "yes", "neither true nor false"),
        ] {
            let e = told(&[(name, value)], &[]).unwrap_err().to_string();
            assert!(e.contains(name) && e.contains(says), "{e}");
        }
        for (wrong, says) in
            [("bytes", "bytes=4GiB"), ("byte=1", "there is no limit"), ("bytes=-1", "no amount")]
        {
            assert!(limit(wrong).unwrap_err().contains(says), "{wrong}");
        }
        assert_eq!(
            amount("17179869184GiB").unwrap_err(),
            "'17179869184GiB' is no amount such as 500, 20M or 4GiB"
        );
    }
}
