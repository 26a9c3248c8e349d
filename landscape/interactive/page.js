// The page: its state, its controls, and what a hand does to it.
const HOME = { azimuth: 0.65, elevation: 0.85, zoom: 1 };
let data, panels = [], state, asked = false, paper = false;

function start() {
  data = JSON.parse(document.getElementById("data").textContent);
  data.axes = data.panels[0].axes;
  for (const panel of data.panels) for (const one of panel.quantities) {
    one.grid = decode(one.values);
    one.doubt = one.errors ? decode(one.errors) : null;
    one.empty = !one.grid.some(isFinite);
  }
  for (const panel of data.panels) if (panel.basins) { panel.basins.grid = decode(panel.basins.label); }
  state = { ...HOME, mode: data.dimensions === 1 ? "curve" : data.dimensions === 3 ? "slice" : "surface", log: data.logarithmic, clip: 1, quantity: 0, step: 1e9, slice: data.middle || 0, basins: true, centre: null };
  // An address that ends in #contour opens the map, one in #level the surface of one level of a volume.
  if (modesOf(data.dimensions).some(([mode]) => mode === location.hash.slice(1))) state.mode = location.hash.slice(1);
  build();
  redraw();
  // A colour scheme may change, a window be resized.
  addEventListener("resize", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper is white, whatever the screen is; what is printed is drawn before it is laid out.
  addEventListener("beforeprint", () => { paper = true; for (const one of panels) draw(one); });
  addEventListener("afterprint", () => { paper = false; redraw(); });
}

function make(name, parent, words) {
  const one = document.createElement(name);
  if (words !== undefined) one.textContent = words;
  if (parent) parent.append(one);
  return one;
}

function build() {
  const main = document.getElementById("view");
  document.getElementById("still").hidden = true;
  const bar = make("div", main);
  bar.className = "bar";
  const modes = modesOf(data.dimensions);
  if (modes.length) choice(bar, "view", modes, () => state.mode, mode => { state.mode = mode; });
  choice(bar, "quantity", data.names.map((name, i) => [String(i), name]), () => String(state.quantity), i => { state.quantity = Number(i); state.clip = 1; });
  choice(bar, "height", [["", "linear"], ["1", "logarithmic"]], () => state.log ? "1" : "", log => { state.log = Boolean(log); });
  if (data.dimensions > 1) slider(bar, data.dimensions === 3 ? "cut, or level" : "cut at", 0.02, 1, 0.01, () => state.clip, clip => { state.clip = clip; });
  if (data.dimensions === 3) slider(bar, data.axes[2].name, 0, data.axes[2].values.length - 1, 1, () => state.slice, k => { state.slice = k; });
  const steps = Math.max(0, ...data.panels.map(panel => panel.paths ? Math.max(...panel.paths.map(path => path.at.length)) : 0));
  if (steps) { state.step = steps - 1; slider(bar, "checkpoint", 0, steps - 1, 1, () => state.step, k => { state.step = k; }); }
  if (data.panels.some(panel => panel.basins)) choice(bar, "basins", [["1", "shown"], ["", "hidden"]], () => state.basins ? "1" : "", on => { state.basins = Boolean(on); });
  const reset = make("button", bar, "reset view");
  reset.type = "button";
  reset.addEventListener("click", () => { Object.assign(state, HOME, { clip: 1, centre: null }); sync(); });
  const grid = make("div", main);
  grid.className = data.panels.length > 1 ? "panels" : "panels one";
  panels = data.panels.map(panel => {
    const figure = make("figure", grid);
    if (data.panels.length > 1) make("h2", figure, panel.title);
    const scale = make("p", figure);
    scale.className = "scale";
    const canvas = make("canvas", figure);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", panel.summary);
    const told = make("p", figure, panel.summary);
    told.className = "told";
    told.setAttribute("aria-live", "polite");
    make("p", figure, panel.axes.map(axis => axis.label).join("\n")).className = "words";
    for (const path of panel.paths || []) if (path.name) {
      const key = make("span", figure, path.name);
      key.className = "key";
      key.style.borderColor = path.color;
    }
    const one = { panel, canvas, scale, told, hits: [] };
    listen(one);
    return one;
  });
}

const synced = [];
function choice(bar, name, options, get, set) {
  const label = make("label", bar, name + " "), select = make("select", label);
  for (const [value, words] of options) make("option", select, words).value = value;
  select.addEventListener("change", () => { set(select.value); sync(); });
  synced.push(() => { select.value = get(); });
  select.value = get();
}

function slider(bar, name, low, high, step, get, set) {
  const label = make("label", bar, name + " "), input = make("input", label);
  Object.assign(input, { type: "range", min: low, max: high, step });
  input.value = get();
  input.addEventListener("input", () => { set(Number(input.value)); redraw(); });
  synced.push(() => { input.value = get(); });
}

function sync() { for (const one of synced) one(); redraw(); }

function redraw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; for (const one of panels) draw(one); });
}

function listen(one) {
  const held = new Map();
  let before = null;
  const canvas = one.canvas;
  const turn = (dx, dy) => {
    if (state.mode === "surface" || state.mode === "level") {
      state.azimuth += dx * 0.01;
      state.elevation = Math.max(0.05, Math.min(1.5, state.elevation + dy * 0.01));
    } else if (state.mode === "contour" && state.zoom > 1) {
      const c = state.centre || [0.5, 0.5], room = 0.5 / state.zoom;
      state.centre = [c[0] - dx / canvas.clientWidth / state.zoom, c[1] + dy / canvas.clientHeight / state.zoom].map(v => Math.max(room, Math.min(1 - room, v)));
    }
    redraw();
  };
  const closer = factor => { state.zoom = Math.max(1, Math.min(20, state.zoom * factor)); if (state.zoom === 1) state.centre = null; redraw(); };
  canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId); held.set(e.pointerId, [e.offsetX, e.offsetY]); });
  canvas.addEventListener("pointermove", e => {
    const last = held.get(e.pointerId);
    if (!last) { read(one, e.offsetX, e.offsetY); return; }
    held.set(e.pointerId, [e.offsetX, e.offsetY]);
    if (held.size === 2) {
      const [p, q] = [...held.values()], apart = Math.hypot(p[0] - q[0], p[1] - q[1]);
      if (before) closer(apart / before);
      before = apart;
    } else turn(e.offsetX - last[0], e.offsetY - last[1]);
  });
  for (const name of ["pointerup", "pointercancel"]) canvas.addEventListener(name, e => { held.delete(e.pointerId); before = null; read(one, e.offsetX, e.offsetY); });
  canvas.addEventListener("wheel", e => { e.preventDefault(); closer(Math.exp(-e.deltaY * 0.001)); }, { passive: false });
  canvas.addEventListener("keydown", e => {
    const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[e.key];
    if (step) turn(...step);
    else if (e.key === "+" || e.key === "=") closer(1.2);
    else if (e.key === "-") closer(1 / 1.2);
    else if (e.key === "r") Object.assign(state, HOME, { clip: 1, centre: null });
    else if (e.key === "t" && data.dimensions > 1) state.mode = modesOf(data.dimensions).find(([mode]) => mode !== state.mode)[0];
    else if (e.key === "l") state.log = !state.log;
    else return;
    e.preventDefault();
    sync();
  });
}

if (typeof document !== "undefined") start();
