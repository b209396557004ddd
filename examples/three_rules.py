"""Draw the same box of a mosaic under three rules, side by side.

    python examples/three_rules.py [FILE]

The scenes are those of make_mosaic.py, which are made if they aren't there.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from make_mosaic import HERE, make
from PIL import Image, ImageDraw, ImageFont

from exportimage_wsgi import Catalog, ExportRequest, ImageService, export_image
from exportimage_wsgi.config import Config

SIDE, GAP = 480, 6
RULES = {
    "the north-western on top": {"mosaicMethod": "esriMosaicNorthwest"},
    "the latest on top": {
        "mosaicMethod": "esriMosaicAttribute",
        "sortField": "AcquisitionDate",
        "sortValue": "2022-01-01",
    },
    "blended": {"mosaicMethod": "esriMosaicNorthwest", "mosaicOperation": "MT_BLEND"},
}
"""Caption → `mosaicRule`."""


def main(file: Path) -> None:
    make(HERE / "mosaic")
    service = Catalog.of(Config.load(HERE / "services.toml")).service("Scenes/world")
    whole = Image.new("RGB", (len(RULES) * (SIDE + GAP) - GAP, SIDE), "white")
    for place, (caption, rule) in enumerate(RULES.items()):
        panel = drawn(service, rule)
        write(panel, caption)
        whole.paste(panel, (place * (SIDE + GAP), 0))
    whole.save(file, quality=82, optimize=True)
    print(f"{file}: {file.stat().st_size:,} bytes")


def drawn(service: ImageService, rule: dict[str, str]) -> Image.Image:
    """From the Atlantic to the Persian Gulf, in Web Mercator."""
    request = ExportRequest(
        bbox=(-17, -4, 53, 52),
        bbox_sr=4326,
        image_sr=3857,
        size=(SIDE, SIDE),
        interpolation="bilinear",
        mosaic_rule=rule,
    )
    with export_image(service, request).stream() as stream:
        return Image.open(io.BytesIO(b"".join(stream))).convert("RGB")


def write(panel: Image.Image, caption: str) -> None:
    """The caption, at the lower edge."""
    pen, font = ImageDraw.Draw(panel), ImageFont.load_default(18)
    pen.text((14, SIDE - 32), caption, "white", font, stroke_width=2, stroke_fill="black")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "pictures" / "three_rules.jpg")
