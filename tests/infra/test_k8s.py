"""Hold infra/k8s to Kubernetes' own schemas, to the deployment that it runs, and to what a program may not be given."""

import re
import shutil
import subprocess
import tomllib

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml

from connectors.feeds.sinks import SPOOL_BYTES
from connectors.topic_layout import read_layout
from tests.infra import manifests as m

VERSION = "1.34"  # of Kubernetes; pod-index labels, ReadWriteOncePod and kept claims are all stable there
SETS = m.of_kind("StatefulSet")
PROGRAMS = {name: each for name, each in SETS.items() if m.container(each)["args"][0] == "program"}
FEEDS = {name: each for name, each in SETS.items() if m.container(each)["args"][0] == "feed"}
DEPLOYMENT = m.deployment("bots.toml")


def component(name: str) -> str:
    """Return what kind of program a set runs."""
    return str(SETS[name]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"])


def test_every_object_is_one_of_kubernetes() -> None:
    """Each object follows the strict schema of its kind; one with a misspelt field does not."""
    for name, each in m.objects():
        assert kubernetes_validate.validate(each, VERSION, strict=True), name
    broken = {**next(iter(SETS.values())), "spek": {}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSION, strict=True)


def test_kustomize_builds_the_same_objects() -> None:
    """`kubectl kustomize` takes the folder, and what it makes is valid, in one namespace; skipped without kubectl."""
    if (kubectl := shutil.which("kubectl")) is None:
        pytest.skip("no kubectl here")
    built = subprocess.run([kubectl, "kustomize", str(m.K8S)], capture_output=True, text=True, timeout=60)
    assert (0, "") == (built.returncode, built.stderr)
    made = list(yaml.safe_load_all(built.stdout))
    for each in made:
        assert kubernetes_validate.validate(each, VERSION, strict=True)
    ours = sorted((each["kind"], each["metadata"]["name"]) for _, each in m.objects())
    assert ours == sorted((each["kind"], each["metadata"]["name"]) for each in made if each["kind"] != "ConfigMap")
    config = {re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"]): each for each in made if "data" in each}
    assert {"deployment", "desks", "markets", "switches"} == config.keys()
    assert (m.DEPLOYMENTS / "bots.toml").read_text("utf-8") == config["deployment"]["data"]["bots.toml"]
    assert {f"{name}.toml" for name in DEPLOYMENT.desks} == config["desks"]["data"].keys()


def test_lanes_are_the_ordinals_of_market() -> None:
    """As many pods as the deployment has lanes, each for the lane of its ordinal, which the cluster tells it."""
    market = SETS["market"]
    (lane,) = [each for each in m.container(market)["env"] if each["name"] == "LANE"]
    assert "metadata.labels['apps.kubernetes.io/pod-index']" == lane["valueFrom"]["fieldRef"]["fieldPath"]
    assert "lane$(LANE)" == m.option(m.container(market)["args"], "--only")
    assert [f"lane{number}" for number in range(market["spec"]["replicas"])] == list(DEPLOYMENT.lanes)


def test_desks_are_sets_of_one() -> None:
    """Each desk of the deployment is a set of its own with one pod, and bot2 is none."""
    desks = {name: m.option(m.container(each)["args"], "--only") for name, each in SETS.items() if "desk-" in name}
    assert {f"desk-{desk}": desk for desk in DEPLOYMENT.desks} == desks
    assert {1} == {each["spec"]["replicas"] for name, each in SETS.items() if name != "market"}
    assert "bot2" not in str(SETS)


def test_every_lane_is_fed() -> None:
    """Each partition of a lane has one feed, which writes under the deployment's prefix."""
    words = [m.container(each)["args"] for each in FEEDS.values()]
    fed = sorted((each[1], int(m.option(each, "--lane"))) for each in words)
    assert sorted((part.venue, part.partition) for lane in DEPLOYMENT.lanes.values() for part in lane.parts) == fed
    assert {DEPLOYMENT.prefix} == {m.option(each, "--prefix") for each in words}


def test_every_command_is_one_that_pt_has() -> None:
    """Verbs and options are those of `pt`; each program has the deployment; it and each feed tell their metrics."""
    for name, each in SETS.items():
        words = m.container(each)["args"]
        assert m.given(words) <= m.options_of(words), name
        assert f"0.0.0.0:{m.METRICS_PORT}" == m.option(words, "--metrics"), name
    for name, each in PROGRAMS.items():
        words = m.container(each)["args"]
        assert component(name) == words[1] and words[1] in m.PROGRAMS
        assert "/etc/polytraders/bots.toml" == m.option(words, "--deployment")
    assert ["record"] == [name for name, each in PROGRAMS.items() if "--store" in m.container(each)["args"]]


@pytest.mark.parametrize("name", SETS)
def test_every_pod_is_restricted(name: str) -> None:
    """No pod is root, writable, privileged or unbounded, and none has the cluster's token."""
    pod = m.pod(SETS[name])
    assert not pod["automountServiceAccountToken"] and not pod["enableServiceLinks"]
    assert pod["terminationGracePeriodSeconds"] >= 60
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    may = pod["securityContext"]
    assert (True, "RuntimeDefault") == (may["runAsNonRoot"], may["seccompProfile"]["type"]) and may["runAsUser"] > 0
    assert "OnRootMismatch" == may["fsGroupChangePolicy"], "each mount would open the recovery folder to the group"
    for each in (*pod["containers"], *pod["initContainers"]):
        locked = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert locked == each["securityContext"]
        assert {"cpu", "memory"} == each["resources"]["requests"].keys() == each["resources"]["limits"].keys()
        assert f"{m.IMAGE}:{m.version()}" == each["image"]
    assert not [each for each in pod["volumes"] if "hostPath" in each]


@pytest.mark.parametrize("name", SETS)
def test_every_program_is_asked_how_it_is(name: str) -> None:
    """Started and alive by /health, ready by /ready, at the port of the metrics."""
    each = m.container(SETS[name])
    probes = {kind: each[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
    assert {"startup": "/health", "liveness": "/health", "readiness": "/ready"} == {
        kind: probe["path"] for kind, probe in probes.items()
    }
    assert {"metrics"} == {probe["port"] for probe in probes.values()}
    assert [{"name": "metrics", "containerPort": m.METRICS_PORT}] == each["ports"]


@pytest.mark.parametrize("name", SETS)
def test_the_state_of_a_program_stays(name: str) -> None:
    """A volume of its own, for one pod at a time, kept when the set is scaled or deleted."""
    spec = SETS[name]["spec"]
    assert {"whenDeleted": "Retain", "whenScaled": "Retain"} == spec["persistentVolumeClaimRetentionPolicy"]
    (claim,) = spec["volumeClaimTemplates"]
    assert ["ReadWriteOncePod"] == claim["spec"]["accessModes"]
    mounts = {each["name"]: each["mountPath"] for each in m.container(SETS[name])["volumeMounts"]}
    assert m.option(m.container(SETS[name])["args"], "--state") == mounts[claim["metadata"]["name"]]


def test_a_spool_has_room_in_its_volume() -> None:
    """What a feed may put aside while the broker is away fits into the volume that it asks for, with some to spare."""
    for name, each in FEEDS.items():
        (claim,) = each["spec"]["volumeClaimTemplates"]
        gib = int(claim["spec"]["resources"]["requests"]["storage"].removesuffix("Gi"))
        assert (gib << 30) > SPOOL_BYTES, name


def test_every_set_has_its_service_account_and_budget() -> None:
    """A headless service, an account without a token and a disruption budget stand behind each set."""
    accounts, known = m.of_kind("ServiceAccount"), m.of_kind("Service")
    budgets = [each["spec"]["selector"]["matchLabels"] for each in m.of_kind("PodDisruptionBudget").values()]
    for name, each in SETS.items():
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert each["spec"]["selector"]["matchLabels"] == labels == each["metadata"]["labels"]
        assert not accounts[m.pod(each)["serviceAccountName"]]["automountServiceAccountToken"]
        service = known[each["spec"]["serviceName"]]["spec"]
        assert "None" == service["clusterIP"] and service["selector"].items() <= labels.items(), name
        assert service["publishNotReadyAddresses"] and [m.METRICS_PORT] == [port["port"] for port in service["ports"]]
        assert 1 == sum(budget.items() <= labels.items() for budget in budgets), name


def test_secrets_are_names_and_files() -> None:
    """No object holds a secret; each set mounts its own principal's as files, and Kalshi's feed the venue's key."""
    assert {} == m.of_kind("Secret")
    principals = read_layout().principals
    for name, each in SETS.items():
        (secret,) = [volume for volume in m.pod(each)["volumes"] if volume["name"] == "secret"]
        names = [source["secret"]["name"] for source in secret["projected"]["sources"]]
        own = [f"access-{component(name)}"]
        assert names == ([*own, "kalshi-key"] if name == "feed-kalshi" else own)
        assert component(name) in principals
        for variable in m.container(each)["env"]:
            assert variable["name"] in m.VARIABLES and "secretKeyRef" not in variable["valueFrom"]


def test_a_password_is_its_owners_alone() -> None:
    """A mounted secret is its group's to read, so it is copied with mode 0600 to where the program looks for it."""
    for name, each in SETS.items():
        (first,) = m.pod(each)["initContainers"]
        assert "install -m 0600 /secret/* /run/access/" == first["command"][-1]
        mounts = {item["name"]: item for item in m.container(each)["volumeMounts"]}
        assert mounts["access"]["readOnly"] and "secret" not in mounts, name
        words = m.container(each)["args"]
        assert "/run/access/access.json" == m.option(words, "--access")


def test_the_kill_switch_reaches_every_program() -> None:
    """Each program reads BOT_DISABLE_TRADING from the one map of switches, without which it does not start."""
    wanted = {"configMapKeyRef": {"name": "switches", "key": "BOT_DISABLE_TRADING"}}
    for name, each in PROGRAMS.items():
        told = {item["name"]: item["valueFrom"] for item in m.container(each)["env"]}
        assert wanted == told["BOT_DISABLE_TRADING"], name


def test_nobody_speaks_to_anybody_but_where_it_is_said() -> None:
    """All traffic is refused first; then names, the broker, the venues for feeds alone, and Prometheus are allowed."""
    policies = {name: each["spec"] for name, each in m.of_kind("NetworkPolicy").items()}
    assert {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} == policies.pop("nobody")
    ways = {
        name: sorted(rule["port"] for way in each.get("egress", each.get("ingress")) for rule in way["ports"])
        for name, each in policies.items()
    }
    assert {"names": [53, 53], "broker": [9092], "venues": [443], "metrics": ["metrics"]} == ways
    assert {"app.kubernetes.io/component": "feed"} == policies["venues"]["podSelector"]["matchLabels"]
    assert ["metrics"] == [name for name, each in policies.items() if "ingress" in each]


def test_the_namespace_carries_the_mode_and_refuses_what_is_not_restricted() -> None:
    """All stands in the namespace of the deployment's mode, which enforces the restricted standard."""
    kustomization = yaml.safe_load((m.K8S / "kustomization.yaml").read_text("utf-8"))
    (name,) = m.of_kind("Namespace")
    assert f"polytraders-{DEPLOYMENT.mode}" == name == kustomization["namespace"]
    labels = m.of_kind("Namespace")[name]["metadata"]["labels"]
    assert ("restricted", f"v{VERSION}") == (
        labels["pod-security.kubernetes.io/enforce"],
        labels["pod-security.kubernetes.io/enforce-version"],
    )
    assert [m.version()] == [each["newTag"] for each in kustomization["images"]]


def test_the_mounted_configuration_is_the_trees() -> None:
    """config/kustomization.yaml names the deployment and the files of exactly its desks."""
    maps = yaml.safe_load((m.ROOT / "config" / "kustomization.yaml").read_text("utf-8"))["configMapGenerator"]
    files = {each["name"]: each["files"] for each in maps}
    assert ["deployments/bots.toml"] == files["deployment"]
    assert [f"desks/{name}.toml" for name in DEPLOYMENT.desks] == files["desks"]
    for path in (path for each in files.values() for path in each):
        assert tomllib.loads((m.ROOT / "config" / path).read_text("utf-8"))
