"""Editors of JSON, TOML and YAML files that other programs own too; unchanged lines stay as they are."""
