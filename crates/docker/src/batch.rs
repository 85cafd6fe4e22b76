//! Several programs in one go: each exec costs the engine a tenth of a second, whatever it runs.

use ports::{
    RuntimeError,
    sandbox::{Finished, Kept, OutputSink, Program, Ran},
};

/// `all LIMIT`, then `FOLDER COUNT WORD…` for each program: runs them at once. Then it tells of each, in order, its status and
/// how much it wrote to standard output and to standard error, up to LIMIT bytes of each, and that.
const ALL: &str = r#"
set -u
limit=$1 work=$(mktemp -d) || exit
shift
running=()
while [ $# -gt 0 ]; do
  (cd -- "$1" && exec "${@:3:$2}") </dev/null >"$work/${#running[@]}.out" 2>"$work/${#running[@]}.err" &
  running+=($!)
  shift $(($2 + 2))
done
for n in "${!running[@]}"; do
  wait "${running[n]}"
  status=$?
  for kind in out err; do head -c "$limit" "$work/$n.$kind" >"$work/$n.$kind.cut" || exit; done
  printf '%d %d %d\n' "$status" "$(stat -c %s "$work/$n.out.cut")" "$(stat -c %s "$work/$n.err.cut")"
  cat "$work/$n.out.cut" "$work/$n.err.cut"
done
rm -rf "$work"
"#;

/// One more than is kept, so that it is seen that there was more.
const LIMIT: usize = Kept::MOST + 1;

/// A program that runs all of these and answers what [`Answers`] reads. Their environment is the first one's.
pub(crate) fn together(programs: &[Program]) -> Program {
    let mut argv: Vec<String> = ["bash", "-c", ALL, "all"].map(str::to_owned).into();
    argv.push(LIMIT.to_string());
    for program in programs {
        argv.extend([program.working_dir.clone(), program.argv.len().to_string()]);
        argv.extend(program.argv.iter().cloned());
    }
    Program { argv, env: programs.first().map(|first| first.env.clone()).unwrap_or_default(), working_dir: "/tmp".to_owned() }
}

/// What `together` answers.
pub(crate) struct Answers {
    bytes: Vec<u8>,
    most: usize,
}

impl Answers {
    pub(crate) fn of(programs: usize) -> Self {
        // Two outputs and a short line each.
        Self { bytes: Vec::new(), most: programs * (2 * LIMIT + 64) }
    }

    /// How each of them ended, and what it wrote.
    pub(crate) fn read(&self, programs: usize) -> Result<Vec<Ran>, RuntimeError> {
        let mut rest = self.bytes.as_slice();
        let ran: Option<Vec<_>> = (0..programs).map(|_| one(&mut rest)).collect();
        // Programs of the same user could write in between.
        ran.filter(|_| rest.is_empty()).ok_or_else(|| RuntimeError::Refused("programs that were run together gave no answer".to_owned()))
    }
}

impl OutputSink for Answers {
    fn stdout(&mut self, bytes: &[u8]) {
        let room = self.most - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn stderr(&mut self, bytes: &[u8]) {
        tracing::debug!(said = %String::from_utf8_lossy(bytes), "while programs were run together");
    }
}

fn one(rest: &mut &[u8]) -> Option<Ran> {
    let end = rest.iter().position(|&byte| byte == b'\n')?;
    let (line, after) = rest.split_at(end);
    let mut numbers = std::str::from_utf8(line).ok()?.split(' ').map(str::parse::<usize>);
    let mut number = || numbers.next()?.ok();
    let (status, stdout, stderr) = (i32::try_from(number()?).ok()?, number()?, number()?);
    let mut kept = Kept::default();
    let (out, after) = after[1..].split_at_checked(stdout)?;
    let (err, after) = after.split_at_checked(stderr)?;
    kept.stdout(out);
    kept.stderr(err);
    *rest = after;
    Some(Ran { finished: Finished { status, out_of_memory: false }, kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(bytes: &[u8]) -> Option<Vec<(i32, String, String)>> {
        let mut answers = Answers::of(2);
        answers.stdout(bytes);
        let ran = answers.read(2).ok()?.into_iter();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Some(ran.map(|Ran { finished, kept }| (finished.status, text(kept.stdout), text(kept.stderr))).collect())
    }

    #[test]
    fn answers_are_told_apart_by_their_lengths() {
        let read = answers(b"0 7 0\nNode.js127 0 12\nno such\nfile").unwrap();
        assert_eq!(read, [(0, "Node.js".to_owned(), String::new()), (127, String::new(), "no such\nfile".to_owned())]);
        for wrong in [b"".as_slice(), b"0 7 0\nNode.js", b"0 7 0\nNode.js1 0 5\nfile", b"0 0 0\n0 0 0\nmore", b"0 0 0\n-1 0 0\n", b"0 0\n0 0\n"] {
            assert_eq!(answers(wrong), None, "{}", String::from_utf8_lossy(wrong));
        }
    }

    #[test]
    fn what_floods_is_cut() {
        let mut bytes = format!("0 {LIMIT} 0\n").into_bytes();
        bytes.extend(vec![b'x'; LIMIT]);
        bytes.extend(b"0 0 0\n");
        let mut answers = Answers::of(2);
        answers.stdout(&bytes);
        let ran = answers.read(2).unwrap();
        assert!(ran[0].kept.cut && ran[0].kept.stdout.len() == Kept::MOST && !ran[1].kept.cut);
        answers.stdout(&vec![b'x'; 1 << 20]);
        assert!(answers.bytes.len() <= answers.most);
    }
}
