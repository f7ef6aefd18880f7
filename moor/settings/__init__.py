"""What a fleet's files say, validated: sections that tasks own, documents with their lines, findings all at once."""

from moor.settings.access import SiteSettings, about, optional_settings_of, settings_of
from moor.settings.section import SecretRef, Section, SitePath, sections

__all__ = [
    "SecretRef",
    "Section",
    "SitePath",
    "SiteSettings",
    "about",
    "optional_settings_of",
    "sections",
    "settings_of",
]
