"""Moves a dist-tag: over HTTP with the standard library, or through the intake topic with boto3.

    CODEBOX_TOKEN=... python3 tag_sender.py http://127.0.0.1:4870 @acme/wire next 1.1.0 release-7
    python3 tag_sender.py arn:aws:sns:...:intake.fifo @acme/wire next 1.1.0 release-7
    python3 tag_sender.py - @acme/wire next 1.1.0 release-7    # prints the message
"""

import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from codebox_contract import message_group, tag_put

TRIES = 5


def publish(topic, change):
    """Sends the change as a message. It may be sent again: the same id is applied once."""
    import boto3

    boto3.client("sns").publish(
        TopicArn=topic,
        Message=json.dumps(change),
        MessageGroupId=message_group(change["name"]),
        MessageDeduplicationId=change["id"],
    )


def request(method, url, token, body=None, headers=None):
    """The status, the headers and the JSON of an answer. Tries again after a 5xx, a 429, or no answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **(headers or {})}
    for attempt in range(1, TRIES + 1):
        try:
            asked = urllib.request.Request(url, data=data, headers=headers, method=method)
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.headers, json.load(answer)
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500 and refusal.code != 429:
                return refusal.code, refusal.headers, json.load(refusal)
            reason = f"the registry answered {refusal.code}"
        except OSError as failure:
            reason = str(failure)
        if attempt < TRIES:
            time.sleep(0.2 * 2**attempt)
    sys.exit(f"{reason}; the change may have been made: run this again with the same id")


def put(registry, token, change):
    """Sends the change over HTTP and waits until it is decided. Returns the reason when it is refused."""
    quote = lambda text: urllib.parse.quote(text, safe="")
    url = f"{registry.rstrip('/')}/-/package/{quote(change['name'])}/dist-tags/{quote(change['tag'])}"
    key = {"idempotency-key": change["id"]}
    status, headers, answer = request("PUT", url, token, change["version"], key)
    while status == 202 or answer.get("state") == "pending":
        time.sleep(1)
        # 202: the change is queued, and its status URL says what became of it.
        location = headers.get("location") or location
        status, headers, answer = request("GET", location, token)
    if status < 400 and answer.get("state", "applied") == "applied":
        return None
    return answer.get("error", f"the registry answered {status}")


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit(__doc__)
    target, name, tag, version, change_id = sys.argv[1:]
    change = tag_put(change_id, name, tag, version)
    if target == "-":
        print(json.dumps(change))
    elif target.startswith("arn:"):
        publish(target, change)
        print(f"sent {change_id}")
    else:
        refusal = put(target, os.environ["CODEBOX_TOKEN"], change)
        if refusal:
            sys.exit(refusal)
        print(f"{name}: {tag} is {version}")
