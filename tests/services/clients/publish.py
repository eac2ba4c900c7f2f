"""What scripts do with the real fedmsg package: connect, publish, go away.

publish.py INBOUND SLEEP CLIENTS [EACH]

So many clients at once, each a process that publishes EACH messages after `post_init_sleep` SLEEP. Their numbers are CLIENT * EACH + n.
"""

import os
import sys

import fedmsg
import fedmsg.config

inbound, sleep, clients = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
each = int(sys.argv[4]) if len(sys.argv) > 4 else 1
with open("fedmsg.py", "w") as file:
    file.write("config = %r\n" % dict(
        relay_inbound=inbound, topic_prefix="org.example", environment="dev", endpoints={}, high_water_mark=0,
        io_threads=1, post_init_sleep=sleep, zmq_linger=1000, zmq_enabled=True, zmq_strict=False, sign_messages=False))
fedmsg.config.load_config(filenames=["fedmsg.py"])

for client in range(clients):
    if os.fork() == 0:
        fedmsg.init(active=True, name="relay_inbound")
        for n in range(each):
            fedmsg.publish(topic="test", modname="script", msg={"number": client * each + n})
        fedmsg.destroy()
        os._exit(0)
failed = sum(os.wait()[1] != 0 for _ in range(clients))
sys.exit(min(failed, 1))
