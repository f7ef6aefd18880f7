"""The JSON Schema of ``--output json``, generated from the report's types by ``python -m moor.output.schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from moor.run.report import SCHEMA, RunReport

SCHEMA_FILE = "docs/report.schema.json"


def report_schema() -> dict[str, Any]:
    """Return the schema. It allows unknown keys, since keys may be added without raising the schema's number."""
    made = TypeAdapter(RunReport).json_schema(mode="serialization")
    parts = made["$defs"]
    for part in parts.values():
        part.pop("description", None)  # pydantic's copy of a docstring; docs/output.md explains the keys
        if "properties" in part:
            part["required"] = sorted(part["properties"])
    whole = parts[RunReport.__name__]  # by name, since a report may contain another, of what was mended
    properties = {"schema": {"const": SCHEMA}, **whole["properties"]}
    own = {**whole, "properties": properties, "required": sorted(properties)}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": parts, **own}


if __name__ == "__main__":
    target = Path(__file__).parents[2] / SCHEMA_FILE
    target.write_text(json.dumps(report_schema(), indent=2) + "\n", "utf-8")
