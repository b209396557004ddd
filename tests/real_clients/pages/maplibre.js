// MapLibre: a raster source of exportImage in tiles.
import "maplibre-gl/dist/maplibre-gl.css";
import { Map, setWorkerUrl } from "maplibre-gl";

setWorkerUrl(new URL("maplibre/maplibre-gl-worker.mjs", location).href);

let map;

// Draw around a point of degrees; the box that the map shows, in Web Mercator.
export function draw({ url, centre, zoom, tileSize }) {
  const tiles = [`${url}/exportImage?bbox={bbox-epsg-3857}&bboxSR=3857&imageSR=3857`
    + `&size=${tileSize},${tileSize}&format=png32&transparent=true&f=image`];
  map?.remove();
  map = new Map({
    container: "map", center: centre, zoom, attributionControl: false, fadeDuration: 0,
    canvasContextAttributes: { preserveDrawingBuffer: true },
    style: {
      version: 8,
      sources: { raster: { type: "raster", tiles, tileSize } },
      layers: [{ id: "raster", type: "raster", source: "raster",
        paint: { "raster-fade-duration": 0 } }],
    },
  });
  return new Promise((resolve, reject) => {
    map.on("error", (event) => reject(event.error));
    map.once("idle", () => resolve([[0, 384], [512, 0]].flatMap((corner) => {
      const { lng, lat } = map.unproject(corner);
      const half = 20037508.342789244;
      return [lng / 180 * half,
        Math.log(Math.tan(Math.PI / 4 + lat * Math.PI / 360)) / Math.PI * half];
    })));
  });
}
