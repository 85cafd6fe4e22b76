//! Everything a command can fail with: a sentence, what to do next, and the status to exit with.

use std::io;

use crate::attach::AttachError;
use crate::client_error::ClientError;
use crate::credentials::CredentialsError;
use crate::git_remote::GitError;
use crate::origin::NotAnOrigin;
use crate::target::TargetError;
use crate::tls::TlsError;

/// Why a command failed. `Display` is the sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Origin(#[from] NotAnOrigin),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Attach(#[from] AttachError),
    #[error("{0}")]
    Usage(String),
    /// What was typed is no command, or not one's options.
    #[error("{sentence}")]
    Misunderstood { sentence: String, hint: Option<String> },
    #[error("{sentence}")]
    Failed { sentence: String, hint: Option<String> },
    #[error("The output cannot be written: {0}.")]
    Stdout(io::Error),
    #[error("The input cannot be read: {0}.")]
    Stdin(io::Error),
}

impl Error {
    /// A failure of the command itself.
    pub(crate) fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed { sentence: sentence.into(), hint: None }
    }

    /// A failure of the command itself, with what to do next.
    pub(crate) fn failed_with_hint(sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Failed { sentence: sentence.into(), hint: Some(hint.into()) }
    }

    /// The status to exit with: 2 when the command was not understood, 1 otherwise.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Misunderstood { .. } => 2,
            _ => 1,
        }
    }

    /// Whether the reader of the output went away, as `head` does: no failure to speak of.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Stdout(error) | Self::Attach(AttachError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// What the person reads on stderr.
    pub(crate) fn render(&self) -> String {
        let mut text = format!("Error: {self}");
        if let Some(hint) = self.hint() {
            text.push_str(&format!("\nhint: {hint}"));
        }
        if let Self::Client(error) = self
            && let Some(id) = error.request_id()
        {
            text.push_str(&format!("\nrequest id: {id}"));
        }
        text
    }

    /// What to do next.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Client(error) => error.hint(),
            Self::Target(error) => Some(error.hint()),
            Self::Credentials(CredentialsError::Malformed { path }) => Some(format!("move {} away and log in again with `mypaas login`", path.display())),
            Self::Git(GitError::NoRepository) => Some("go to the app's repository, or start one with `git init`".into()),
            Self::Failed { hint, .. } | Self::Misunderstood { hint, .. } => hint.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api_types::ErrorBody;

    #[test]
    fn an_error_is_a_sentence_a_hint_and_the_request_id() {
        let body = ErrorBody { id: "not_found".into(), message: "Couldn't find that app.".into(), resource: Some("app".into()), url: None };
        let error = Error::from(ClientError::Refused { status: 404, body: Box::new(body), request_id: Some("0123".into()) });
        assert_eq!(error.render(), "Error: Couldn't find that app.\nhint: `mypaas apps` lists your apps\nrequest id: 0123");
        assert_eq!(error.exit_status(), 1);
        assert_eq!(Error::Usage("No.".into()).exit_status(), 2);
        assert_eq!(Error::failed("It is late.").render(), "Error: It is late.");
    }
}
