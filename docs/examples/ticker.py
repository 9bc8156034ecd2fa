#!/usr/bin/env python3
"""Live ticker: prints what courtside boxes see, one line for each change.

Shows the three rules of a subscriber (docs/subscriber.md): messages that come again are dropped by
(dev, boot, seq), later revisions of an event win, and missing numbers are not waited for.

    python3 ticker.py --host 127.0.0.1 --tenant demo

Needs paho-mqtt 1.6 or 2 (Debian: python3-paho-mqtt). A password is taken from the environment
variable COURTSIDE_PASSWORD.
"""

import argparse
import json
import os
from collections import OrderedDict

import paho.mqtt.client as mqtt

VERSION = 1  # of the envelope; another one is refused
MESSAGES_MAX = 20_000  # that are remembered: hours of a busy box
EVENTS_MAX = 2_000


class Ticker:
    """What is known of every box, and what to say about a message."""

    def __init__(self):
        self.messages = OrderedDict()  # (tenant, dev, boot, seq)
        self.events = OrderedDict()  # (tenant, dev, id) -> newest revision

    def take(self, topic, payload):
        """The line to show for a message, or None."""
        levels = topic.split("/")  # cv1/TENANT/DEVICE/evt/SOURCE/KIND or cv1/TENANT/DEVICE/state
        tenant, device = levels[1], levels[2]
        message = json.loads(payload)
        if levels[3] == "state":
            return f"{device}  {message['state']}"
        if message["v"] != VERSION:
            return f"{device}  tells in version {message['v']}; get a newer ticker"
        if not remember(
            self.messages, (tenant, message["dev"], message["boot"], message["seq"]), True, MESSAGES_MAX
        ):
            return None
        [(kind, body)] = message["body"].items()
        if kind == "game":
            key = (tenant, device, body["id"])
            if self.events.get(key, -1) >= body["revision"]:
                return None  # an earlier revision that was late
            self.events.pop(key, None)
            remember(self.events, key, body["revision"], EVENTS_MAX)
            sure = body["confidence"] / 10
            hoop = f"  hoop {body['hoop']}" if body["hoop"] else ""
            return f"{device}  {body['kind']}  {body['stage']}  {body['id']}{hoop}  {sure:.0f} %"
        if kind == "board":
            return f"{device}  board  {shown(body['home'])}:{shown(body['away'])}  period {shown(body['period'])}"
        if kind == "clip":
            return f"{device}  clip  {body['id']}  of {', '.join(event['id'] for event in body['events'])}"
        if kind == "notice":
            return f"{device}  notice  {body['kind']}  {body['text']}"
        return None  # a kind that is newer than this ticker


def shown(number):
    return "–" if number is None else number


def remember(memory, key, value, most):
    """Whether the key is new; the oldest ones are forgotten."""
    if key in memory:
        return False
    memory[key] = value
    if len(memory) > most:
        memory.popitem(last=False)
    return True


def client_of(arguments):
    # paho 2 asks which form the callbacks have; those below fit both.
    if hasattr(mqtt, "CallbackAPIVersion"):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    else:
        client = mqtt.Client()
    if arguments.username:
        client.username_pw_set(arguments.username, os.environ.get("COURTSIDE_PASSWORD"))
    if arguments.ca:
        client.tls_set(arguments.ca, arguments.cert, arguments.key)
    return client


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True, help="the broker")
    parser.add_argument("--port", type=int, help="1883, or 8883 with --ca")
    parser.add_argument("--tenant", default="+", help="boxes of this customer alone")
    parser.add_argument("--device", default="+", help="boxes of this name alone")
    parser.add_argument("--username")
    parser.add_argument("--ca", help="PEM file of whom to trust; turns on TLS")
    parser.add_argument("--cert", help="PEM file of our certificate, if the broker asks for one")
    parser.add_argument("--key", help="PEM file of its key")
    arguments = parser.parse_args()
    box = f"cv1/{arguments.tenant}/{arguments.device}"
    ticker = Ticker()

    def on_connect(client, _data, _flags, reason, *_properties):
        if reason != 0:
            print(f"the broker refuses: {mqtt.connack_string(reason)}", flush=True)
            return
        # Subscribed anew with every connection, so that nothing is left after a broker's restart.
        client.subscribe([(f"{box}/evt/#", 1), (f"{box}/state", 1)])

    def on_message(_client, _data, message):
        try:
            line = ticker.take(message.topic, message.payload)
        except (ValueError, KeyError, TypeError) as error:
            line = f"{message.topic}  cannot be read: {error!r}"
        if line:
            print(line, flush=True)

    client = client_of(arguments)
    client.on_connect = on_connect
    client.on_message = on_message
    client.reconnect_delay_set(1, 30)
    client.connect_async(arguments.host, arguments.port or (8883 if arguments.ca else 1883), 30)
    try:
        client.loop_forever(retry_first_connection=True)
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
