//! Who looks at the page: in which language, and under which token.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use proofmark::registry::Content;
use uuid::Uuid;

use super::super::{Problem, Scope, Service, Token};
use super::text::Text;
use super::told;

/// How long somebody stays logged in.
const STAY: Duration = Duration::from_secs(12 * 3600);
/// Sessions at once, beyond which the oldest end.
const MOST: usize = 10_000;

const SESSION: &str = "proofmark_session";
const LANGUAGE: &str = "proofmark_language";

/// Everybody who is logged in. It is forgotten when the server stops.
#[derive(Default)]
pub(in super::super) struct Sessions(Mutex<HashMap<String, Session>>);

/// Which token was shown, as the server keeps it, and until when that counts.
struct Session {
    token: Content,
    until: Instant,
}

impl Sessions {
    /// Begins a session, and gives the cookie that stands for it; over TLS alone, if it begins
    /// there.
    pub(super) fn begin(&self, token: Content, secure: bool) -> HeaderValue {
        let name = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let now = Instant::now();
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, s| s.until > now);
        if open.len() >= MOST
            && let Some(oldest) =
                open.iter().min_by_key(|(_, s)| s.until).map(|(name, _)| name.clone())
        {
            open.remove(&oldest);
        }
        open.insert(name.clone(), Session { token, until: now + STAY });
        cookie(SESSION, &name, STAY, secure)
    }

    /// Ends the session of a request, and gives the cookie that says so.
    pub(super) fn end(&self, headers: &HeaderMap) -> HeaderValue {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cookies_of(headers, SESSION).for_each(|name| _ = open.remove(name));
        cookie(SESSION, "", Duration::ZERO, false)
    }

    fn token(&self, headers: &HeaderMap) -> Option<Content> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A neighbour of this host may have put one of the same name before ours.
        let session = cookies_of(headers, SESSION).find_map(|name| open.get(name))?;
        (session.until > Instant::now()).then_some(session.token)
    }
}

/// A cookie that scripts do not see, and that no form on another site sends.
fn cookie(name: &str, value: &str, stay: Duration, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    // Names and values are of letters, digits and signs that a header may have.
    HeaderValue::from_str(&format!(
        "{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}",
        stay.as_secs()
    ))
    .unwrap_or(HeaderValue::from_static(""))
}

/// The values of the cookies of a name. Others may hold bytes that are no text.
fn cookies_of<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let all = headers
        .get_all(COOKIE)
        .into_iter()
        .flat_map(|v| v.as_bytes().split(|&b| b == b';'))
        .filter_map(|one| std::str::from_utf8(one).ok());
    all.filter_map(|one| one.trim().split_once('='))
        .filter(move |one| one.0 == name)
        .map(|one| one.1)
}

/// Whoever asks for a page.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) text: Text,
    /// The token that they are logged in with.
    pub(super) token: Option<Token>,
    /// The address that they asked for, up to where a language can be named.
    pub(super) here: String,
    /// Whether they chose a language just now.
    chose: bool,
}

impl Visitor {
    /// Whether they may write what they decide, and search.
    pub(super) fn reviews(&self) -> bool {
        self.token.as_ref().is_some_and(|t| t.scopes.contains(&Scope::Review))
    }

    /// A response that remembers the language that they chose.
    pub(super) fn remember(&self, mut response: Response) -> Response {
        if self.chose {
            response.headers_mut().append(
                SET_COOKIE,
                cookie(LANGUAGE, self.text.0.code(), Duration::from_secs(365 * 86_400), false),
            );
        }
        response
    }

    fn of(parts: &Parts, service: &Service) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let query = parts.uri.query().unwrap_or_default();
        let chosen = query.split('&').find_map(|pair| Text::of_code(pair.strip_prefix("lang=")?));
        let text = chosen
            .or_else(|| cookies_of(headers, LANGUAGE).find_map(Text::of_code))
            .unwrap_or_else(|| Text::liked(headers));
        // One that was revoked meanwhile ends at once.
        let digest = service.sessions.token(headers);
        let token = digest
            .map(|digest| service.tokens.find(&digest))
            .transpose()
            .map_err(|e| Problem::broken(&format!("{e:#}")))?
            .flatten();
        let words: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
            .collect();
        let here = match parts.method {
            Method::GET if words.is_empty() => format!("{}?", parts.uri.path()),
            Method::GET => format!("{}?{}&", parts.uri.path(), words.join("&")),
            // What a form was sent to shows nothing by itself.
            _ => "/?".into(),
        };
        Ok(Self { text, token, here, chose: chosen.is_some() })
    }
}

impl FromRequestParts<Arc<Service>> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Response> {
        Self::of(parts, service).map_err(|refusal| told(&Self::unknown(&parts.headers), refusal))
    }
}

impl Visitor {
    /// One of whom nothing is known but the language.
    pub(super) fn unknown(headers: &HeaderMap) -> Self {
        Self { text: Text::liked(headers), token: None, here: "/?".into(), chose: false }
    }
}

/// A visitor who may look at clips: anybody, or where the server asks for a token whoever is logged
/// in. Others are led to where one logs in.
pub(super) struct Viewer(pub(super) Visitor);

impl FromRequestParts<Arc<Service>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Response> {
        let visitor = Visitor::from_request_parts(parts, service).await?;
        let may = visitor.token.as_ref().is_some_and(|t| t.scopes.contains(&Scope::Fetch));
        if service.settings.require_token && !may {
            Err(Redirect::to("/login").into_response())
        } else {
            Ok(Self(visitor))
        }
    }
}

/// A visitor who may search and write.
pub(super) struct Reviewer(pub(super) Visitor);

impl FromRequestParts<Arc<Service>> for Reviewer {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        service: &Arc<Service>,
    ) -> Result<Self, Response> {
        let Viewer(visitor) = Viewer::from_request_parts(parts, service).await?;
        match &visitor.token {
            None => Err(Redirect::to("/login").into_response()),
            Some(_) if visitor.reviews() => Ok(Self(visitor)),
            Some(_) => {
                let refusal = Problem::new(StatusCode::FORBIDDEN, visitor.text.say("case.scope"))
                    .coded("token.scope");
                Err(told(&visitor, refusal))
            }
        }
    }
}

#[cfg(test)]
impl Visitor {
    /// One who may do everything.
    pub(super) fn example(language: proofmark::Language) -> Self {
        Self {
            text: Text(language),
            token: Some(Token::example()),
            here: "/?".into(),
            chose: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(cookies).unwrap())])
    }

    #[test]
    fn a_session_lasts_until_it_is_ended() {
        let (sessions, token) = (Sessions::default(), Content::of_bytes(b"token"));
        let cookie = sessions.begin(token, true);
        let sent = cookie.to_str().unwrap().split(';').next().unwrap().to_string();
        let with = headers(&format!("a=b; {sent}"));
        assert_eq!(sessions.token(&with), Some(token));
        // Bytes that are no text, and a cookie of the same name from a neighbour, take nothing from
        // it.
        let beside = HeaderMap::from_iter([(
            COOKIE,
            HeaderValue::from_bytes(format!("x=\u{e9}; {SESSION}=bad; {sent}").as_bytes()).unwrap(),
        )]);
        assert_eq!(sessions.token(&beside), Some(token));
        assert_eq!(
            (
                sessions.token(&headers(&format!("{SESSION}=guess"))),
                sessions.token(&HeaderMap::new())
            ),
            (None, None)
        );
        assert!(sessions.end(&with).to_str().unwrap().contains("Max-Age=0"));
        assert_eq!(sessions.token(&with), None);
    }

    #[test]
    fn there_are_only_so_many() {
        let sessions = Sessions::default();
        for _ in 0..MOST + 5 {
            sessions.begin(Content::of_bytes(b""), false);
        }
        assert_eq!(sessions.0.lock().unwrap().len(), MOST);
    }
}
