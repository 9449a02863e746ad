"""moto's server, with writes of objects one at a time.

moto compares If-Match and writes in two steps without a lock, so of two conditional writes at the same moment both may win. S3
lets one win. Source: moto/s3/responses.py, put_object.
"""

import threading

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

application = DomainDispatcherApplication(create_backend_app)
writing = threading.Lock()


def serve(environ, start_response):
    if environ["REQUEST_METHOD"] != "PUT":
        return application(environ, start_response)
    with writing:
        return application(environ, start_response)


run_simple("127.0.0.1", 0, serve, threaded=True)
