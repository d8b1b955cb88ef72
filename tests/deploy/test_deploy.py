"""The Dockerfile, compose.yaml and the manifests for Kubernetes: understood by what reads them, and true of us."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from vision_agents.cli.main import _parse
from vision_agents.serving import ServeOptions
from vision_agents.serving.http import make_app
from vision_agents.serving.tokens import SECRET

from ..serving.kit import hosting

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
KUBERNETES = "1.34"


def documents(name: str) -> list[Any]:
    return list(yaml.safe_load_all((MANIFESTS / name).read_text()))


def all_documents() -> list[Any]:
    return [document for path in sorted(MANIFESTS.glob("*.yaml")) for document in documents(path.name)]


def of_kind(kind: str) -> Any:
    (found,) = (document for document in all_documents() if document["kind"] == kind)
    return found


# What reads it.


def table(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """An object with these properties and no others."""
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


TEXT, NUMBER, FLAG, ANY = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}, {}
TEXTS = {"type": "object", "additionalProperties": TEXT}
SECRET_KEY = table({"name": TEXT, "key": TEXT})
META = table({"name": TEXT}, labels=TEXTS)
POD = table({"spec": ANY}, metadata=META)


def kind(group: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return table({"apiVersion": {"const": group}, "kind": {"const": name}, "metadata": META, "spec": spec})


HEAD = table({"rayStartParams": TEXTS, "template": POD})
WORKERS = table(
    {
        "groupName": TEXT,
        "replicas": NUMBER,
        "minReplicas": NUMBER,
        "maxReplicas": NUMBER,
        "rayStartParams": TEXTS,
        "template": POD,
    }
)
RAY_CLUSTER = table(
    {"rayVersion": TEXT, "headGroupSpec": HEAD, "workerGroupSpecs": {"type": "array", "items": WORKERS, "minItems": 1}},
    enableInTreeAutoscaling=FLAG,
    authOptions=table({"mode": {"enum": ["disabled", "token"]}}),
    gcsFaultToleranceOptions=table(
        {"redisAddress": TEXT}, redisPassword=table({"valueFrom": table({"secretKeyRef": SECRET_KEY})})
    ),
)
TRIGGER = table(
    {
        "type": {"const": "prometheus"},
        # KEDA wants all of them as strings.
        "metadata": table({"serverAddress": TEXT, "query": TEXT, "threshold": TEXT}, activationThreshold=TEXT),
    },
    metricType={"enum": ["AverageValue", "Value"]},
)
CUSTOM = {
    "RayService": kind(
        "ray.io/v1",
        "RayService",
        table({"serveConfigV2": TEXT, "rayClusterConfig": RAY_CLUSTER}, rayClusterDeletionDelaySeconds=NUMBER),
    ),
    "ScaledObject": kind(
        "keda.sh/v1alpha1",
        "ScaledObject",
        table(
            {"scaleTargetRef": table({"name": TEXT}), "triggers": {"type": "array", "items": TRIGGER, "minItems": 1}},
            minReplicaCount=NUMBER,
            maxReplicaCount=NUMBER,
            pollingInterval=NUMBER,
            advanced=table({"horizontalPodAutoscalerConfig": table({"behavior": ANY})}),
        ),
    ),
    "PodMonitor": kind(
        "monitoring.coreos.com/v1",
        "PodMonitor",
        table(
            {
                "selector": table({"matchLabels": TEXTS}),
                "podMetricsEndpoints": {
                    "type": "array",
                    "items": table(
                        {"port": TEXT, "path": TEXT},
                        interval=TEXT,
                        authorization=table({"type": {"const": "Bearer"}, "credentials": SECRET_KEY}),
                    ),
                },
            }
        ),
    ),
}
"""Of the kinds that operators bring, the part that the manifests use, from the operators' own types."""


@pytest.mark.parametrize("document", all_documents(), ids=lambda document: document["kind"])
def test_kubernetes_and_its_operators_understand_the_manifests(document: Any) -> None:
    if schema := CUSTOM.get(document["kind"]):
        jsonschema.validate(document, schema)
    else:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def test_the_pods_of_ray_and_the_behaviour_of_keda_are_those_of_kubernetes() -> None:
    cluster = of_kind("RayService")["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, **group["template"]}
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    scaled = of_kind("ScaledObject")["spec"]
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x"},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", **scaled["scaleTargetRef"]},
            "minReplicas": scaled["minReplicaCount"],
            "maxReplicas": scaled["maxReplicaCount"],
            **scaled["advanced"]["horizontalPodAutoscalerConfig"],
        },
    }
    kubernetes_validate.validate(autoscaler, KUBERNETES, strict=True)


def test_a_mistake_would_be_noticed() -> None:
    wrong = of_kind("Deployment")
    wrong["spec"]["template"]["spec"]["terminationGracePeriod"] = 5
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)
    wrong = of_kind("ScaledObject")
    wrong["spec"]["triggers"][0]["metadata"]["threshold"] = 0.7
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, CUSTOM["ScaledObject"])


def test_ray_serve_understands_its_configuration() -> None:
    schema = pytest.importorskip("ray.serve.schema")
    config = schema.ServeDeploySchema.model_validate(yaml.safe_load(of_kind("RayService")["spec"]["serveConfigV2"]))
    assert [application.route_prefix for application in config.applications] == ["/"]


def test_the_dockerfile_is_well_made() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("there is no hadolint for this machine")
    run = subprocess.run([hadolint, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "")


# We.


def container_commands() -> Iterator[tuple[str, list[str]]]:
    dockerfile = (ROOT / "Dockerfile").read_text()
    yield "Dockerfile", json.loads(re.findall(r"^CMD (\[.*\])", dockerfile, re.MULTILINE)[-1])
    yield "compose.yaml", yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["agents"]["command"]
    yield "deployment.yaml", of_kind("Deployment")["spec"]["template"]["spec"]["containers"][0]["args"]


def test_all_of_a_cluster_have_the_environment_that_the_command_sets() -> None:
    cluster = pytest.importorskip("vision_agents.serving.ray.cluster")
    config = of_kind("RayService")["spec"]["rayClusterConfig"]
    for group in (config["headGroupSpec"], *config["workerGroupSpecs"]):
        (container,) = group["template"]["spec"]["containers"]
        given = {each["name"]: each.get("value") for each in container["env"]}
        wanted = cluster.ENVIRONMENT | cluster.BELIEVED
        assert {name: given[name] for name in wanted} == wanted


@pytest.mark.parametrize(
    ("where", "command"), list(container_commands()), ids=lambda each: each if isinstance(each, str) else ""
)
def test_the_commands_are_ours(where: str, command: list[str]) -> None:
    _, args = _parse(command)
    assert (args.command, args.host, args.port) == ("serve", "0.0.0.0", 8000)


def test_calls_have_longer_than_the_drain_before_they_are_cut_off() -> None:
    deployment = of_kind("Deployment")["spec"]["template"]["spec"]
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["agents"]
    drains = {
        where: _parse(command)[1].drain or ServeOptions(secret="").drain for where, command in container_commands()
    }
    sleep = deployment["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert deployment["terminationGracePeriodSeconds"] > drains["deployment.yaml"] + sleep
    assert int(compose["stop_grace_period"].removesuffix("s")) > drains["compose.yaml"]
    ray = of_kind("RayService")["spec"]
    (application,) = yaml.safe_load(ray["serveConfigV2"])["applications"]
    drain = float(application["args"]["drain"])
    assert ray["rayClusterDeletionDelaySeconds"] > drain
    for group in ray["rayClusterConfig"]["workerGroupSpecs"]:
        assert group["template"]["spec"]["terminationGracePeriodSeconds"] > drain


@pytest.mark.virtual_time
async def test_probes_ask_for_what_there_is_and_keda_for_figures_that_are_told() -> None:
    import httpx

    async with hosting() as host:
        app = make_app(host, ServeOptions(secret=""))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as http:
            container = of_kind("Deployment")["spec"]["template"]["spec"]["containers"][0]
            asked = {
                container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")
            }
            asked |= set(re.findall(r"127\.0\.0\.1:8000(/\w+)", (ROOT / "Dockerfile").read_text()))
            assert asked == {"/health", "/ready"}
            for path in asked:
                assert (await http.get(path)).status_code == 200
            told = (await http.get("/metrics")).text
    query = of_kind("ScaledObject")["spec"]["triggers"][0]["metadata"]["query"]
    names = set(re.findall(r"vision_agents_\w+", query))
    assert names == {"vision_agents_sessions", "vision_agents_capacity"}
    assert all(re.search(rf"^{name}(?:{{.*}})? \d", told, re.MULTILINE) for name in names)


def test_what_belongs_together_has_one_name() -> None:
    labels = {"app.kubernetes.io/name": "vision-agents"}
    deployment = of_kind("Deployment")
    assert deployment["spec"]["template"]["metadata"]["labels"] == labels
    selectors = [
        deployment["spec"]["selector"]["matchLabels"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("PodMonitor")["spec"]["selector"]["matchLabels"],
        of_kind("Service")["spec"]["selector"],
    ]
    assert selectors == [labels] * 4
    assert of_kind("ScaledObject")["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    (port,) = deployment["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert of_kind("Service")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert of_kind("PodMonitor")["spec"]["podMetricsEndpoints"][0]["port"] == port["name"]
    # Secrets by reference, never by value.
    for text in (path.read_text() for path in [ROOT / "compose.yaml", *MANIFESTS.glob("*.yaml")]):
        assert not re.search(rf"{SECRET}[\"']?[:=]\s*[\w\"'](?!\$)", text.replace("VISION_AGENTS_SECRET=$(", ""))


def test_a_cluster_whose_ports_can_be_reached_wants_a_token() -> None:
    cluster = of_kind("RayService")["spec"]["rayClusterConfig"]
    assert cluster["headGroupSpec"]["rayStartParams"]["dashboard-host"] == "0.0.0.0"
    assert cluster["authOptions"] == {"mode": "token"}


def test_the_image_installs_extras_that_there_are_and_no_one_runs_as_root() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    texts = [ROOT / "Dockerfile", ROOT / "compose.yaml"]
    named = [
        extra
        for path in texts
        for found in re.findall(r"EXTRAS(?:=|: \$\{EXTRAS:-)([\w,]+)", path.read_text())
        for extra in found.split(",")
    ]
    assert len(named) >= 6
    assert set(named) <= set(extras)
    dockerfile = (ROOT / "Dockerfile").read_text()
    (user,) = re.findall(r"^USER (\S+)$", dockerfile, re.MULTILINE)
    for pod in (
        of_kind("Deployment")["spec"]["template"]["spec"],
        of_kind("RayService")["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"],
    ):
        assert (pod["securityContext"]["runAsNonRoot"], str(pod["securityContext"]["runAsUser"])) == (True, user)


def test_the_image_gets_what_it_copies() -> None:
    copied = [
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        for source in sources.split()
    ]
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    assert set(copied) == kept
    assert all((ROOT / source).exists() for source in copied)
