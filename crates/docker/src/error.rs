//! What the engine's answers mean.

use bollard::errors::Error;
use ports::RuntimeError;

/// Whether the engine answered at all decides which kind of failure it was.
pub(crate) fn refused(error: Error) -> RuntimeError {
    match error {
        Error::DockerResponseServerError { message, .. } => RuntimeError::Refused(message),
        Error::IOError { .. }
        | Error::HyperResponseError { .. }
        | Error::HyperLegacyError { .. }
        | Error::RequestTimeoutError
        | Error::SocketNotFoundError(_) => RuntimeError::Unreachable(Box::new(error)),
        other => RuntimeError::Refused(other.to_string()),
    }
}

/// The status of the engine's answer, if it was one.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Reads "there is no such thing" as nothing.
pub(crate) fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, RuntimeError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if status(&error) == Some(404) => Ok(None),
        Err(error) => Err(refused(error)),
    }
}
