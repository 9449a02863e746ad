"""What a service needs of the contract with a codebox registry, with the standard library only. See docs/contract.md."""

import hashlib
import json
import os
import re
from datetime import datetime, timezone

GROUP = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}""")


def tag_put(change_id, name, tag, version):
    """The message that points a tag at a version. The same id for every try: the change is made once."""
    at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"schema": 1, "id": change_id, "name": name, "at": at, "type": "tag.put", "tag": tag, "version": version}


def message_group(name):
    """The FIFO group of a package: its name, or the name's SHA-256 where SQS does not take the name."""
    return name if GROUP.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()


class Positions:
    """The last sequence of each package, and the place in the stream, in a file that is replaced as a whole."""

    def __init__(self, path, from_beginning):
        self.path = path
        # Whether a package of which nothing was handled yet begins with its first event, or with the next one that comes.
        self.from_beginning = from_beginning
        self.state = {"sequences": {}}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                self.state = json.load(file)

    @property
    def cursor(self):
        return self.state.get("cursor")

    def take(self, event, handle, cursor=None, is_last=True):
        """Handles an event once and in order. False: earlier ones of its package are missing; deliver it again later."""
        name, sequence = event["name"], event["sequence"]
        last = self.state["sequences"].get(name, 0 if self.from_beginning else sequence - 1)
        if sequence <= last:
            return True
        if sequence > last + 1 and not is_last:
            return False
        handle(event, missing=range(last + 1, sequence))
        self.state["sequences"][name] = sequence
        if cursor is not None:
            self.state["cursor"] = cursor
        self.save()
        return True

    def save(self):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(self.state, file)
        os.replace(self.path + ".new", self.path)
