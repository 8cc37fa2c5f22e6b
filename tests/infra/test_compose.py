"""Hold infra/compose to what the isolation policy, the deployments and the programs say."""

import ipaddress
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from connectors.topic_layout import read_layout
from flows.planned import planned
from scripts import compose_secrets
from tests.infra import manifests as m

FILE = m.COMPOSE / "compose.yaml"
SEED_LINES = (  # seed 000, "Canonical Runtime Profiles", word for word
    "docker compose --env-file ../env/.env --profile external up -d bot1",
    "docker compose --env-file ../env/.env --profile test up -d bot3 bot4",
)
BOTS = {"bot1": "external", "bot2": "reserved", "bot3": "test", "bot4": "test"}
BROUGHT = {"kalshi_key", "kalshi_key_id"}  # a venue gives these to a person; nobody here can make them
VARIABLE = re.compile(r"\$\{(\w+)")


def validated(path: Path) -> subprocess.CompletedProcess[str]:
    """Hold a file against the Compose specification's own schema, which the checker carries with it."""
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


def test_the_file_is_a_compose_file(tmp_path: Path) -> None:
    """The file follows the Compose specification; one with a misspelt key does not."""
    assert 0 == validated(FILE).returncode
    broken = tmp_path / "compose.yaml"
    broken.write_text(FILE.read_text("utf-8").replace("stop_grace_period", "stop_grace_perid"), "utf-8")
    assert 1 == validated(broken).returncode


def test_compose_itself_reads_the_file(tmp_path: Path) -> None:
    """`docker compose config` takes the file with both profiles; skipped where the client has no such plugin."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker has no compose plugin here")
    env = tmp_path / ".env"
    shutil.copy(m.ENV / ".env.example", env)
    words = [docker, "compose", "--env-file", str(env), "--profile", "external", "--profile", "test", "config", "-q"]
    ended = subprocess.run(words, cwd=m.COMPOSE, capture_output=True, text=True, timeout=60)
    assert (0, "") == (ended.returncode, ended.stderr)


@pytest.mark.parametrize("line", SEED_LINES)
def test_the_canonical_command_lines_start_what_they_name(line: str) -> None:
    """From infra/compose each line finds its files, and starts its bots with all they need and no other desk."""
    words = shlex.split(line)
    assert ["docker", "compose", "--env-file"] == words[:3]
    env_file, profile, bots = Path(words[3]), words[words.index("--profile") + 1], words[words.index("-d") + 1 :]
    assert m.ENV / ".env" == (m.COMPOSE / env_file).resolve()
    assert (m.ENV / ".env.example").is_file() and FILE.is_file()
    started = m.needed(bots)
    for name in started:
        assert m.services()[name].get("profiles", [profile]).count(profile), f"{name} is not in profile {profile}"
    assert set(bots) == started & (BOTS.keys() | {"lab"})
    assert {"kafka", "prometheus"} < started


def test_each_bot_is_in_its_profile_and_no_other() -> None:
    """bot1 is external, bot3 and bot4 are test; nothing else in those profiles trades; bot2's profile is its own."""
    profiles = {name: each.get("profiles", []) for name, each in m.services().items()}
    assert {name: [profile] for name, profile in BOTS.items()} == {name: profiles[name] for name in BOTS}
    assert ["bot2"] == [name for name, each in profiles.items() if "reserved" in each]
    assert not {name for name, each in m.services().items() if "bot2" in each.get("depends_on", {})}


def test_bot2_cannot_run_whatever_is_typed() -> None:
    """The disabled slot has no copy, no restart, no volume, no row in any deployment and no desk file."""
    bot2 = m.services()["bot2"]
    assert (0, "no", {}) == (bot2["deploy"]["replicas"], bot2["restart"], bot2["depends_on"])
    assert ["../../config:/app/config:ro"] == bot2["volumes"]
    assert all("bot2" not in m.deployment(path.name).desks for path in m.DEPLOYMENTS.glob("*.toml"))
    assert not (m.ROOT / "config" / "desks" / "bot2.toml").exists()


def test_a_plain_start_neither_trades_nor_speaks_to_a_venue() -> None:
    """What has no profile is the broker, Prometheus and the programs of paper: no desk, no feed."""
    plain = {name for name, each in m.services().items() if "profiles" not in each}
    assert {"kafka", "topics", "market", "record", "govern", "prometheus"} == plain == m.needed(sorted(plain))


def test_ports_are_open_on_this_machine_only() -> None:
    """Every published port is bound to a loopback address by number."""
    ports = {name: each["ports"] for name, each in m.services().items() if "ports" in each}
    assert {"kafka", "clickhouse", "prometheus"} == ports.keys()
    for text in (text for each in ports.values() for text in each):
        assert ipaddress.ip_address(text.split(":")[0]).is_loopback, text


@pytest.mark.parametrize("name", m.services(), ids="service_{}".format)
def test_every_container_is_guarded(name: str) -> None:
    """No container is privileged, root, writable or unbounded; each has a restart policy and limits."""
    each = m.services()[name]
    assert (True, ["ALL"]) == (each["read_only"], each["cap_drop"])
    assert ["no-new-privileges:true"] == each["security_opt"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "env_file"} & each.keys()
    user = VARIABLE.sub("10001", each["user"])
    assert int(re.findall(r"\d+", user)[0]) > 0, "root"
    assert {"cpus", "memory", "pids"} == each["deploy"]["resources"]["limits"].keys()
    assert each["restart"] in ("unless-stopped", "no", "on-failure:5")
    if each["restart"] == "unless-stopped":
        assert m.seconds(each["stop_grace_period"]) >= 30
    for text in each.get("volumes", []):
        assert text.startswith(("./", "../../config:", "../prometheus/")) == text.endswith(":ro"), text
        assert "docker.sock" not in text


def test_only_feeds_can_leave() -> None:
    """Desks and programs stand on a network without a way out; the feeds have one, and publish nothing."""
    assert {"internal": True} == m.compose()["networks"]["inside"]
    for name, each in m.ours().items():
        assert each["networks"] == (["inside", "outside"] if name in m.feeds_of_compose() else ["inside"]), name


def test_the_kill_switch_reaches_every_program() -> None:
    """Each program of ours is told BOT_DISABLE_TRADING as whoever starts it says, and unset is not engaged."""
    for name, each in m.ours().items():
        assert {"BOT_DISABLE_TRADING": "${BOT_DISABLE_TRADING:-}"} == each["environment"], name


def test_the_environment_holds_no_secret() -> None:
    """Every variable is a documented one, and every secret is a file below infra/env/secrets."""
    for name, each in m.services().items():
        assert each.get("environment", {}).keys() <= m.VARIABLES.keys(), name
        told = str(each.get("environment", {})) + str(each.get("command", []))
        told = told.replace("'--server-password', 'file:/run/secrets/clickhouse.password'", "")  # where it is, not what
        assert not re.search(r"(?i)passw|token|BEGIN|secret(?!s/)", told), name
    for name, each in m.compose()["secrets"].items():
        assert {"file"} == each.keys() and each["file"].startswith("../env/secrets/"), name


def test_the_secrets_of_a_program_are_its_own(tmp_path: Path) -> None:
    """Each service holds its own principal's access, password and the authority; the files are those that are made."""
    made = set(compose_secrets.make(tmp_path / "secrets"))
    files = {name: Path(each["file"]).name for name, each in m.compose()["secrets"].items()}
    assert set(files.values()) <= made | BROUGHT
    used = {each["source"] for service in m.services().values() for each in service.get("secrets", [])}
    assert used == files.keys()
    known = read_layout().principals
    for name, each in m.ours().items():
        held = {item["target"]: files[item["source"]] for item in each["secrets"] if item["source"] not in BROUGHT}
        program = "feed" if name in m.feeds_of_compose() else each["command"][1]
        who = "admin" if each["command"][0] == "topics" else f"{mode_of(name)}.{program}"
        assert program in (*known, "create")
        own = (f"{who}.password", "authority.pem", *([compose_secrets.STORE_PASSWORD] if on_server(each) else []))
        assert {"access.json": f"{who}.json", **{file: file for file in own}} == held, name


def on_server(service: m.Tree) -> bool:
    """Return whether a service keeps envelopes on the ClickHouse server."""
    return "--server" in service["command"]


def mode_of(name: str) -> str:
    """Return the mode of a service, from the deployment or the prefix that its command names."""
    words = m.services()[name]["command"]
    file = m.option(words, "--deployment")
    return m.deployment(Path(file).name).mode if file else m.option(words, "--prefix")


def test_every_command_is_one_that_pt_has() -> None:
    """Verbs and options are those of `pt`; a program is market, desk, record or govern; it and feeds tell metrics."""
    for name, each in m.ours().items():
        words = each["command"]
        assert m.given(words) <= m.options_of(words), name
        if words[0] != "topics":
            assert words[0] == "feed" or words[1] in m.PROGRAMS, name
            assert f"0.0.0.0:{m.METRICS_PORT}" == m.option(words, "--metrics"), name


def test_what_runs_on_keeps_its_place_in_a_volume() -> None:
    """Each program, and each feed for its spool, has a volume where its state is; the disabled slot alone has none."""
    kept = {**m.programs_of_compose(), **m.feeds_of_compose()}
    for name, each in kept.items():
        state = m.option(each["command"], "--state")
        assert ([] if name == "bot2" else [f"{name}:{state}"]) == [text for text in each["volumes"] if text[0] != "."]


def test_a_second_record_fills_the_server() -> None:
    """It waits for the server, which it names with its user and the file that is made; the first has no server."""
    programs = m.programs_of_compose()
    assert ["record-server"] == [name for name, each in programs.items() if on_server(each)]
    each = programs["record-server"]
    words, file = each["command"], f"file:/run/secrets/{compose_secrets.STORE_PASSWORD}"
    said = [m.option(words, f"--server{end}") for end in ("", "-user", "-password")]
    assert ["clickhouse:8123", compose_secrets.USER, file] == said and "--store" not in words
    assert ["server"] == each["profiles"] == m.services()["clickhouse"]["profiles"]
    assert "service_healthy" == each["depends_on"]["clickhouse"]["condition"]
    assert m.option(words, "--deployment") == m.option(programs["record"]["command"], "--deployment")


def test_desks_and_lanes_are_those_of_the_deployments() -> None:
    """Each deployment's desks have a service each and its lanes a feed each; market, record and govern stand once."""
    ran: dict[str, list[str]] = {}
    for each in (each for each in m.programs_of_compose().values() if not on_server(each)):
        file, only = Path(m.option(each["command"], "--deployment")), m.option(each["command"], "--only")
        assert (m.ROOT / file).is_file(), file
        assert bool(only) == (each["command"][1] == "desk"), "each desk is a service of its own"
        if each.get("deploy", {}).get("replicas") != 0:
            ran.setdefault(file.name, []).append(only or each["command"][1])
    fed = {
        (m.option(each["command"], "--prefix"), each["command"][1], int(m.option(each["command"], "--lane")))
        for each in m.feeds_of_compose().values()
    }
    wanted = set()
    assert {"bots.toml", "external.toml"} == ran.keys()
    for name, found in ran.items():
        about = m.deployment(name)
        assert sorted([*about.desks, "market", "record", "govern"]) == sorted(found)
        assert about.is_governed, "record would not keep what govern says"
        assert list(m.PROGRAMS) == [each.name for each in planned(about)], "`pt up` would leave a program out"
        wanted |= {(about.prefix, part.venue, part.partition) for lane in about.lanes.values() for part in lane.parts}
    assert wanted == fed


def test_a_desk_waits_for_what_it_needs() -> None:
    """Everything waits for a healthy broker and its topics; a desk for healthy programs and for its feeds to begin."""
    for name, each in m.programs_of_compose().items():
        if name == "bot2":
            continue
        end = "-shadow" if mode_of(name) == "shadow" else ""
        needs = {other: said["condition"] for other, said in each["depends_on"].items()}
        assert ("service_healthy", "service_completed_successfully") == (needs["kafka"], needs[f"topics{end}"]), name
        if each["command"][1] == "desk":
            about = m.deployment(Path(m.option(each["command"], "--deployment")).name)
            heard = {part.venue for lane in about.desks[name].lanes for part in about.lanes[lane].parts}
            feeds = {f"feed-{venue}{end}" for venue in heard}
            assert dict.fromkeys(feeds, "service_started") == {feed: needs.get(feed) for feed in feeds}, name
            assert {"service_healthy"} == {needs[f"{program}{end}"] for program in ("market", "record", "govern")}


def test_what_runs_on_says_whether_it_is_well() -> None:
    """Programs and feeds are asked for /health where they tell metrics; broker, store and Prometheus likewise."""
    for name, each in m.services().items():
        if name in {**m.programs_of_compose(), **m.feeds_of_compose()}:
            assert f"http://127.0.0.1:{m.METRICS_PORT}/health" in each["healthcheck"]["test"][-1], name
        elif each["restart"] == "unless-stopped":
            assert {"test", "interval", "timeout", "retries", "start_period"} == each["healthcheck"].keys(), name


def test_every_mount_is_a_file_of_the_tree_or_a_named_volume() -> None:
    """Nothing is mounted that the repository does not have, no volume is unused, none is shared by two services."""
    named: list[str] = []
    for text in (text for each in m.services().values() for text in each.get("volumes", [])):
        source = text.split(":")[0]
        if source.startswith("."):
            assert (m.COMPOSE / source).exists(), source
        else:
            named.append(source)
    assert sorted(m.compose()["volumes"]) == sorted(named)


def test_versions_are_pinned_and_those_of_the_project() -> None:
    """The broker is the one of infra/kafka/jars.toml, our image the project's version, and no tag is a moving one."""
    images = {name: each["image"] for name, each in m.services().items()}
    assert f"apache/kafka:{m.pinned_kafka()}" == images["kafka"]
    assert {f"{m.IMAGE}:{m.version()}"} == {images[name] for name in m.ours()}
    for image in images.values():
        assert re.fullmatch(r"[a-z0-9-]+(/[a-z0-9-]+)?:v?\d+\.\d+(\.\d+)?", image), image
    for each in m.ours().values():
        assert m.ROOT / "infra" / "Dockerfile" == (m.COMPOSE / each["build"]["context"]).resolve() / "infra/Dockerfile"


@pytest.mark.chdb
def test_the_server_is_the_engine_of_the_embedded_store() -> None:
    """ClickHouse's image is of the release that the embedded store brings, so that both read one schema alike."""
    words = [sys.executable, "-c", "import chdb; print(chdb.query('SELECT version()', 'TabSeparatedRaw'))"]
    told = subprocess.run(words, capture_output=True, text=True, timeout=60, env={**os.environ, "TZ": "UTC"}).stdout
    major, minor = told.split(".")[:2]
    assert f"clickhouse/clickhouse-server:{major}.{minor}" == m.services()["clickhouse"]["image"]


def test_every_setting_is_in_the_example() -> None:
    """`.env.example` names each variable that the file reads and no other, holds no secret, and `.env` stays here."""
    said = dict(line.split("=", 1) for line in example().splitlines() if line and not line.startswith("#"))
    assert set(VARIABLE.findall(FILE.read_text("utf-8"))) == said.keys()
    assert not re.search(r"(?i)password|-----BEGIN", example())
    ignored = (m.ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert {"/infra/env/.env", "/infra/env/secrets/"} <= set(ignored)
    assert "cp ../env/.env.example ../env/.env" in (m.COMPOSE / "README.md").read_text("utf-8")


def example() -> str:
    """Return the text of .env.example."""
    return (m.ENV / ".env.example").read_text("utf-8")


def test_the_readme_has_the_canonical_lines() -> None:
    """Both command lines of the isolation policy stand in the README as they are typed."""
    text = (m.COMPOSE / "README.md").read_text("utf-8")
    assert [] == [line for line in SEED_LINES if line not in text]


def test_deployments_of_one_prefix_agree_on_partitions() -> None:
    """A desk's journal cannot move: no two deployments of a prefix give a partition to different desks."""
    taken: dict[tuple[str, int], str] = {}
    topics = tomllib.loads((m.ROOT / "infra" / "kafka" / "topics.toml").read_text("utf-8"))["topics"]
    for path in sorted(m.DEPLOYMENTS.glob("*.toml")):
        about = m.deployment(path.name)
        for desk in about.desks.values():
            assert desk.desk_id == taken.setdefault((about.prefix, desk.partition), desk.desk_id), path
            assert desk.partition < topics["journal"]["partitions"]
        for part in (part for lane in about.lanes.values() for part in lane.parts):
            assert part.venue in topics["raw"]["venues"] and part.partition < topics["raw"]["partitions"]


def test_every_lane_of_a_deployment_can_be_put_together() -> None:
    """The desks that hear a lane agree on its bots, in every deployment of the tree."""
    for path in sorted(m.DEPLOYMENTS.glob("*.toml")):
        about = m.deployment(path.name)
        assert dict.fromkeys(about.lanes, True) == {lane: bool(about.lane_assembly(lane)) for lane in about.lanes}


def test_the_desks_are_those_of_the_isolation_policy() -> None:
    """bot1 hears one market and may expose 100; bot3 and bot4 are paper; all hold the laboratory's guards."""
    desks = {**m.deployment("external.toml").desks, **m.deployment("bots.toml").desks}
    bots = {name: desks[name].file for name in ("bot1", "bot3", "bot4")}
    assert {"bot1": "shadow", "bot3": "paper", "bot4": "paper"} == {name: each.mode for name, each in bots.items()}
    assert 100_000_000 == bots["bot1"].start_micros
    assert {1} == {len(each.scope) for each in bots.values()}
    assert {desks["lab"].file.required_gates} == {each.required_gates for each in bots.values()}


def twice(node: yaml.Node) -> list[str]:
    """Return the keys that stand twice in one table of a YAML document, wherever it is."""
    if isinstance(node, yaml.SequenceNode):
        return [key for each in node.value for key in twice(each)]
    if not isinstance(node, yaml.MappingNode):
        return []
    keys = [key.value for key, _ in node.value]
    return [key for key in keys if keys.count(key) > 1] + [key for _, each in node.value for key in twice(each)]


def test_yaml_says_what_it_seems_to_say() -> None:
    """No key stands twice in one table, which YAML would take in silence."""
    assert ["a", "a"] == twice(yaml.compose("{ b: [{ a: 1, a: 2 }] }"))
    for path in (FILE, *sorted(m.K8S.glob("*.yaml"))):
        assert [] == [key for node in yaml.compose_all(path.read_text("utf-8")) for key in twice(node)], path


def test_prometheus_finds_every_program() -> None:
    """Prometheus looks for each program's service by name, under the job of its kind, at the port that it serves."""
    asked = yaml.safe_load((m.ROOT / "infra" / "prometheus" / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    names = {each["job_name"]: {name for dns in each["dns_sd_configs"] for name in dns["names"]} for each in asked}
    assert {m.METRICS_PORT} == {dns["port"] for each in asked for dns in each["dns_sd_configs"]}
    for name, each in m.programs_of_compose().items():
        assert name in names[each["command"][1]]
    assert {"feed", *m.feeds_of_compose()} == names["feed"]
    assert {each["spec"]["serviceName"] for each in m.of_kind("StatefulSet").values()} == names.keys()
    assert all(service in names[service] for service in names)
