"""Images in the registry: built, loaded or tagged, and pushed from a workstation."""

from moor.tasks.images.push import Images as Images
from moor.tasks.images.push import push_images as push_images
