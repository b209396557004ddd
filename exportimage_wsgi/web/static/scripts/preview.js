/* The map of a service: tiles that its own exportImage draws, in its own spatial reference. */
"use strict";

window.exportimage = {};

(() => {
  const MARGIN = 0.94; // of the map that the whole extent takes at first
  const CLOSEST = 4; // doublings beyond one pixel of the screen for one of the raster
  const DENSEST = 2; // pixels of a picture for one of the page

  /* A flat reference: x is the longitude of Leaflet, y its latitude. */
  function referenceOf([xmin, , , ymax], scale) {
    return L.Util.extend({}, L.CRS.Simple, {
      transformation: L.transformation(scale, -scale * xmin, -scale, scale * ymax),
    });
  }

  const Tiles = L.TileLayer.extend({
    getTileUrl(coords) {
      const side = this.getTileSize();
      const { crs } = this._map.options;
      const first = crs.pointToLatLng(coords.scaleBy(side), coords.z);
      const last = crs.pointToLatLng(coords.add([1, 1]).scaleBy(side), coords.z);
      const density = Math.min(DENSEST, Math.ceil(window.devicePixelRatio || 1));
      const pixels = Math.min(density * side.x, this.options.most);
      const told = new URLSearchParams({
        bbox: [first.lng, last.lat, last.lng, first.lat].join(","),
        size: `${pixels},${pixels}`,
        format: this.options.format,
        f: "image",
      });
      return `${this._url}?${told}`;
    },
  });

  const Whole = L.Control.extend({
    onAdd(map) {
      const bar = L.DomUtil.create("div", "leaflet-bar");
      const button = L.DomUtil.create("a", "whole", bar);
      Object.assign(button, { href: "#", title: "The whole extent", textContent: "⤢" });
      button.setAttribute("role", "button");
      button.setAttribute("aria-label", "The whole extent");
      L.DomEvent.disableClickPropagation(bar);
      L.DomEvent.on(button, "click", (event) => {
        L.DomEvent.preventDefault(event);
        map.fitBounds(this.options.bounds);
      });
      return bar;
    },
  });

  function boundsOf([xmin, ymin, xmax, ymax]) {
    return L.latLngBounds([ymin, xmin], [ymax, xmax]);
  }

  /* Coordinates with as many digits as a tenth of a pixel needs. */
  function speller(pixel) {
    const digits = Math.min(12, Math.max(0, Math.ceil(1 - Math.log10(pixel))));
    return ({ lng, lat }) => `x ${lng.toFixed(digits)}  y ${lat.toFixed(digits)}`;
  }

  function mapOf(figure) {
    const told = figure.dataset;
    const extent = told.extent.split(",").map(Number);
    const [xmin, ymin, xmax, ymax] = extent;
    const element = document.createElement("div");
    element.className = "map-view";
    element.setAttribute("role", "application");
    const picture = figure.querySelector("img");
    const called = picture.alt;
    element.setAttribute("aria-label", `${called}: a map; arrows move it, plus and minus zoom`
      + (told.identify ? ", enter tells the values at its centre" : ""));
    picture.replaceWith(element);
    const scale = MARGIN * Math.min(
      element.clientWidth / (xmax - xmin), element.clientHeight / (ymax - ymin),
    );
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const bounds = boundsOf(extent);
    const map = L.map(element, {
      crs: referenceOf(extent, scale),
      minZoom: -1,
      maxZoom: Math.max(1, Math.ceil(-Math.log2(scale * Number(told.pixel)))) + CLOSEST,
      maxBounds: bounds.pad(1),
      attributionControl: false,
      zoomAnimation: !still,
      fadeAnimation: !still,
      inertia: !still,
    });
    map.setView(bounds.getCenter(), 0);
    const tiles = new Tiles(told.map, {
      bounds, format: told.format, most: Number(told.most), minZoom: -1, maxZoom: 60,
    });
    tiles.addTo(map);
    new Whole({ position: "topleft", bounds }).addTo(map);
    return { map, tiles, bounds };
  }

  /* One line under the map: where the pointer is, what was asked for, or what went wrong. */
  function tellUnder(figure, map, tiles) {
    const line = figure.querySelector("output");
    const spelled = speller(Number(figure.dataset.pixel));
    let held = false;
    const isTouched = window.matchMedia("(hover: none)").matches;
    const ways = isTouched ? ["Drag to move, pinch to zoom", "tap"]
      : ["Drag or use the arrow keys to move, the wheel or + and − to zoom", "click or press enter"];
    line.textContent = ways[0] + (figure.dataset.identify ? `; ${ways[1]} for values.` : ".");
    map.on("mousemove", (event) => {
      if (!held) line.textContent = spelled(event.latlng);
    });
    map.on("mouseout", () => { held = false; });
    tiles.on("tileerror", () => {
      held = true;
      line.textContent = "The server could not draw a part of the map.";
    });
    if (!figure.dataset.identify) return;
    const ask = async (place) => {
      held = true;
      line.textContent = `${spelled(place)}  …`;
      line.textContent = `${spelled(place)}  ${await valueAt(figure.dataset.identify, place)}`;
    };
    map.on("click", (event) => ask(event.latlng));
    map.on("keypress", ({ originalEvent }) => {
      const isOfMap = originalEvent.target === map.getContainer();
      if (originalEvent.key === "Enter" && isOfMap) ask(map.getCenter());
    });
  }

  async function valueAt(path, { lng, lat }) {
    const told = new URLSearchParams({
      geometry: `${lng},${lat}`, geometryType: "esriGeometryPoint", returnGeometry: "false",
      returnCatalogItems: "false", f: "json",
    });
    try {
      const answer = await (await fetch(`${path}?${told}`)).json();
      if (answer.error) return answer.error.details.join(" ") || answer.error.message;
      return answer.value === "NoData" ? "no data" : `value ${answer.value}`;
    } catch {
      return "the server does not answer";
    }
  }

  const figure = document.querySelector("[data-map]");
  if (!figure) return;
  const { map, tiles, bounds } = mapOf(figure);
  tellUnder(figure, map, tiles);
  Object.assign(window.exportimage, { map, bounds, figure });
})();
