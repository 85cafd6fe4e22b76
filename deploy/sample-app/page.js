// The page, from what the server knows.

const escape = (text) =>
  String(text).replace(/[&<>"]/g, (char) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[char]);

const next = [
  ["mypaas ps:scale web=4", "Four dynos; reload and see who answers."],
  ['mypaas config:set GREETING="Good morning"', "A config var: a new release, and the heading above."],
  ["mypaas logs --tail", "What the dynos and the router say, as it happens."],
  ["git commit -am 'My change' && git push mypaas main", "Change page.js first, and deploy it."],
  ["mypaas releases", "Every release so far."],
  ["mypaas rollback", "Back to the one before."],
  ["mypaas run bash", "A shell in a dyno of its own."],
];

const fact = (name, value) => (value === undefined ? "" : `<dt>${name}</dt><dd>${escape(value)}</dd>`);

exports.page = ({ app, dyno, release, greeting, node, up, served }) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(app ?? "Sample app")}</title>
<style>
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
  body { font: 17px/1.6 system-ui, sans-serif; max-width: 40rem; margin: 12vh auto 4rem; padding: 0 1.25rem; }
  h1 { font-size: 2.4rem; line-height: 1.15; margin: 0 0 1.5rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.25rem; border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.25rem; margin: 0 0 2.5rem; }
  dt { opacity: .65; }
  dd { margin: 0; font-variant-numeric: tabular-nums; }
  h2 { font-size: 1.05rem; margin: 0 0 .5rem; }
  ul { list-style: none; padding: 0; margin: 0; }
  li { border-top: 1px solid var(--line); padding: .6rem 0; }
  code { font: .88em ui-monospace, monospace; overflow-wrap: anywhere; }
  li span { display: block; opacity: .75; font-size: .92em; }
</style>
<h1>${escape(greeting)}</h1>
<dl>
  ${fact("App", app)}
  ${fact("Dyno", dyno)}
  ${fact("Release", release)}
  ${fact("Node.js", node)}
  ${fact("Up for", up)}
  ${fact("Requests here", served)}
</dl>
<h2>What to try next</h2>
<ul>
${next.map(([command, why]) => `  <li><code>${escape(command)}</code><span>${escape(why)}</span></li>`).join("\n")}
</ul>
</html>
`;
