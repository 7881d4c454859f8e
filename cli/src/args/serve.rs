//! What `serve` and `tokens` can be told.

use std::net::SocketAddr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use proofmark_server::Scope;

use super::options::{RegistryOption, SandboxOption, TrustOption};

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark serve
  proofmark serve --listen 0.0.0.0:8473 --registry postgres://proofmark@db.example.com/proofmark \
    --require-token
  curl --data-binary @upload.mp4 'http://127.0.0.1:8473/v1/verify?name=upload.mp4'

It speaks plain HTTP unless [serve] in the configuration file names a certificate: put a proxy \
with TLS before it, or give it one, where others can reach it. All
settings are there;
/v1/openapi.json describes the API.")]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8473]
    #[arg(long, env = "PROOFMARK_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Demand a token for reading too, on the page with a login
    #[arg(long)]
    pub(crate) require_token: bool,
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
}

#[derive(Args)]
pub(crate) struct TokensArgs {
    #[command(subcommand)]
    pub(crate) action: TokensAction,
}

#[derive(Subcommand)]
pub(crate) enum TokensAction {
    /// List the tokens by their names; what they are is not kept
    List,
    /// Make a token and print it, this once
    Add {
        /// A name to know it by
        name: String,
        /// What it allows; may be given more than once
        #[arg(long = "scope", value_parser = scope(), required = true, value_name = "SCOPE")]
        scopes: Vec<Scope>,
    },
    /// Make a token worthless, at once
    Revoke {
        /// Which token, by its name
        name: String,
    },
}

/// Takes the name of a scope, and tells of all that there are.
fn scope() -> impl TypedValueParser<Value = Scope> {
    let named = |s: Scope| PossibleValue::new(s.name()).help(s.about());
    PossibleValuesParser::new(Scope::ALL.map(named)).try_map(|name| name.parse::<Scope>())
}
