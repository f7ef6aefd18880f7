"""Images in the registry: built, loaded or tagged, and pushed from a workstation, or brought from other registries."""

from moor.tasks.images.push import push_images as push_images
from moor.tasks.images.settings import Images as Images
from moor.tasks.images.settings import Upstreams as Upstreams
