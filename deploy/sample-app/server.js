// A page that says which dyno answered, and what to try next.
const http = require("node:http");
const ms = require("ms");
const { page } = require("./page");

const started = Date.now();
let served = 0;

const server = http.createServer((request, response) => {
  if (request.url === "/favicon.ico") {
    response.writeHead(204).end();
    return;
  }
  served += 1;
  console.log(`${request.method} ${request.url} is request ${served} here`);
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.setHeader("cache-control", "no-store");
  response.end(
    page({
      app: process.env.HEROKU_APP_NAME,
      dyno: process.env.DYNO ?? "no dyno (this is a plain computer)",
      release: process.env.HEROKU_RELEASE_VERSION,
      greeting: process.env.GREETING ?? "It works.",
      node: process.version,
      up: ms(Date.now() - started, { long: true }),
      served,
    }),
  );
});

server.listen(process.env.PORT ?? 5000, () => console.log(`listening on ${server.address().port}`));

// A dyno is asked to stop with SIGTERM and has thirty seconds: finish what is being answered, take nothing new.
process.on("SIGTERM", () => {
  console.log("asked to stop");
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
