// ArcGIS Maps SDK for JavaScript: ImageryLayer and ImageryTileLayer.
import config from "@arcgis/core/config.js";
import Extent from "@arcgis/core/geometry/Extent.js";
import Point from "@arcgis/core/geometry/Point.js";
import ImageryLayer from "@arcgis/core/layers/ImageryLayer.js";
import ImageryTileLayer from "@arcgis/core/layers/ImageryTileLayer.js";
import EsriMap from "@arcgis/core/Map.js";
import RasterStretchRenderer from "@arcgis/core/renderers/RasterStretchRenderer.js";
import { whenOnce } from "@arcgis/core/core/reactiveUtils.js";
import MapView from "@arcgis/core/views/MapView.js";

config.assetsPath = new URL("arcgis", location).href;
document.head.append(Object.assign(document.createElement("link"),
  { rel: "stylesheet", href: "arcgis/esri/themes/light/main.css" }));

let layer, layerView, view;

function extentOf(box, wkid) {
  const [xmin, ymin, xmax, ymax] = box;
  return new Extent({ xmin, ymin, xmax, ymax, spatialReference: { wkid } });
}

// Draw a box; `range` asks for a client-side renderer from black to white between two values.
export async function draw({ url, box, wkid, options = {}, range, tiled }) {
  const renderer = range && new RasterStretchRenderer({ stretchType: "min-max",
    customStatistics: [{ min: range[0], max: range[1], avg: (range[0] + range[1]) / 2,
      stddev: 1 }] });
  const Layer = tiled ? ImageryTileLayer : ImageryLayer;
  layer = new Layer({ url, ...options, ...(renderer && { renderer }) });
  await layer.load();
  view?.destroy();
  view = new MapView({ container: "map", map: new EsriMap({ layers: [layer] }),
    spatialReference: { wkid }, extent: extentOf(box, wkid), ui: { components: [] },
    constraints: { snapToZoom: false, rotationEnabled: false },
    background: { color: "white" } });
  await view.when();
  layerView = await view.whenLayerView(layer);
  await whenOnce(() => !layerView.updating && !view.updating && view.stationary);
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  const { xmin, ymin, xmax, ymax } = view.extent;
  return [xmin, ymin, xmax, ymax];
}

// The numbers that the layer has drawn: its first band, and where they are valid.
export function pixels() {
  const { pixelBlock, extent } = layerView.pixelData;
  const { width, height, pixels, mask, pixelType } = pixelBlock;
  return { width, height, pixelType, values: Array.from(pixels[0]),
    valid: mask ? Array.from(mask) : null,
    box: [extent.xmin, extent.ymin, extent.xmax, extent.ymax] };
}

export async function fetchPixels({ box, wkid, size }) {
  const { pixelBlock } = await layer.fetchPixels(extentOf(box, wkid), ...size);
  const { pixels, mask, pixelType } = pixelBlock;
  return { pixelType, values: Array.from(pixels[0]), valid: mask ? Array.from(mask) : null };
}

export function facts() {
  const { bandCount, pixelType, statistics } = layer.serviceRasterInfo ?? layer.rasterInfo ?? {};
  return { bandCount, pixelType, statistics, extent: layer.fullExtent?.toJSON() };
}

export async function identify({ x, y, wkid }) {
  const geometry = new Point({ x, y, spatialReference: { wkid } });
  const found = await layer.identify({ geometry });
  return found.toJSON ? found.toJSON() : found;
}

export async function getSamples({ x, y, wkid }) {
  const geometry = new Point({ x, y, spatialReference: { wkid } });
  const found = await layer.getSamples({ geometry });
  return found.samples.map(({ pixelValue }) => pixelValue);
}
