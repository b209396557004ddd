// esri-leaflet's imageMapLayer on Leaflet.
import "leaflet/dist/leaflet.css";
import L from "leaflet";
import { imageMapLayer } from "esri-leaflet";

let layer, map;

// Draw around a point of degrees at a zoom level; the box that the map shows, in Web Mercator.
export function draw({ url, options, centre, zoom }) {
  map?.remove();
  map = L.map("map", { center: centre, zoom, zoomControl: false, attributionControl: false,
    fadeAnimation: false, zoomAnimation: false });
  layer = imageMapLayer({ url, ...options });
  const drawn = new Promise((resolve, reject) => {
    layer.on("load", () => resolve(true));
    layer.on("error requesterror", (event) => reject(new Error(event.message || "not loaded")));
  });
  layer.addTo(map);
  const { min, max } = map.getPixelBounds();
  const corners = [[min.x, max.y], [max.x, min.y]].map(([x, y]) =>
    L.CRS.EPSG3857.project(map.unproject([x, y], zoom)));
  return drawn.then(() => new Promise((resolve) => requestAnimationFrame(() => resolve(
    corners.flatMap(({ x, y }) => [x, y])))));
}

export function identify({ at }) {
  return new Promise((resolve, reject) => layer.identify().at(at).returnGeometry(false).run(
    (error, found, raw) => error ? reject(new Error(error.message))
      : resolve({ value: found.pixel.properties.value, place: found.pixel.geometry, raw })));
}
