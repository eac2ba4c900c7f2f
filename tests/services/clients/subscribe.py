"""A real fedmsg subscriber: what fedmsg hands to those who tail a bus, as a line of JSON each.

subscribe.py ENDPOINT SECONDS [CA_FILE]

READY before it connects. With CA_FILE it validates signatures, and says {"invalid": true} for what it rejects.
"""

import json
import os
import sys
import tempfile
import threading
import warnings

endpoint, seconds = sys.argv[1], float(sys.argv[2])
settings = dict(
    topic_prefix="org.example", environment="dev", endpoints={"bus": [endpoint]}, high_water_mark=0, io_threads=1,
    post_init_sleep=0, zmq_linger=1000, zmq_enabled=True, zmq_strict=False, zmq_reconnect_ivl=100,
    zmq_reconnect_ivl_max=1000, sign_messages=False, validate_signatures=False)
if len(sys.argv) > 3:
    settings.update(
        validate_signatures=True, crypto_backend="x509", crypto_validate_backends=["x509"],
        ca_cert_location=os.path.abspath(sys.argv[3]), crl_location=None, routing_policy={}, routing_nitpicky=False)

import fedmsg  # noqa: E402
import fedmsg.config  # noqa: E402

with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
    file.write("config = %r\n" % (settings,))
fedmsg.config.load_config(filenames=[file.name])
os.unlink(file.name)
fedmsg.init(mute=True, name=None)


def say(**line):
    print(json.dumps(line), flush=True)


def warned(message, *rest, **more):
    if "invalid message" in str(message):
        say(invalid=True)


warnings.simplefilter("always")
warnings.showwarning = warned
end = threading.Timer(seconds, lambda: os._exit(0))
end.daemon = True
end.start()
print("READY", flush=True)
for _, _, topic, message in fedmsg.tail_messages(topic=""):
    say(topic=topic, message=message)
