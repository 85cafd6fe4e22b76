//! Buildpacks from elsewhere, fetched inside the sandbox by its own git and curl, as its own user: what is fetched is as
//! little to be trusted as what it will do.

use domain::{BuildpackRef, buildpack::BuildpackUrl};
use ports::{
    Sandbox,
    sandbox::{Finished, Kept, Program},
};

use crate::{
    buildpack::Buildpack,
    error::BuildError,
    output::Output,
    workspace::{Calls, ROOT},
};

/// Heroku's limit for fetching a buildpack.
const SECONDS: &str = "90";

/// `fetch FOLDER URL REFERENCE`. As little history as the server can give; one that cannot give a part gives all of it.
/// Credentials are in git's configuration from the environment: neither arguments nor files have them.
const GIT: &str = r#"
set -eu
folder=$1 url=$2 reference=$3 why=$(mktemp)
shallow() {
  git init -q -- "$folder" &&
    timeout --kill-after=5 "$LIMIT" git -C "$folder" fetch -q --depth 1 -- "$url" "${reference:-HEAD}" &&
    git -C "$folder" checkout -q FETCH_HEAD
}
whole() {
  rm -rf -- "$folder"
  timeout --kill-after=5 "$LIMIT" git clone -q -- "$url" "$folder" || return
  [ -n "$reference" ] || return 0
  commit=$(git -C "$folder" rev-parse -q --verify "$reference^{commit}" || git -C "$folder" rev-parse -q --verify "origin/$reference^{commit}") || {
    echo "There is no branch, tag or commit $reference." >&2
    return 1
  }
  git -C "$folder" checkout -q "$commit"
}
shallow 2>"$why" || whole 2>"$why" || { cat "$why" >&2; exit 1; }
if [ -f "$folder/.gitmodules" ]; then
  timeout --kill-after=5 "$LIMIT" git -C "$folder" submodule --quiet update --init --recursive >&2
fi
rm -rf -- "$folder/.git" "$why"
"#;

/// `fetch FOLDER`, the URL in the environment. An archive may have all it holds in one folder, as those of git hosts do.
const ARCHIVE: &str = r#"
set -eu
folder=$1 archive=$(mktemp)
timeout --kill-after=5 "$LIMIT" curl -fsSL --globoff --proto '=http,https' --proto-redir '=http,https' --max-redirs 5 \
  --connect-timeout 30 --retry 2 --max-filesize 500000000 -o "$archive" --config <(printf 'url = "%s"\n' "$FETCH_URL")
mkdir -p -- "$folder"
tar -xzf "$archive" -C "$folder" --no-same-owner
if [ ! -d "$folder/bin" ]; then
  inside=("$folder"/*/)
  if [ ${#inside[@]} -eq 1 ] && [ -d "${inside[0]}bin" ]; then
    (shopt -s dotglob; mv -- "${inside[0]}"* "$folder"/)
  fi
fi
rm -f -- "$archive"
"#;

/// What both end with: a buildpack is one, its scripts can be run, and which of them there are is told.
const CHECK: &str = r#"
for script in detect compile; do
  [ -f "$folder/bin/$script" ] || { echo "It has no bin/$script." >&2; exit 1; }
done
chmod +x -- "$folder"/bin/*
for script in "$folder"/bin/*; do echo "${script##*/}"; done
"#;

/// Fetches a buildpack into its folder; gives back how fetching ended if that says more of the sandbox than of the buildpack.
pub(crate) async fn fetch(
    sandbox: &dyn Sandbox,
    calls: &Calls,
    asked: &BuildpackRef,
    buildpack: &mut Buildpack,
    out: &mut Output<'_>,
) -> Result<Finished, BuildError> {
    let mut kept = Kept::default();
    let finished = sandbox.run(&program(calls, asked, &buildpack.folder()), &mut kept).await?;
    match finished.status {
        0 => buildpack.has_scripts(String::from_utf8_lossy(&kept.stdout).lines()),
        _ if finished.out_of_memory => {}
        status => {
            // `timeout`'s own status, or that of the signal it had to send.
            let late = format!("It could not be fetched within {SECONDS} seconds.");
            out.indented(if matches!(status, 124 | 137) { late.as_bytes() } else { &kept.stderr });
            return Err(BuildError::Fetch { buildpack: asked.to_string() });
        }
    }
    Ok(finished)
}

fn program(calls: &Calls, asked: &BuildpackRef, folder: &str) -> Program {
    let (script, arguments, env) = match asked {
        BuildpackRef::Git(git) => {
            let reference = git.reference.clone().unwrap_or_default();
            (GIT, vec![folder.to_owned(), git.url.plain(), reference], git_env(&git.url))
        }
        BuildpackRef::Archive(url) => (ARCHIVE, vec![folder.to_owned()], vec![("FETCH_URL", url.expose())]),
        BuildpackRef::Catalogue(name) => (ARCHIVE, vec![folder.to_owned()], vec![("FETCH_URL", name.registry_url().expose())]),
    };
    let mut argv = vec!["bash".to_owned(), "-c".to_owned(), format!("{script}{CHECK}"), "fetch".to_owned()];
    argv.extend(arguments);
    let mut program = calls.program(ROOT.to_owned(), argv);
    let settings = [("LIMIT", SECONDS.to_owned())].into_iter().chain(env);
    program.env.extend(settings.map(|(key, value)| (key.to_owned(), value)));
    program
}

/// Never asks anybody, speaks these protocols only (submodules too), and uses credentials for the host they are for.
fn git_env(url: &BuildpackUrl) -> Vec<(&'static str, String)> {
    let mut env = vec![("GIT_TERMINAL_PROMPT", "0".to_owned()), ("GIT_ALLOW_PROTOCOL", "https:http:git".to_owned())];
    if let Some((with, without)) = url.bases() {
        env.extend([("GIT_CONFIG_COUNT", "1".to_owned()), ("GIT_CONFIG_KEY_0", format!("url.{with}.insteadOf")), ("GIT_CONFIG_VALUE_0", without)]);
    }
    env
}
