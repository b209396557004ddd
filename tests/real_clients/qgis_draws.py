"""Draw an image service with QGIS, without a screen, and tell what it found, as JSON.

To be run by the interpreter that Debian's python3-qgis is for:

    python3 qgis_draws.py '{"url": …, "box": […], "size": […], "wkid": …, "file": …, "point": […]}'
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsRaster,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def drawn(layer, asked):
    """Draw the layer into a file; the problems that were met."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setOutputSize(QSize(*asked["size"]))
    settings.setDestinationCrs(QgsCoordinateReferenceSystem.fromEpsgId(asked["wkid"]))
    settings.setExtent(QgsRectangle(*asked["box"]))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(asked["file"])
    return [error.message for error in job.errors()]


def identified(layer, asked):
    """What the layer says of a point."""
    point, box = QgsPointXY(*asked["point"]), QgsRectangle(*asked["box"])
    provider = layer.dataProvider()
    found = provider.identify(point, QgsRaster.IdentifyFormatText, box, *asked["size"])
    return [list(map(str, found.results().values())), found.error().message()]


def main():
    asked = json.loads(sys.argv[1])
    application = QgsApplication([], False)
    application.initQgis()
    uri = f"crs='EPSG:{asked['layer_wkid']}' format='PNG32' layer='' url='{asked['url']}'"
    layer = QgsRasterLayer(uri, "raster", "arcgismapserver")
    told = {
        "version": Qgis.version(),
        "valid": layer.isValid(),
        "error": layer.error().message(),
        "wkid": layer.crs().authid(),
    }
    if layer.isValid():
        told["problems"] = drawn(layer, asked)
        told["identified"] = identified(layer, asked) if "point" in asked else None
    print(json.dumps(told))
    sys.stdout.flush()
    os._exit(0)  # Without a screen, taking QGIS down by itself may crash.


main()
