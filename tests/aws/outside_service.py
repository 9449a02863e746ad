"""A service of somebody else's, in another language: it knows the message contract and boto3, and nothing of codebox.

Publishes a change to the intake topic, waits for the event that tells of it, and prints the event.
"""

import json
import os
import sys
import time
from datetime import datetime, timezone

import boto3

name, tag, version, change_id = sys.argv[1:5]
aws = {"endpoint_url": os.environ["ENDPOINT"], "region_name": os.environ["REGION"]}

change = {
    "schema": 1,
    "id": change_id,
    "name": name,
    "at": datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    "type": "tag.put",
    "tag": tag,
    "version": version,
}
boto3.client("sns", **aws).publish(
    TopicArn=os.environ["INTAKE_TOPIC"],
    Message=json.dumps(change),
    MessageGroupId=name,
    MessageDeduplicationId=change_id,
)

sqs = boto3.client("sqs", **aws)
end = time.monotonic() + 60
while time.monotonic() < end:
    answer = sqs.receive_message(QueueUrl=os.environ["SUBSCRIBER"], WaitTimeSeconds=2)
    for message in answer.get("Messages", []):
        sqs.delete_message(QueueUrl=os.environ["SUBSCRIBER"], ReceiptHandle=message["ReceiptHandle"])
        event = json.loads(message["Body"])
        if event["id"] == change_id:
            print(json.dumps(event))
            sys.exit(0)
sys.exit(f"no event of {change_id} came within a minute")
