"""bugzilla2fedmsg's consumer and relay on a STOMP broker: what it makes of each message, as a line of JSON.

b2f.py HOST:PORT LOGIN PASSCODE DESTINATION FOLDER SECONDS

READY when it has subscribed; {"published": TOPIC, "bug": ID} for each message that it would publish, its schema checked; {"acked": true}
and {"nacked": true} for each that it has answered for. The package always speaks TLS and takes the host for a virtual host: its client is
replaced by a plain one of the same library, and what it publishes is only shown.
"""

import json
import os
import subprocess
import sys
import threading

from fedora_messaging import config

address, login, passcode, destination, folder, seconds = sys.argv[1:7]
key, certificate = os.path.join(folder, "b2f.key"), os.path.join(folder, "b2f.pem")
# Read at the start, and not used.
subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=b2f", "-keyout", key, "-out", certificate],
               check=True, stderr=subprocess.DEVNULL)
config.conf._loaded = True
config.conf.update(dict(config.DEFAULTS, consumer_config={
    "stomp": {"uri": "tcp://" + address, "user": login, "pass": passcode, "queue": destination,
              "ssl_crt": certificate, "ssl_key": key},
    "bugzilla": {"products": ["Kettle", "Teapot", "Boiler"], "bz4compat": True}}))

from bugzilla2fedmsg import relay  # noqa: E402
from bugzilla2fedmsg.consumer import BugzillaConsumer  # noqa: E402
from stompest.config import StompConfig  # noqa: E402
from stompest.sync import Stomp  # noqa: E402


def say(**line):
    print(json.dumps(line), flush=True)


def publish(message):
    message.validate()
    say(published=message.topic, bug=message.body["bug"]["id"], kind=type(message).__name__)


relay.publish = publish
consumer = BugzillaConsumer(relay.MessageRelay(config.conf["consumer_config"]))
stomp = consumer.stomp = Stomp(StompConfig("tcp://" + address, login=login, passcode=passcode, version="1.2"))
connect, subscribe, ack, nack = stomp.connect, stomp.subscribe, stomp.ack, stomp.nack


def subscribed(*arguments):
    subscribe(*arguments)
    print("READY", flush=True)


stomp.connect = lambda **options: connect(host="/", **options)
stomp.subscribe = subscribed
stomp.ack = lambda frame: (ack(frame), say(acked=True))
stomp.nack = lambda frame: (nack(frame), say(nacked=True))
end = threading.Timer(float(seconds), lambda: os._exit(0))
end.daemon = True
end.start()
consumer.consume()
