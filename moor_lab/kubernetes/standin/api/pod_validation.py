"""Validation of pods and of templates of pods; pure."""

import re

from ..errors import Cause
from ..objects import Object
from .causes import LABEL, LABEL_RULE, Causes, forbidden, invalid, required

POD_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_causes(obj: Object) -> Causes:
    """Yield the errors of a pod."""
    yield from spec_causes(obj["spec"], "spec")


def spec_causes(spec: Object, path: str) -> Causes:
    """Yield the errors of a pod's spec at ``path``."""
    if not spec.get("containers"):
        yield required(f"{path}.containers")
    seen: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field, [])):
            yield from _container(container, f"{path}.{field}[{index}]", seen)


def _container(container: Object, path: str, seen: set[str]) -> Causes:
    name = container.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif not re.fullmatch(LABEL, name):
        yield invalid(f"{path}.name", name, LABEL_RULE)
    elif name in seen:
        yield Cause(f"{path}.name", f'Duplicate value: "{name}"', "FieldValueDuplicate")
    seen.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    elif container["image"] != container["image"].strip():
        yield invalid(f"{path}.image", container["image"], "must not have leading or trailing whitespace")
    for index, port in enumerate(container.get("ports", [])):
        number = port.get("containerPort", 0)
        if not 0 < number < 65536:
            yield invalid(f"{path}.ports[{index}].containerPort", number, "must be between 1 and 65535, inclusive")


def pod_changes(obj: Object, old: Object) -> Causes:
    """Yield the errors of a change of a pod."""
    if _fixed(obj["spec"]) != _fixed(old["spec"]):
        yield forbidden("spec", POD_RULE)


def _fixed(spec: Object) -> Object:
    """Return a pod's spec without its mutable fields."""
    out = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for field in ("initContainers", "containers"):
        out[field] = [{k: v for k, v in container.items() if k != "image"} for container in spec.get(field, [])]
    return out
