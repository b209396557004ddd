"""Image services beside an application of your own, here one of Flask.

Try it:     python examples/beside_flask.py [PORT]
Serve it:   gunicorn --threads 8 --chdir examples beside_flask:site

The page is at /, the services at /imagery/rest/services.
"""

from __future__ import annotations

import sys
from pathlib import Path

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import run_simple

from exportimage_wsgi import create_app

DATA = Path(__file__).parent / "data"

PAGE = """<!doctype html>
<title>Rocky Mountain National Park</title>
<h1>Rocky Mountain National Park</h1>
<p>Two pictures of <a href="imagery/rest/services">image services</a>.</p>
<img src="imagery/rest/services/rgb/ImageServer/exportImage?{box}" alt="Satellite picture">
<img src="imagery/rest/services/elevation/ImageServer/exportImage?{box}" alt="Elevation">
"""
BOX = "bbox=-105.9,40.17,-105.5,40.54&bboxSR=4326&imageSR=3857&size=500,600&f=image"

pages = Flask(__name__)


@pages.get("/")
def home() -> str:
    return PAGE.format(box=BOX.replace("&", "&amp;"))


imagery = create_app({"rgb": DATA / "rgb.tif", "elevation": DATA / "elevation.tif"})
site = DispatcherMiddleware(pages, {"/imagery": imagery})

if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    run_simple("127.0.0.1", port, site, threaded=True)
