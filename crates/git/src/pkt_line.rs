//! The lines git's protocols are made of: four hex digits of length, then the text (gitprotocol-common(5)).

use bytes::Bytes;

/// Ends a list of lines.
const FLUSH: &str = "0000";

/// What comes before the refs when they are asked for over HTTP (gitprotocol-http(5)).
pub(crate) fn service_header(service: &str) -> Bytes {
    let text = format!("# service=git-{service}\n");
    format!("{:04x}{text}{FLUSH}", text.len() + 4).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_as_git_itself_sends_it() {
        assert_eq!(service_header("receive-pack"), "001f# service=git-receive-pack\n0000");
        assert_eq!(service_header("upload-pack"), "001e# service=git-upload-pack\n0000");
    }
}
