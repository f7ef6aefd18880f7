"""Settings: config.yaml and the inventory's files, validated, with every fault reported at its file and line."""

from moor.settings.access import SiteSettings, optional_settings_of, prefix_errors, settings_of
from moor.settings.section import SecretRef, Section, SitePath, collect_sections

__all__ = [
    "SecretRef",
    "Section",
    "SitePath",
    "SiteSettings",
    "collect_sections",
    "optional_settings_of",
    "prefix_errors",
    "settings_of",
]
