"""The things of one project of Harbor's."""
