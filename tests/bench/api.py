"""How long the API takes to answer, as a client sees it, at a steady rate; see tests/scripts/bench-api."""
import argparse, concurrent.futures, http.client, json, os, shlex, sys, threading, time
from urllib.parse import urlsplit

arguments = argparse.ArgumentParser(prog="bench-api", description=__doc__)
arguments.add_argument("--apps", type=int, default=1000)
arguments.add_argument("--rate", type=int, default=200)
arguments.add_argument("--seconds", type=int, default=10)
arguments.add_argument("--clean", action="store_true")
asked = arguments.parse_args()

home = os.environ.get("MYPAAS_HOME") or sys.exit("MYPAAS_HOME names the installation to measure")
env = dict(shlex.split(line)[0].split("=", 1) for line in open(os.path.join(home, "env")) if "=" in line)
server, token = urlsplit(env["MYPAAS_SERVER"]), env["MYPAAS_TOKEN"]
own = threading.local()


def ask(method, path, body=None):
    connection = getattr(own, "connection", None)
    if connection is None:
        connection = own.connection = http.client.HTTPConnection(server.hostname, server.port, timeout=30)
    headers = {"Authorization": "Bearer " + token, "Accept": "application/vnd.heroku+json; version=3", "Range": "name ..; max=1000"}
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException):
        own.connection = None
        raise
    if answer.status == 429:
        sys.exit("the rate limit is reached; set requests_per_hour in config.toml, under [api]")
    return answer.status, text


def measure(path):
    def one(due):
        time.sleep(max(0, due - time.perf_counter()))
        status, _ = ask("GET", path)
        assert status in (200, 206), status
        return (time.perf_counter() - due) * 1000

    count = asked.rate * asked.seconds
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        start = time.perf_counter() + 0.2
        took = sorted(pool.map(one, [start + n / asked.rate for n in range(count)]))
        spent = time.perf_counter() - start
    at = lambda share: took[min(len(took) - 1, int(len(took) * share))]
    print(f"{path:24} {count / spent:7.0f}/s   p50 {at(.5):8.2f} ms   p95 {at(.95):8.2f} ms   p99 {at(.99):8.2f} ms   worst {took[-1]:8.2f} ms")
    return at(.99)


def alone(path, times=50):
    """One after the other: what an answer costs when nobody else asks."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        status, text = ask("GET", path)
        assert status in (200, 206), status
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    print(f"{path:24} alone, {len(text):,} bytes: median {took[len(took) // 2]:.2f} ms, worst of {times} {took[-1]:.2f} ms")


status, text = ask("GET", "/apps")
there = {app["name"] for app in json.loads(text)}
names = [f"bench-{n:05}" for n in range(asked.apps)]
if asked.clean:
    for name in sorted(name for name in there if name.startswith("bench-")):
        ask("DELETE", "/apps/" + name)
    sys.exit()
for name in names:
    if name not in there:
        status, text = ask("POST", "/apps", {"name": name})
        assert status == 201, text
status, text = ask("GET", "/apps")
print(f"{len(json.loads(text))} apps, {asked.rate} requests/s for {asked.seconds} s each")
alone("/apps/" + names[0])
alone("/apps")
one = measure("/apps/" + names[0])
many = measure("/apps")
print(f"GET /apps takes {many / one:.1f} times as long as GET /apps/:app (p99)")
