"""Takes everything out of a queue with pika, as a line of JSON each.

pika_take.py AMQP_URL QUEUE
"""

import json
import sys

import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
while True:
    method, properties, body = channel.basic_get(sys.argv[2], auto_ack=True)
    if method is None:
        break
    print(json.dumps({
        "routing_key": method.routing_key, "message_id": properties.message_id, "delivery_mode": properties.delivery_mode,
        "content_type": properties.content_type, "content_encoding": properties.content_encoding,
        "timestamp": properties.timestamp, "headers": properties.headers, "body": json.loads(body)}))
connection.close()
