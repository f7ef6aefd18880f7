"""Whether a pod may run on a node: node selectors, node affinity, taints; pure."""

from collections.abc import Iterator

from .objects import Object, dig, name_of


def fits_node(spec: Object, node: Object) -> bool:
    """Return whether a node has what the pod's node selector and required node affinity want."""
    labels = node["metadata"].get("labels", {})
    if any(labels.get(key) != value for key, value in spec.get("nodeSelector", {}).items()):
        return False
    terms = dig(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    return terms is None or any(_fits_term(term, node) for term in terms)


def _fits_term(term: Object, node: Object) -> bool:
    labels, fields = node["metadata"].get("labels", {}), {"metadata.name": name_of(node)}
    wanted = [
        *((one, labels) for one in term.get("matchExpressions", [])),
        *((one, fields) for one in term.get("matchFields", [])),
    ]
    return bool(wanted) and all(_holds(one, values.get(one["key"])) for one, values in wanted)


def _holds(requirement: Object, value: str | None) -> bool:
    operator, values = requirement["operator"], requirement.get("values") or []
    if operator in ("Gt", "Lt"):
        if value is None or not value.isdigit():
            return False
        return int(value) > int(values[0]) if operator == "Gt" else int(value) < int(values[0])
    answers = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return answers[operator]


def untolerated(spec: Object, node: Object, *effects: str) -> Iterator[Object]:
    """Yield the node's taints of these effects that the pod does not tolerate."""
    for taint in dig(node, "spec", "taints") or []:
        if taint["effect"] in effects and not tolerates(spec.get("tolerations", []), taint):
            yield taint


def tolerates(tolerations: list[Object], taint: Object) -> bool:
    """Return whether one of the tolerations lets a pod onto a node with this taint."""
    return any(
        one.get("key") in (None, taint["key"])
        and one.get("effect") in (None, "", taint["effect"])
        and (one.get("operator") == "Exists" or one.get("value", "") == taint.get("value", ""))
        for one in tolerations
    )
