//! The Procfile: which command each process type runs.

/// A process type with its command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) process_type: String,
    pub(crate) command: String,
}

/// Reads it as the platform does: `TYPE: COMMAND` lines, others are left aside, of two of one type the last one counts.
pub(crate) fn parse(text: &str) -> Vec<Process> {
    let mut found: Vec<Process> = Vec::new();
    for line in text.lines() {
        let Some((process_type, command)) = line.split_once(':') else { continue };
        let (process_type, command) = (process_type.trim(), command.trim());
        let word = !process_type.is_empty() && process_type.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !word || command.is_empty() {
            continue;
        }
        found.retain(|process| process.process_type != process_type);
        found.push(Process { process_type: process_type.to_owned(), command: command.to_owned() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_none_are_left_aside() {
        let found = parse("# Procfile\nweb: node server.js --port $PORT\n\n worker :  sh -c 'echo a: b'\nnonsense\nempty:\nweb: later\n");
        let found: Vec<_> = found.iter().map(|process| format!("{}={}", process.process_type, process.command)).collect();
        assert_eq!(found, ["worker=sh -c 'echo a: b'", "web=later"]);
    }
}
