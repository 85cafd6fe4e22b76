//! Server-sent events, line by line (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::time::Duration;

/// What has been read of a stream, kept over its reconnections.
#[derive(Debug, Default)]
pub(crate) struct Events {
    data: Option<Vec<u8>>,
    /// The id of the event being read; it counts once the event is complete.
    id: Option<String>,
    last_id: Option<String>,
    retry: Option<Duration>,
}

impl Events {
    /// Takes one line, with or without its end; the empty line that completes an event gives its data.
    pub(crate) fn take(&mut self, line: &[u8]) -> Option<Vec<u8>> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            if let Some(id) = self.id.take() {
                self.last_id = Some(id);
            }
            return self.data.take();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => match &mut self.data {
                Some(data) => data.extend([b"\n", value].concat()),
                none => *none = Some(value.to_owned()),
            },
            b"id" => self.id = std::str::from_utf8(value).ok().filter(|id| !id.contains('\0')).map(str::to_owned),
            b"retry" => {
                let milliseconds = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
                self.retry = milliseconds.map(Duration::from_millis).or(self.retry);
            }
            // A comment (an empty field name), or something newer.
            _ => {}
        }
        None
    }

    /// Forgets the event that the end of the stream cut off; it comes again.
    pub(crate) fn broke_off(&mut self) {
        self.data = None;
        self.id = None;
    }

    /// The id to resume behind.
    pub(crate) fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long to wait before the next connection.
    pub(crate) fn retry(&self) -> Duration {
        self.retry.unwrap_or(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(events: &mut Events, stream: &str) -> Vec<String> {
        stream.split_inclusive('\n').filter_map(|line| events.take(line.as_bytes())).map(|data| String::from_utf8(data).unwrap()).collect()
    }

    #[test]
    fn lines_become_events() {
        let mut events = Events::default();
        let stream = "retry: 1\n\n: hello\nid: 1\ndata: one\n\nid:2\r\ndata:two\r\n\r\ndata: a\ndata: b\n\ndata\n\nevent: x\n\n";
        assert_eq!(check(&mut events, stream), ["one", "two", "a\nb", ""]);
        assert_eq!(events.last_id(), Some("2"));
        assert_eq!(events.retry(), Duration::from_millis(1));
    }

    #[test]
    fn an_event_that_is_cut_off_is_not_counted() {
        let mut events = Events::default();
        assert_eq!(check(&mut events, "id: 1\ndata: one\n\nid: 2\ndata: tw"), ["one"]);
        events.broke_off();
        assert_eq!(events.last_id(), Some("1"));
        assert_eq!(check(&mut events, "id: 2\ndata: two\n\n"), ["two"]);
        assert_eq!(events.last_id(), Some("2"));
        assert_eq!(events.retry(), Duration::from_secs(1));
    }
}
