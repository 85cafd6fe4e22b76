"""PyPI's `heroku3`, unmodified, through a day's work: only the address is another one. Arguments: the app's name."""
import os, sys, time

import heroku3
import requests

NAME = sys.argv[1]


def until(what, holds):
    for _ in range(600):
        value = holds()
        if value:
            return value
        time.sleep(0.1)
    raise AssertionError("not within a minute: " + what)


def refused(status, work):
    try:
        work()
    except requests.HTTPError as error:
        assert error.response.status_code == status, error
        return error.response.json()["message"]
    raise AssertionError("it was not refused")


session = requests.Session()
session.verify = os.environ["CA"]
heroku3.api.HEROKU_URL = os.environ["SERVER"]
heroku = heroku3.from_key("MPS-wrong", session=session)
assert not heroku.authenticate("MPS-wrong")
assert heroku.authenticate(os.environ["TOKEN"])

# Who one is.
account = heroku.account()
assert account.email == os.environ["EMAIL"], account
before = int(heroku._ratelimit_remaining)
heroku.account()
assert before - 5 < int(heroku._ratelimit_remaining) <= before
assert all(key.fingerprint for key in heroku.keys())

# Apps.
made = heroku.create_app(name=NAME + "-three", stack_id_or_name="heroku-24", region_id_or_name="us")
assert made.name == NAME + "-three" and made.owner.email == account.email and made.stack.name == "heroku-24"
# It goes by Heroku's own sentence, "Name is already taken", and gives the app there is.
assert heroku.create_app(name=NAME).name == NAME
assert {NAME, made.name} <= {app.name for app in heroku.apps()}
made.rename(NAME + "-four")
assert heroku.app(NAME + "-four").id == made.id
made = heroku.app(NAME + "-four")
made.enable_maintenance_mode()
assert heroku.app(made.name).maintenance is True
made.disable_maintenance_mode()
assert heroku.app(made.name).maintenance is False
made.delete()
refused(404, lambda: heroku.app(NAME + "-four"))

# Config vars; each change is a release.
app = heroku.apps()[NAME]
config = app.config()
config["GREETING"] = "Moin"
config.update({"SPARE": "x", "UTF": "⬢"})
assert app.config().to_dict() == {"GREETING": "Moin", "SPARE": "x", "UTF": "⬢"}
del config["SPARE"]
assert "SPARE" not in app.config()
assert app.releases()[-1].description == "Unset SPARE config vars" or "SPARE" in app.releases()[-1].description

# Formation and dynos.
assert app.process_formation()["web"].quantity == 1
app.scale_formation_process("web", 2)
until("two dynos", lambda: [dyno.state for dyno in app.dynos()] == ["up", "up"])
app.batch_scale_formation_processes({"web": 1})
until("one dyno", lambda: [dyno.name for dyno in app.dynos()] == ["web.1"])
assert "Couldn't find that process type" in refused(422, lambda: app.scale_formation_process("nosuch", 1))
first = app.dynos()[0]
first.restart()
until("another dyno", lambda: app.dynos() and app.dynos()[0].id != first.id and app.dynos()[0].state == "up")
app.restart()
until("it is up again", lambda: app.dynos() and app.dynos()[0].state == "up")
detached = app.run_command_detached("sleep 600")
until("it runs", lambda: detached.name in [dyno.name for dyno in app.dynos()])
app.kill_dyno(detached.name)
until("it is gone", lambda: detached.name not in [dyno.name for dyno in app.dynos()])

# Logs.
assert "Scaled to web@2:" in app.get_log(lines=1500)
assert all("app[" not in line for line in app.get_log(lines=1500, source="heroku").splitlines())
lines = app.stream_log(lines=1, timeout=60)
assert next(lines)

# Releases.
versions = [release.version for release in app.releases()]
assert versions == list(range(1, len(versions) + 1)), versions
last = app.releases(order_by="version", limit=1, sort="desc")[0]
assert last.version == versions[-1] and last.user.email == account.email
deployed = [release for release in app.releases() if release.description.startswith("Deploy")][0]
assert app.slug(deployed.slug.id).id == deployed.slug.id
back = app.rollback("v%d" % deployed.version)
assert back.description == "Rollback to v%d" % deployed.version
assert app.config().to_dict() == {}
assert app.builds()[0].status == "succeeded"

# Domains, features, drains, collaborators.
app.add_domain("www.%s.example.com" % NAME, None)
assert "www.%s.example.com" % NAME in [domain.hostname for domain in app.domains()]
app.remove_domain("www.%s.example.com" % NAME)
app.enable_feature("preboot")
assert app.features()["preboot"].enabled is True
app.disable_feature("preboot")
assert app.features()["preboot"].enabled is False
drain = app.create_logdrain("https://logs.example.com/in")
assert [each.url for each in app.logdrains()] == ["https://logs.example.com/in"]
app.remove_logdrain(drain.id)
assert [each.user.email for each in app.collaborators()] == [account.email]
assert not app.addons()

app.delete()
refused(404, lambda: heroku.app(NAME))
print("done")
