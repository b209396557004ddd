#!/bin/sh
# A cluster for large exports: a scheduler, and workers beside it.
#
#     sh conf/dask-cluster.sh                                scheduler and workers, until Ctrl-C
#     WORKERS=8 HOST=10.0.0.5 sh conf/dask-cluster.sh        others may join
#     PROTOCOL=tls sh conf/dask-cluster.sh                   with certificates, see below
#
# The server is told of it by one line of its services.toml,
#
#     [compute]
#     scheduler = "tcp://10.0.0.5:8786"
#
# and `exportimage-wsgi check` says which of its workers cannot read which raster. Workers of other
# machines join by
#
#     python -m distributed.cli.dask_worker tcp://10.0.0.5:8786 --nthreads 1 --nworkers auto
#
# What all of them need:
#   - the same release of this package as the server, with its extras: a worker of another one is
#     refused, and the error says so. Other versions of NumPy, GDAL or PROJ could change pixels.
#   - the rasters under the same paths (a shared folder), or by URL. Files are known by inode, size
#     and time, so copies on each machine won't do.
#   - a thread a process, and 1 GB for each: workers that take more are started anew by their nanny.
#     What a worker was making when it died is made again, three times at most
#     (DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES).
#   - a network that others can't reach: whoever reaches the scheduler can run programs on the
#     workers. Or PROTOCOL=tls, here and in the address, with certificates of an authority of your
#     own, which nobody joins without. dask's configuration names their files, in the environment
#     or in ~/.config/dask/*.yaml, all of them absolute:
#         DASK_DISTRIBUTED__COMM__TLS__CA_FILE              everywhere
#         DASK_DISTRIBUTED__COMM__TLS__SCHEDULER__CERT      and …__KEY, for the scheduler
#         DASK_DISTRIBUTED__COMM__TLS__WORKER__CERT         and …__KEY, for workers
#         DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT         and …__KEY, for the server; or
#         DASK_DISTRIBUTED__CLIENT__SECURITY_LOADER         a function that gives them, for the server
#   - at least one worker at all times: clusters that grow by need must not begin with none.
#
# Pieces come by way of the scheduler. Where the server reaches the workers themselves,
# DASK_DISTRIBUTED__CLIENT__DIRECT_TO_WORKERS=true in its environment takes that load off it.
#
# While the scheduler is down, large exports get 503 with Retry-After, small ones go on; the server
# finds it again by itself. Workers end with their scheduler: what starts it must start them, too.
set -eu

host=${HOST:-127.0.0.1}
port=${PORT:-8786}
workers=${WORKERS:-2}
protocol=${PROTOCOL:-tcp}
python=${PYTHON:-python3}

"$python" -m distributed.cli.dask_scheduler --protocol "$protocol" --host "$host" --port "$port" \
    --no-dashboard &
scheduler=$!
trap 'kill "$scheduler" 2>/dev/null; wait' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$python" -m distributed.cli.dask_worker "$protocol://$host:$port" --nthreads 1 --nworkers "$workers" \
    --no-dashboard --death-timeout 60 &
wait "$scheduler"
