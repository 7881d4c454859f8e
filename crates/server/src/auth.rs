//! Who may read and who may store: bearer tokens with scopes. The server keeps their digests alone.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, StatusCode};
use proofmark::draft::write_private;
use proofmark::registry::Content;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::scope::Scope;
use super::{Problem, Service, now};

/// A token as it is kept: its digest, which is enough as it has 244 random bits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What its holder is called, here and in the registry's log.
    pub name: String,
    sha256: Content,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
}

#[cfg(test)]
impl Token {
    /// One that allows everything.
    pub(super) fn example() -> Self {
        Self {
            name: "a".into(),
            sha256: Content::of_bytes(b""),
            scopes: Scope::ALL.into(),
            created: 0,
        }
    }
}

/// The file of tokens in the home. It is read whenever a token is shown, so that one that is
/// revoked ends at once.
pub struct TokenFile {
    path: PathBuf,
}

impl TokenFile {
    /// That of a home, which need not be there.
    #[must_use]
    pub fn of(home: &Path) -> Self {
        Self { path: home.join("tokens.json") }
    }

    /// All tokens, in the order in which they were made.
    ///
    /// # Errors
    /// If the file cannot be read, or is damaged.
    pub fn list(&self) -> Result<Vec<Token>> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => {
                return Err(e).with_context(|| {
                    format!("{}: cannot be read; check its permissions", self.path.display())
                });
            }
        };
        serde_json::from_str(&text).with_context(|| {
            format!(
                "{}: is damaged; restore it, or remove it and make the tokens anew",
                self.path.display()
            )
        })
    }

    fn write(&self, tokens: &[Token]) -> Result<()> {
        let text = serde_json::to_string_pretty(tokens)?;
        write_private(&self.path, text.as_bytes(), true).with_context(|| {
            format!(
                "{}: cannot be written; check its folder and the free space",
                self.path.display()
            )
        })
    }

    /// Makes a token, which is told this once.
    ///
    /// # Errors
    /// If the name is taken or has spaces around it, or the file cannot be read or written.
    pub fn add(&self, name: &str, scopes: BTreeSet<Scope>) -> Result<String> {
        if name.trim() != name || name.is_empty() {
            bail!("'{name}': a token's name has no spaces around it; leave them out");
        }
        let mut tokens = self.list()?;
        if tokens.iter().any(|t| t.name == name) {
            bail!(
                "{name}: there is a token of this name; choose another, or revoke it with \
                'proofmark tokens revoke {name}'"
            );
        }
        let token = format!("pm_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        tokens.push(Token {
            name: name.into(),
            sha256: Content::of_bytes(token.as_bytes()),
            scopes,
            created: now(),
        });
        self.write(&tokens)?;
        Ok(token)
    }

    /// Makes a token worthless.
    ///
    /// # Errors
    /// If there is none of that name, or the file cannot be read or written.
    pub fn revoke(&self, name: &str) -> Result<()> {
        let mut tokens = self.list()?;
        let before = tokens.len();
        tokens.retain(|t| t.name != name);
        if tokens.len() == before {
            bail!(
                "{name}: there is no token of this name; 'proofmark tokens list' shows which \
                there are"
            );
        }
        self.write(&tokens)
    }

    /// The token with a digest, if it was not revoked.
    pub(super) fn find(&self, digest: &Content) -> Result<Option<Token>> {
        Ok(self.list()?.into_iter().find(|t| t.sha256 == *digest))
    }
}

impl Service {
    /// Refuses whoever may not do what `scope` stands for, and tells whose token was shown. Reading
    /// is free for all unless the settings say otherwise; a token that is shown must hold.
    pub(super) fn allow(
        &self,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<Option<String>, Problem> {
        let unauthorised = |message: &str| Problem::new(StatusCode::UNAUTHORIZED, message);
        let Some(shown) = headers.get(AUTHORIZATION) else {
            return match scope {
                Scope::Fetch if !self.settings.require_token => Ok(None),
                _ => Err(unauthorised("this needs a token; send it as 'Authorization: Bearer …'")),
            };
        };
        let token = shown
            .to_str()
            .ok()
            .and_then(|s| s.split_once(' '))
            .filter(|(kind, _)| kind.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        let token = token.ok_or_else(|| {
            unauthorised(
                "the authorization is no bearer token; send it as 'Authorization: Bearer …'",
            )
        })?;
        match self
            .tokens
            .find(&Content::of_bytes(token.as_bytes()))
            .map_err(|e| Problem::broken(&format!("{e:#}")))?
        {
            None => Err(unauthorised(
                "this token is not known here, or was revoked; ask whoever \
                runs the server for a new one",
            )
            .coded("token.unknown")),
            Some(token) if token.scopes.contains(&scope) => Ok(Some(token.name)),
            Some(_) => Err(Problem::new(
                StatusCode::FORBIDDEN,
                format!(
                    "this token does not allow {}; \
                    ask whoever runs the server for one that does",
                    scope.name()
                ),
            )
            .coded("token.scope")),
        }
    }
}
