// OpenLayers: a picture of the whole view, or tiles.
import "ol/ol.css";
import Map from "ol/Map.js";
import View from "ol/View.js";
import ImageLayer from "ol/layer/Image.js";
import TileLayer from "ol/layer/Tile.js";
import ImageArcGISRest from "ol/source/ImageArcGISRest.js";
import TileArcGISRest from "ol/source/TileArcGISRest.js";
import Projection from "ol/proj/Projection.js";

let map;

export function draw({ url, wkid, extent, centre, resolution, tiled, params, crossOrigin }) {
  const projection = wkid === 3857 ? "EPSG:3857"
    : new Projection({ code: `EPSG:${wkid}`, units: "m", extent });
  const options = { url, params, crossOrigin, projection };
  const layer = tiled ? new TileLayer({ source: new TileArcGISRest(options) })
    : new ImageLayer({ source: new ImageArcGISRest(options) });
  const view = new View({ projection, center: centre, resolution, constrainResolution: false });
  map?.setTarget(null);
  map = new Map({ target: "map", controls: [], layers: [layer], view });
  const failed = new Promise((_, reject) =>
    layer.getSource().on(["imageloaderror", "tileloaderror"], () => reject(new Error("not loaded"))));
  const complete = new Promise((resolve) => map.once("rendercomplete", () => resolve(true)));
  return Promise.race([failed, complete]);
}

// The canvas of the map, which may be read only where CORS allows it.
export function canvas() {
  return document.querySelector("#map canvas").toDataURL("image/png");
}
