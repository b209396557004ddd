"""How gunicorn runs the application. `exportimage-wsgi serve` does it by itself.

    EXPORTIMAGE_CONFIG=conf/services.toml gunicorn -c conf/gunicorn.conf.py \
        exportimage_wsgi.wsgi:application

SIGHUP reads the configuration again, SIGTERM lets requests end. After SIGHUP requests wait until
the new workers have opened their rasters, and a configuration with faults ends the server: let
`exportimage-wsgi check` read it first. `serve` lets the old workers answer until the new ones are
ready, and goes on with the old configuration if the new one has faults.
"""

import logging
import os

from exportimage_wsgi.outputs.private import remove_private_folder
from exportimage_wsgi.serving import warm

bind = "127.0.0.1:8080"

# A process a core, up to a point: each holds a cache of its own.
workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4, 8)

# Threads, several times more than large exports that are let in ([limits] exports), so that small
# requests and slow readers don't wait for them. Sync workers would stand still. (gunicorn's own
# "gthread" does as well, but now and then Ctrl-C doesn't end it.)
worker_class = "exportimage_wsgi.serving.with_gunicorn.Worker"
threads = 16

# Never: rasters are opened, and libraries that cannot be forked are used, in the workers alone.
preload_app = False

# What a worker may be silent for. Long exports don't count: they run in other threads.
timeout = 120
# What exports that are under way have to end in, at SIGTERM and SIGHUP.
graceful_timeout = 900
keepalive = 15

# Long URLs are common: rules and spatial references are JSON.
limit_request_line = 8190

# gunicorn itself believes no proxy; the application does, those of [server] trusted_proxies.
forwarded_allow_ips = ""
secure_scheme_headers = {}

# Workers say that they live by touching a file, which should not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None

# Its socket lies in the home of the user, which services of systemd have none of.
control_socket_disable = True

# "-" lists requests on standard output; a web server in front, which knows clients, does as well.
accesslog = None
errorlog = "-"
# What the application says, beside what gunicorn does.
logging.basicConfig(format="[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s")


def post_worker_init(worker):
    """Open the rasters, and load the compiled functions, before the first request comes.

    After an installation, or an update, they are compiled first: for up to a minute, once.
    """
    warm(worker.wsgi.catalog, worker.notify, is_first=worker.age == 1)


def worker_exit(server, worker):
    """Break off asynchronous exports, which nobody waits for, when the requests have ended."""
    app = getattr(worker, "wsgi", None)
    if app is not None:
        app.close()


def on_exit(server):
    """Remove the private folder of finished files, if [output] directory names no other."""
    remove_private_folder()
