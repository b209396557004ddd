/* Forms that show what they ask for while they are filled in. */
"use strict";

(() => {
  const PAUSE = 450; // milliseconds without a change before a picture is asked for
  const SHOWN = ["image/png", "image/jpeg", "image/gif", "image/bmp"];
  const AS_PICTURE = { format: "png32", compression: "", pixelType: "" };

  const form = document.querySelector("form[data-live]");
  if (!form) return;
  const url = document.getElementById("url");
  const path = form.dataset.path;
  const isExport = "largest" in form.dataset;

  /* What is filled in; nothing of what isn't. */
  function filled() {
    const told = {};
    for (const [name, value] of new FormData(form)) {
      if (value.trim()) told[name] = value.trim();
    }
    return told;
  }

  function query(told) {
    const said = Object.entries(told).filter(([, value]) => value !== "");
    return new URLSearchParams(said).toString().replaceAll("%2C", ",").replaceAll("%2F", "/");
  }

  function tellAddress() {
    const told = filled();
    const usual = isExport && told.async !== "true" ? "image" : "json";
    const reply = told.f && told.f !== "html" ? told.f : usual;
    url.value = `${form.dataset.live}?${query({ ...told, f: reply })}`;
    const hidden = document.getElementById("live-address");
    if (hidden) hidden.hidden = false;
  }

  form.addEventListener("input", tellAddress);
  tellAddress();
  if (!isExport) return;

  // --- the picture ---------------------------------------------------------------------------

  const problem = document.getElementById("live-problem");
  const note = document.getElementById("picture-note");
  const drawn = document.querySelector("figure.drawn");
  const result = document.getElementById("live-result");
  const said = document.getElementById("drawn-facts");
  let running = null;
  let waiting = 0;
  let held = "";

  function tellProblem(error) {
    problem.replaceChildren();
    problem.hidden = !error;
    if (!error) return;
    const heading = document.createElement("h3");
    heading.textContent = error.message;
    problem.append(heading, ...error.details.map((detail) => {
      const line = document.createElement("p");
      line.textContent = detail;
      return line;
    }));
  }

  function picture() {
    let image = document.getElementById("picture");
    if (!image) {
      image = document.createElement("img");
      image.id = "picture";
      image.alt = "The exported image";
      drawn.prepend(image);
    }
    return image;
  }

  function show(blob) {
    const image = picture();
    if (held) URL.revokeObjectURL(held);
    held = URL.createObjectURL(blob);
    image.src = held;
  }

  /* A coordinate without more digits than tell a place. */
  function digits(value, most = 10) {
    return String(Number(value.toPrecision(most)));
  }

  function fact(label, ...parts) {
    const line = document.createElement("div");
    const name = document.createElement("dt");
    const value = document.createElement("dd");
    name.textContent = label;
    for (const [title, text] of parts) {
      const part = document.createElement("span");
      part.className = "part";
      if (title) {
        const before = document.createElement("span");
        before.className = "name";
        before.textContent = title;
        part.append(before, " ");
      }
      const words = document.createElement("span");
      words.className = "value";
      words.textContent = text;
      part.append(words);
      value.append(part);
    }
    line.append(name, value);
    return line;
  }

  function tellFacts(reply, blob, size) {
    const list = document.createElement("dl");
    list.className = "facts";
    const sides = (reply.headers.get("Content-Bbox") || "").split(",");
    list.append(fact("Width", ["", String(size[0])]), fact("Height", ["", String(size[1])]));
    if (sides.length === 4) {
      const names = ["XMin", "YMin", "XMax", "YMax"];
      list.append(fact("Extent", ...sides.map((side, i) => [names[i], digits(Number(side))])));
    }
    const reference = reply.headers.get("Content-Crs");
    if (reference) list.append(fact("Spatial Reference", ["", reference]));
    list.append(fact("Media Type", ["", reply.headers.get("Content-Type")]));
    if (blob) list.append(fact("Size", ["", `${blob.size.toLocaleString("en")} bytes`]));
    said.replaceChildren(list);
  }

  function sizeOf(told) {
    const parts = (told.size || "400,400").split(",").map(Number);
    return parts.length === 2 && parts.every((part) => part > 0) ? parts : [400, 400];
  }

  /* The reply of exportImage; an error of the server is thrown as the body that tells it, which
     the head of a reply doesn't have. */
  async function asked(told, options) {
    const address = `${path}?${query({ ...told, f: "image" })}`;
    const reply = await fetch(address, options);
    const type = (reply.headers.get("Content-Type") || "").split(";")[0];
    if (type === "application/json") {
      const whole = options.method === "HEAD" ? await fetch(address, { signal: options.signal }) : reply;
      throw (await whole.json()).error;
    }
    if (!reply.ok) throw { message: `The server answers ${reply.status}.`, details: [] };
    return { reply, type };
  }

  const isValues = (told) => ["tiff", "bip", "bsq", "lerc"].includes((told.format || "").toLowerCase());

  async function draw() {
    running?.abort();
    running = new AbortController();
    const options = { signal: running.signal };
    const told = filled();
    delete told.f;
    delete told.async;
    const size = sizeOf(told);
    if (size[0] * size[1] > Number(form.dataset.largest)) {
      tellProblem(null);
      drawn.removeAttribute("aria-busy");
      result.hidden = false;
      note.textContent = "A picture of this size is drawn by the button of the form alone.";
      return;
    }
    drawn.setAttribute("aria-busy", "true");
    result.hidden = false;
    document.getElementById("finished")?.remove();
    try {
      const head = isValues(told) ? await asked(told, { ...options, method: "HEAD" }) : null;
      const { reply, type } = await asked(head ? { ...told, ...AS_PICTURE } : told, options);
      const blob = await reply.blob();
      if (SHOWN.includes(type)) show(blob);
      note.textContent = head
        ? `A preview; ${head.type} is not a kind of file that browsers show.` : "";
      tellFacts(head ? head.reply : reply, head ? null : blob, size);
      tellProblem(null);
      outline(reply.headers.get("Content-Bbox"), reply.headers.get("Content-Crs"));
    } catch (error) {
      if (error.name === "AbortError") return;
      tellProblem(error.details ? error : { message: "The server does not answer.", details: [] });
    }
    drawn.removeAttribute("aria-busy");
  }

  function drawSoon() {
    clearTimeout(waiting);
    waiting = setTimeout(draw, PAUSE);
  }

  form.addEventListener("input", drawSoon);

  // --- the box on the map --------------------------------------------------------------------

  const { map, bounds, figure } = window.exportimage || {};
  let rectangle = null;

  /* What was really drawn, where that is in the reference of the map. */
  function outline(box, reference) {
    if (!map) return;
    const sides = (box || "").split(",").map(Number);
    const code = (reference || "").split(":")[1] || "";
    rectangle?.remove();
    rectangle = null;
    if (sides.length !== 4 || code !== figure.dataset.reference) return;
    mark(L.latLngBounds([sides[1], sides[0]], [sides[3], sides[2]]));
  }

  function mark(box) {
    if (!rectangle) rectangle = L.rectangle(box, { className: "box", interactive: false }).addTo(map);
    rectangle.setBounds(box);
  }

  function take(box) {
    const sides = [box.getWest(), box.getSouth(), box.getEast(), box.getNorth()];
    form.elements.bbox.value = sides.map((side) => digits(side, 12)).join(",");
    form.elements.bboxSR.value = figure.dataset.reference;
    form.elements.bbox.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function button(text, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "second";
    made.textContent = text;
    made.addEventListener("click", () => action(made));
    return made;
  }

  /* One box is drawn by the pointer; then the map moves as before. */
  function pick(made) {
    if (figure.classList.contains("picking")) {
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
      return;
    }
    made.setAttribute("aria-pressed", "true");
    map.dragging.disable();
    figure.classList.add("picking");
    const view = map.getContainer();
    let first = null;
    const at = (event) => map.mouseEventToLatLng(event);
    const down = (event) => {
      if (event.target.closest(".leaflet-control")) return;
      view.setPointerCapture(event.pointerId);
      first = at(event);
      event.preventDefault();
    };
    const move = (event) => { if (first) mark(L.latLngBounds(first, at(event))); };
    const up = (event) => {
      if (!first) return;
      const box = L.latLngBounds(first, at(event));
      end();
      if (box.getWest() < box.getEast() && box.getSouth() < box.getNorth()) take(box);
    };
    const keys = (event) => { if (event.key === "Escape") end(); };
    const end = () => {
      made.setAttribute("aria-pressed", "false");
      map.dragging.enable();
      figure.classList.remove("picking");
      view.removeEventListener("pointerdown", down, true);
      view.removeEventListener("pointermove", move, true);
      view.removeEventListener("pointerup", up, true);
      document.removeEventListener("keydown", keys);
    };
    view.addEventListener("pointerdown", down, true);
    view.addEventListener("pointermove", move, true);
    view.addEventListener("pointerup", up, true);
    document.addEventListener("keydown", keys);
  }

  if (map) {
    const bar = document.createElement("p");
    bar.className = "buttons tools";
    bar.append(
      button("Draw a box", pick),
      button("Take what the map shows", () => take(map.getBounds())),
      button("Take the whole extent", () => take(bounds)),
    );
    figure.after(bar);
  }
  if (drawn.dataset.bbox) outline(drawn.dataset.bbox, drawn.dataset.crs);
  else draw();
})();
