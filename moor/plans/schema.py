"""The JSON Schema of a saved plan's file, generated from its types by ``python -m moor.plans.schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from moor.plans.file import HASH, PLAN, SCHEMA, SIGNATURE

SCHEMA_FILE = "docs/plan.schema.json"


def plan_schema() -> dict[str, Any]:
    """Return the schema; it allows unknown keys, since keys may be added without raising the schema's number."""
    made = PLAN.json_schema(mode="serialization")
    for part in (made, *made["$defs"].values()):
        part.pop("description", None)  # pydantic's copy of a docstring; docs/saved-plans.md explains the keys
        if "properties" in part:
            part["required"] = sorted(part["properties"])
    digests = {name: {"type": "string"} for name in (HASH, SIGNATURE)}
    made["properties"] = {"schema": {"const": SCHEMA}, **made["properties"], **digests}
    made["required"] = sorted(made["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


if __name__ == "__main__":
    target = Path(__file__).parents[2] / SCHEMA_FILE
    target.write_text(json.dumps(plan_schema(), indent=2) + "\n", "utf-8")
