//! Looking at files in a process of its own, so that a file that breaks a decoder breaks nothing
//! else.
//!
//! [`Sandbox`] are [`Inspector`](crate::inspect::Inspector) that have two processes for each file,
//! copies of one that was started for that ([`zygote`]); the program's `main` calls [`serve`] in
//! them. A worker gives up what it does not need ([`confine`]) before it does anything: it has
//! limits on memory and time, can open nothing but the file and its sidecar, for reading, reaches
//! no network, starts no program and leaves nothing behind. It talks with its parent over a socket
//! ([`wire`]). One decodes the file, and knows no key; the other has the keys, opens no file, and
//! looks for marks in what the first one shows ([`beside`]). What they answer is not trusted
//! ([`check`]): one that was taken over can lie about its own file, and do no more.

mod answer;
mod beside;
mod calls;
mod check;
mod confine;
mod end;
mod failure;
mod parent;
mod press;
mod room;
mod secret;
mod serve;
mod wire;
mod zygote;

pub use crate::isolation::{Isolation, SandboxError};
pub(crate) use answer::believed;
pub(crate) use beside::{heard, said};
pub use parent::Sandbox;
pub(crate) use parent::told;
pub use secret::take_variable;
pub use serve::{Split, serve, split};
pub use zygote::PreparedZygote;
