"""Prints every change of a registry once, in order for each package, and continues where it stopped.

    CODEBOX_TOKEN=... python3 event_subscriber.py stream http://127.0.0.1:4870 positions.json
    python3 event_subscriber.py queue https://sqs.../events positions.json      # with boto3
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

from codebox_contract import Positions

# An event that is early goes back to its queue. After so many deliveries the missing ones are not waited for any longer.
GAP_RECEIVES = 5


def show(event, missing):
    if missing:
        print(f"{event['name']}: the events {missing[0]} to {missing[-1]} did not come", file=sys.stderr)
    print(json.dumps(event), flush=True)


def messages(lines):
    """The messages of a stream of server-sent events: (id, data)."""
    fields = {}
    for line in lines:
        line = line.decode().rstrip("\r\n")
        if line == "":
            if "data" in fields:
                yield fields.get("id"), fields["data"]
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            fields[name] = f"{fields[name]}\n{value}" if name == "data" and name in fields else value


def stream(registry, positions):
    """Follows GET /-/events. Connects again by itself, after the last event that was handled."""
    failures = 0
    while True:
        headers = {"accept": "text/event-stream", "last-event-id": positions.cursor or "0"}
        if "CODEBOX_TOKEN" in os.environ:
            headers["authorization"] = f"Bearer {os.environ['CODEBOX_TOKEN']}"
        try:
            asked = urllib.request.Request(f"{registry.rstrip('/')}/-/events", headers=headers)
            # The registry sends something at least every 30 seconds.
            with urllib.request.urlopen(asked, timeout=90) as answer:
                for cursor, data in messages(answer):
                    failures = 0
                    positions.take(json.loads(data), show, cursor)
        except urllib.error.HTTPError as refusal:
            if refusal.code < 500 and refusal.code != 429:
                sys.exit(f"the registry refuses: {refusal.read().decode()}")
        except OSError as failure:
            print(f"{failure}; connecting again", file=sys.stderr)
        failures += 1
        time.sleep(min(10, 0.2 * 2**failures))


def queue(url, positions):
    """Receives from a queue that is subscribed to the event topic, with raw delivery or without."""
    import boto3

    sqs = boto3.client("sqs")
    while True:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20, AttributeNames=["ApproximateReceiveCount"]
        )
        received = []
        for message in answer.get("Messages", []):
            body = json.loads(message["Body"])
            event = json.loads(body["Message"]) if body.get("Type") == "Notification" else body
            received.append((event["name"], event["sequence"], event, message))
        for _, _, event, message in sorted(received, key=lambda one: one[:2]):
            is_last = int(message["Attributes"]["ApproximateReceiveCount"]) >= GAP_RECEIVES
            # Deleted after it was handled; what is early comes again by itself.
            if positions.take(event, show, is_last=is_last):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("stream", "queue"):
        sys.exit(__doc__)
    kind, source, file = sys.argv[1:]
    try:
        {"stream": stream, "queue": queue}[kind](source, Positions(file, from_beginning=kind == "stream"))
    except KeyboardInterrupt:
        pass
