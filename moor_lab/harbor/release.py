"""The release of Harbor that the stand-in imitates, and the stand-in's name."""

RELEASE = "v2.8.3"
SHOWN_VERSION = f"{RELEASE}-moor-standin"  # in systeminfo and as the tag of its images
NOTICE = (
    "This is not Harbor. It is the stand-in that moor's lab uses in its place: real docker-registry, nginx, PostgreSQL"
    " and Redis from Debian, and a small core that answers as Harbor " + RELEASE + " does."
)
