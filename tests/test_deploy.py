"""What a person begins a cluster with: files for Docker, KubeRay and Ray, as far as they can be tried."""

import json
import re
import shlex
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REPOSITORY
from tests.test_docs_commands import find_command
from tests.test_wheel import BUILT_FROM

jsonschema = pytest.importorskip("jsonschema", reason="the cluster extra is not installed")
yaml = pytest.importorskip("yaml", reason="the cluster extra is not installed")

DEPLOY = REPOSITORY / "docs" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
RAYJOB = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text(encoding="utf-8"))
CLUSTER = yaml.safe_load((DEPLOY / "ray-cluster.yaml").read_text(encoding="utf-8"))

TEXT, NUMBER, YES = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}


def only(required: str, **known: object) -> dict[str, object]:
    """A mapping that has these entries and no others: Kubernetes may drop what it does not know."""
    return {
        "type": "object",
        "properties": known,
        "required": required.split(),
        "additionalProperties": False,
    }


PARAMETERS = {"type": "object", "additionalProperties": TEXT}  # KubeRay refuses numbers here
TEMPLATE = only("spec", metadata={"type": "object"}, spec={"type": "object", "required": ["containers"]})
HEAD = only("rayStartParams template", rayStartParams=PARAMETERS, template=TEMPLATE, serviceType=TEXT)
WORKERS = only(
    "groupName rayStartParams template",
    groupName=TEXT,
    replicas=NUMBER,
    minReplicas=NUMBER,
    maxReplicas=NUMBER,
    idleTimeoutSeconds=NUMBER,
    numOfHosts=NUMBER,
    rayStartParams=PARAMETERS,
    template=TEMPLATE,
)
JOB = only(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=only("name", name=TEXT, namespace=TEXT, labels=PARAMETERS),
    spec=only(
        "entrypoint rayClusterSpec",
        entrypoint=TEXT,
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
        backoffLimit=NUMBER,
        activeDeadlineSeconds=NUMBER,
        shutdownAfterJobFinishes=YES,
        ttlSecondsAfterFinished=NUMBER,
        suspend=YES,
        rayClusterSpec=only(
            "headGroupSpec workerGroupSpecs",
            rayVersion=TEXT,
            authOptions=only("mode", mode={"enum": ["disabled", "token"]}),
            enableInTreeAutoscaling=YES,
            autoscalerOptions=only(
                "",
                idleTimeoutSeconds=NUMBER,
                upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
                version={"enum": ["v1", "v2"]},
            ),
            headGroupSpec=HEAD,
            workerGroupSpecs={"type": "array", "items": WORKERS},
        ),
    ),
)
"""What KubeRay 1.5 knows of a job, by its reference; of it what may stand here."""


def pods() -> list[dict[str, Any]]:
    spec = RAYJOB["spec"]["rayClusterSpec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def locked(package: str) -> str:
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    (version,) = re.findall(rf"^{package}==(\S+)", lock, re.MULTILINE)
    return str(version)


def test_the_job_holds_nothing_that_kuberay_does_not_know() -> None:
    jsonschema.validate(RAYJOB, JOB)


def test_the_jobs_command_is_one_and_asks_for_as_many_workers_as_there_can_be() -> None:
    command, _, rest = RAYJOB["spec"]["entrypoint"].partition(" || ")
    assert rest == "[ $? -eq 1 ]"
    words = shlex.split(command)
    found, more = find_command(words[1:])
    assert found.make_context("", list(more)).params["address"] == "auto"
    groups = RAYJOB["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    most = sum(group["maxReplicas"] * int(group["rayStartParams"]["num-cpus"]) for group in groups)
    assert int(words[words.index("--workers") + 1]) == most
    for group in groups:
        (container,) = group["template"]["spec"]["containers"]
        assert container["resources"]["limits"]["cpu"] == group["rayStartParams"]["num-cpus"]


def test_no_pod_is_root_or_holds_a_key() -> None:
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert [set(one) for one in container["envFrom"]] == [{"secretRef"}]
        assert [one["name"] for one in container["env"]] == ["TMPDIR"]
        assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
        assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)[-1:] == ["1000"]
        assert pod["securityContext"]["runAsUser"] == 1000


def test_the_cluster_is_one_that_ray_takes_and_installs_nothing() -> None:
    spec = find_spec("ray")
    if not spec or not spec.origin:
        pytest.skip("the cluster extra is not installed")
    schema = Path(spec.origin).parent / "autoscaler" / "ray-schema.json"
    jsonschema.validate(CLUSTER, json.loads(schema.read_text(encoding="utf-8")))
    for name in ("setup_commands", "head_setup_commands", "worker_setup_commands"):
        assert CLUSTER[name] == []  # where there is none, Ray fills in its own, which fetch packages
    for command in (CLUSTER["head_start_ray_commands"][-1], CLUSTER["worker_start_ray_commands"][-1]):
        assert "--disable-usage-stats" in command


def test_the_image_has_the_ray_that_is_locked_and_all_that_the_wheel_is_built_from() -> None:
    assert re.findall(r"^ARG RAY=(\S+)", DOCKERFILE, re.MULTILINE) == [locked("ray")]
    assert RAYJOB["spec"]["rayClusterSpec"]["rayVersion"] == locked("ray")
    bounds = re.findall(r'"onnxruntime(>[^"]*)"', (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    gpu = re.findall(r"'onnxruntime-gpu\[cuda,cudnn\]([^']*)'", DOCKERFILE)  # not always of the same versions
    specifiers = pytest.importorskip("packaging.specifiers")
    allowed, all_of_ours = (specifiers.SpecifierSet(one) for [one] in (gpu, bounds))
    tried = [f"1.{number}.1" for number in range(100)]
    assert set(allowed.filter(tried)) <= set(all_of_ours.filter(tried))
    assert list(allowed.filter(tried))
    copied = {
        word
        for line in re.findall(r"^COPY (?!--)(.+)", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    }
    assert copied == {*BUILT_FROM, "requirements.lock"}


def test_the_constraints_of_the_image_are_lines_that_pip_reads() -> None:
    packaging = pytest.importorskip("packaging.requirements")
    lines = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert "sed -e '/--hash/d' -e 's/ \\\\$//'" in DOCKERFILE
    left = [line.removesuffix(" \\") for line in lines if "--hash" not in line]
    assert len(left) > 100
    assert {packaging.Requirement(line).name for line in left} >= {"ray", "onnxruntime", "boto3"}


@pytest.mark.parametrize(("name", "content"), [("rayjob.yaml", RAYJOB), ("ray-cluster.yaml", CLUSTER)])
def test_what_is_to_be_replaced_is_named_first(name: str, content: Any) -> None:
    named = re.search(r"^# To be replaced: ([^.]*)", (DEPLOY / name).read_text(), re.MULTILINE)
    assert named
    written = set(re.findall(r"\b[A-Z]{5,}\b", json.dumps(content))) - {"TMPDIR"}
    assert written == set(re.findall(r"[A-Z]{5,}", named[1]))
