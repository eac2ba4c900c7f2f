"""What comes over ZeroMQ, frame by frame, as a line of JSON each.

frames.py connect|bind ENDPOINT SECONDS

READY when the socket is open. "same": fedmsg's own encoder would have written the same bytes.
"""

import json
import os
import sys
import threading

import zmq
from fedmsg import encoding

socket = zmq.Context().socket(zmq.SUB)
socket.setsockopt(zmq.SUBSCRIBE, b"")
getattr(socket, sys.argv[1])(sys.argv[2])
end = threading.Timer(float(sys.argv[3]), lambda: os._exit(0))
end.daemon = True
end.start()
print("READY", flush=True)
while True:
    frames = socket.recv_multipart()
    body = frames[-1].decode()
    print(json.dumps({
        "frames": len(frames), "topic": frames[0].decode(), "body": body,
        "same": encoding.dumps(json.loads(body)) == body}), flush=True)
