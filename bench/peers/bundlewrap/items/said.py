"""An item of BundleWrap that checks the output of a command, since ``bw verify`` skips actions."""

from bundlewrap.items import Item  # type: ignore[import-not-found]


class Said(Item):  # type: ignore[misc]  # BundleWrap is not among moor's own libraries
    """The expected output of a command, regardless of spaces."""

    BUNDLE_ATTRIBUTE_NAME = "said"
    ITEM_ATTRIBUTES = {"command": None, "words": None}  # noqa: RUF012 - as BundleWrap's own items have it
    ITEM_TYPE_NAME = "said"
    REQUIRED_ATTRIBUTES = ["command", "words"]  # noqa: RUF012 - likewise

    @property
    def expected_state(self) -> dict[str, str]:
        return {"words": self.attributes["words"]}

    @property
    def actual_state(self) -> dict[str, str]:
        done = self.node.run(self.attributes["command"], may_fail=True)
        return {"words": " ".join(done.stdout_text.split())}
