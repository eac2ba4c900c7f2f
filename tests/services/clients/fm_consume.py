"""A consumer of Fedora Messaging: one line of JSON for each message that it takes, and READY when its queue is bound.

fm_consume.py AMQP_URL ROUTING_KEYS SECONDS

Complaints of fedora-messaging itself are lines that begin with LOG.
"""

import json
import logging
import sys
import threading

from fedora_messaging import api, config
from twisted.internet import reactor

url, keys, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])


def say(line):
    print(line, flush=True)


class Complaints(logging.Handler):
    def emit(self, record):
        if record.levelno >= logging.WARNING:
            say("LOG %s %s" % (record.levelname, record.getMessage().replace("\n", " ")[:300]))


def take(message):
    properties = message._properties
    say(json.dumps({
        "class": type(message).__name__, "topic": message.topic, "id": message.id, "severity": message.severity,
        "headers": message._headers, "body": message.body, "content_type": properties.content_type,
        "content_encoding": properties.content_encoding, "delivery_mode": properties.delivery_mode}))


exchange = {"type": "topic", "durable": True, "auto_delete": False, "arguments": {}}
config.conf._loaded = True
config.conf.update(dict(
    config.DEFAULTS, amqp_url=url, topic_prefix="", passive_declares=False, exchanges={"amq.topic": exchange},
    tls={"ca_cert": None, "keyfile": None, "certfile": None}))
log = logging.getLogger("fedora_messaging")
log.addHandler(Complaints())
log.setLevel(logging.INFO)
consuming = api.twisted_consume(
    take, bindings=[{"exchange": "amq.topic", "routing_keys": [keys]}],
    queues={"": {"durable": False, "auto_delete": True, "exclusive": True, "arguments": {}}})
consuming.addCallbacks(lambda _: say("READY"), lambda failure: say("LOG FAILED %s" % failure.getErrorMessage()))
end = threading.Timer(seconds, lambda: reactor.callFromThread(reactor.stop))
end.daemon = True
end.start()
reactor.run()
