"use strict";
// The page of a surface. The functions down to `start` know no document, and are tested in an engine without one.

const STOPS = [[68,1,84],[71,44,122],[59,81,139],[44,113,142],[33,144,141],[39,173,129],[92,200,99],[170,220,50],[253,231,37]];

// Numbers of a base64 text of little-endian float32.
function decode(text) {
  const bytes = new Uint8Array(Math.floor(text.length * 3 / 4));
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  let bits = 0, held = 0, at = 0;
  for (const letter of text) {
    const code = letters.indexOf(letter);
    if (code < 0) break;
    bits = ((bits << 6) | code) & 0xffffff;
    held += 6;
    if (held >= 8) { held -= 8; bytes[at++] = (bits >> held) & 255; }
  }
  const view = new DataView(bytes.buffer), count = Math.floor(at / 4), found = new Float32Array(count);
  for (let i = 0; i < count; i++) found[i] = view.getFloat32(4 * i, true);
  return found;
}

// The colour of a share from 0 (dark) to 1 (light).
function color(share) {
  const t = Math.max(0, Math.min(1, share)) * (STOPS.length - 1), i = Math.min(Math.floor(t), STOPS.length - 2);
  return STOPS[i].map((low, c) => Math.round(low + (STOPS[i + 1][c] - low) * (t - i)));
}

// The height of a value, from 0 to 1: cut at the ends, on a linear or logarithmic scale.
function heightOf(value, range) {
  if (!isFinite(value)) return NaN;
  const cut = Math.max(range.low, Math.min(range.high, value));
  if (range.high <= range.low) return 0;
  if (!range.log) return (cut - range.low) / (range.high - range.low);
  return Math.log(1 + (cut - range.low) / range.floor) / Math.log(1 + (range.high - range.low) / range.floor);
}

// The value at a height, the inverse.
function valueAt(share, range) {
  if (!range.log) return range.low + share * (range.high - range.low);
  return range.low + range.floor * (Math.pow(1 + (range.high - range.low) / range.floor, share) - 1);
}

// The range of values: the whole, or what is below a clip, given as a share of its heights.
function rangeOf(low, high, floor, log, clip) {
  const whole = { low, high, floor, log };
  return { low, high: clip >= 1 ? high : valueAt(clip, whole), floor, log };
}

// Seen from an azimuth and an elevation: x and y from −1 to 1, z from 0 to 1; gives right, up, and nearness.
function project(x, y, z, view) {
  const a = view.azimuth, e = view.elevation, tall = 0.8 * (z - 0.5);
  const across = x * Math.cos(a) - y * Math.sin(a), near = x * Math.sin(a) + y * Math.cos(a);
  return [across, tall * Math.cos(e) - near * Math.sin(e), near * Math.cos(e) + tall * Math.sin(e)];
}

// The order in which the rows of a grid are drawn, the farthest first: no sorting is needed, since rows do not cross.
function order(count, towards) {
  return Array.from({ length: count }, (_, i) => towards >= 0 ? i : count - 1 - i);
}

// The place on a rising axis below a coordinate, and how far beyond it, as a share of the step.
function locate(axis, at) {
  let low = 0, high = axis.length - 1;
  while (high - low > 1) { const middle = (low + high) >> 1; if (axis[middle] <= at) low = middle; else high = middle; }
  return [low, axis.length > 1 ? (at - axis[low]) / (axis[low + 1] - axis[low]) : 0];
}

// The index nearest to a coordinate.
function nearest(axis, at) {
  const [i, share] = locate(axis, at);
  return Math.max(0, Math.min(axis.length - 1, share > 0.5 ? i + 1 : i));
}

// A value between the points of a grid in C order; NaN where a corner has none, or outside.
function between(values, axes, x, y) {
  const [ax, ay] = axes, m = ay.length;
  if (!(x >= ax[0] && x <= ax[ax.length - 1] && y >= ay[0] && y <= ay[m - 1])) return NaN;
  const [i, s] = locate(ax, x), [j, t] = locate(ay, y), k = i * m + j;
  return (values[k] * (1 - s) + values[k + m] * s) * (1 - t) + (values[k + 1] * (1 - s) + values[k + m + 1] * s) * t;
}

// Round numbers between two, about so many.
function ticks(low, high, count) {
  if (!(high > low)) return [low];
  const raw = (high - low) / count, power = Math.pow(10, Math.floor(Math.log10(raw)));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw * 0.999), found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(k === 0 ? 0 : k * step);
  return found;
}

// A number in few digits, with a true minus.
function said(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return "not finite";
  if (!isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value), plain = size >= 1e-3 && size < 1e5;
  const text = plain ? String(Number(value.toPrecision(digits))) : value.toExponential(Math.max(0, digits - 1)).replace(/\.?0+e/, "e").replace("e+", "e");
  return text.replace(/-/g, "−");
}

// One slice of a volume in C order, [n0, n1] at the place k along the third axis.
function sliceOf(values, shape, k) {
  const found = new Float32Array(shape[0] * shape[1]);
  for (let i = 0; i < found.length; i++) found[i] = values[i * shape[2] + k];
  return found;
}

// Triangles of the surface on which a volume has one level, by tetrahedra: [x, y, z, …] in steps of the grid, nine numbers each.
const CORNERS = [[0,0,0],[1,0,0],[0,1,0],[1,1,0],[0,0,1],[1,0,1],[0,1,1],[1,1,1]];
const TETRAHEDRA = [[0,1,3,7],[0,3,2,7],[0,2,6,7],[0,6,4,7],[0,4,5,7],[0,5,1,7]];
function levelSurface(values, shape, level, step) {
  const found = [], [n0, n1, n2] = shape;
  const at = (p) => values[(p[0] * n1 + p[1]) * n2 + p[2]];
  for (let i = 0; i + step < n0; i += step) for (let j = 0; j + step < n1; j += step) for (let k = 0; k + step < n2; k += step) {
    const points = CORNERS.map(c => [i + step * c[0], j + step * c[1], k + step * c[2]]), heights = points.map(at);
    if (heights.some(h => !isFinite(h))) continue;
    for (const four of TETRAHEDRA) {
      const below = four.filter(c => heights[c] < level), above = four.filter(c => heights[c] >= level);
      if (!below.length || !above.length) continue;
      const cut = (a, b) => { const s = (level - heights[a]) / (heights[b] - heights[a]); return points[a].map((p, c) => p + s * (points[b][c] - p)); };
      const rim = below.length === 2
        ? [cut(below[0], above[0]), cut(below[0], above[1]), cut(below[1], above[1]), cut(below[1], above[0])]
        : below.length === 1 ? above.map(b => cut(below[0], b)) : below.map(b => cut(above[0], b));
      for (let t = 1; t + 1 < rim.length; t++) found.push(...rim[0], ...rim[t], ...rim[t + 1]);
    }
  }
  return found;
}

// A value of a volume between its points, at a place in steps of the grid; beyond the rim that of the rim.
function inVolume(values, shape, p) {
  const low = p.map((v, k) => Math.max(0, Math.min(shape[k] - 2, Math.floor(v)))), s = p.map((v, k) => Math.max(0, Math.min(1, v - low[k])));
  let sum = 0;
  for (const [i, j, k] of CORNERS) {
    const weight = (i ? s[0] : 1 - s[0]) * (j ? s[1] : 1 - s[1]) * (k ? s[2] : 1 - s[2]);
    if (weight > 0) sum += weight * values[((low[0] + i) * shape[1] + low[1] + j) * shape[2] + low[2] + k];
  }
  return sum;
}

// The slope of a volume, for each step of the grid, in the middle of each triangle.
function slopesOf(values, shape, triangles, step) {
  const found = [];
  for (let t = 0; t < triangles.length; t += 9) {
    const middle = [0, 1, 2].map(k => (triangles[t + k] + triangles[t + 3 + k] + triangles[t + 6 + k]) / 3);
    found.push([0, 1, 2].map(k => { const moved = d => middle.map((v, m) => v + (m === k ? d : 0)); return inVolume(values, shape, moved(step)) - inVolume(values, shape, moved(-step)); }));
  }
  return found;
}

// How far a surface with this slope faces the eye, from 0 (edge-on) to 1.
function facing(slope, shape, view) {
  const across = slope.map((v, k) => v * (shape[k] - 1) / (k === 2 ? 0.8 : 2)), size = Math.hypot(...across);
  if (!(size > 0)) return 0.5;
  const x = Math.sin(view.azimuth) * Math.cos(view.elevation), y = Math.cos(view.azimuth) * Math.cos(view.elevation), z = Math.sin(view.elevation);
  return Math.abs(across[0] * x + across[1] * y + across[2] * z) / size;
}

// Pieces of the borders between basins, in places of the grid: [i0, j0, i1, j1], half-way between points.
function borders(labels, shape) {
  const found = [], [n, m] = shape, differ = (a, b) => labels[a] !== labels[b] && labels[a] >= 0 && labels[b] >= 0;
  for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) {
    const k = i * m + j;
    if (i + 1 < n && differ(k, k + m)) found.push([i + 0.5, j - 0.5, i + 0.5, j + 0.5]);
    if (j + 1 < m && differ(k, k + 1)) found.push([i - 0.5, j + 0.5, i + 0.5, j + 0.5]);
  }
  return found;
}

function along(axis, place) {
  const i = Math.max(0, Math.min(axis.length - 2, Math.floor(place))), p = Math.max(0, Math.min(axis.length - 1, place));
  return axis.length < 2 ? axis[0] : axis[i] + (p - i) * (axis[i + 1] - axis[i]);
}

// A colour as one number, as pictures hold it.
function paintOf(rgb) {
  return ((255 << 24) | (rgb[2] << 16) | (rgb[1] << 8) | rgb[0]) >>> 0;
}

// Fills a triangle of a picture; neighbours share no pixel and leave none out. Faster than a canvas's own paths, of which each is smoothed.
function fillTriangle(pixels, width, height, a, b, c, paint) {
  const first = Math.max(0, Math.ceil(Math.min(a[1], b[1], c[1]) - 0.5)), last = Math.min(height - 1, Math.floor(Math.max(a[1], b[1], c[1]) - 0.5));
  for (let y = first; y <= last; y++) {
    const middle = y + 0.5;
    let left = Infinity, right = -Infinity;
    for (let e = 0; e < 3; e++) {
      const p = e === 0 ? a : e === 1 ? b : c, q = e === 0 ? b : e === 1 ? c : a;
      if ((p[1] <= middle) === (q[1] <= middle)) continue;
      const x = p[0] + (middle - p[1]) * (q[0] - p[0]) / (q[1] - p[1]);
      if (x < left) left = x;
      if (x > right) right = x;
    }
    const from = Math.max(0, Math.ceil(left - 0.5)), to = Math.min(width, Math.ceil(right - 0.5));
    if (to > from) pixels.fill(paint, y * width + from, y * width + to);
  }
}

// What a surface or a volume may be shown as.
function modesOf(dimensions) {
  return dimensions === 2 ? [["surface", "surface"], ["contour", "contour"]] : dimensions === 3 ? [["slice", "slices"], ["level", "level surface"]] : [];
}

// The page.
const HOME = { azimuth: 0.65, elevation: 0.85, zoom: 1 };
let data, panels = [], state, asked = false, paper = false;

function start() {
  data = JSON.parse(document.getElementById("data").textContent);
  data.axes = data.panels[0].axes;
  for (const panel of data.panels) for (const one of panel.quantities) {
    one.grid = decode(one.values);
    one.doubt = one.errors ? decode(one.errors) : null;
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
    const canvas = make("canvas", figure);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", panel.summary);
    const told = make("p", figure, panel.summary);
    told.className = "told";
    told.setAttribute("aria-live", "polite");
    for (const path of panel.paths || []) if (path.name) {
      const key = make("span", figure, path.name);
      key.className = "key";
      key.style.borderColor = path.color;
    }
    const one = { panel, canvas, told, hits: [] };
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

function current(one) { return one.panel.quantities[Math.min(state.quantity, one.panel.quantities.length - 1)]; }

function scaleOf(quantity) {
  return rangeOf(quantity.low, quantity.high, quantity.floor, state.log, state.clip);
}

function inks() {
  return { text: paper ? "#000" : getComputedStyle(document.body).color };
}

function fitted(canvas) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width, height };
}

function draw(one) {
  data.axes = one.panel.axes;
  const area = fitted(one.canvas), quantity = current(one), range = scaleOf(quantity), ink = inks();
  const shape = data.axes.map(axis => axis.values.length), whole = { ...area, quantity, range, ink };
  one.hits = [];
  let level = null, right = whole.width - 62;
  if (state.mode === "curve") drawCurve(one, whole);
  else if (state.mode === "level") level = drawLevel(one, whole, shape);
  else {
    const values = data.dimensions === 3 ? sliceOf(quantity.grid, shape, state.slice) : quantity.grid;
    if (state.mode === "surface") drawSurface(one, whole, values, shape);
    else right = drawContour(one, whole, values, shape);
  }
  if (level !== null) drawScale({ ...whole, range: { ...range, high: quantity.high } }, right, level);
  else if (data.dimensions > 1) drawScale(whole, right);
}

function box(whole, x, y, z) {
  const size = 0.31 * Math.min(whole.width - 60, whole.height * 1.1) * state.zoom;
  const [right, up, near] = project(x, y, z, state);
  return [(whole.width - 60) / 2 + size * right, 0.48 * whole.height - size * up, near];
}

function unit(axis, value) { const low = axis[0], high = axis[axis.length - 1]; return high > low ? 2 * (value - low) / (high - low) - 1 : 0; }

function frame(whole, zlabel, upright, name) {
  const { pen, ink } = whole, line = (a, b) => { pen.beginPath(); pen.moveTo(a[0], a[1]); pen.lineTo(b[0], b[1]); pen.stroke(); };
  pen.strokeStyle = ink.text; pen.fillStyle = ink.text; pen.globalAlpha = 0.35; pen.lineWidth = 1;
  const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
  for (let c = 0; c < 4; c++) line(box(whole, ...corners[c], 0), box(whole, ...corners[(c + 1) % 4], 0));
  pen.globalAlpha = 1;
  const nearX = Math.sin(state.azimuth) >= 0 ? 1 : -1, nearY = Math.cos(state.azimuth) >= 0 ? 1 : -1;
  pen.textAlign = "center"; pen.textBaseline = "middle";
  const axes = data.axes.map(axis => axis.values);
  for (const t of ticks(axes[0][0], axes[0][axes[0].length - 1], 4)) { const p = box(whole, unit(axes[0], t), 1.13 * nearY, 0); pen.fillText(said(t, 3), p[0], p[1]); }
  for (const t of ticks(axes[1][0], axes[1][axes[1].length - 1], 4)) { const p = box(whole, 1.13 * nearX, unit(axes[1], t), 0); pen.fillText(said(t, 3), p[0], p[1]); }
  let p = box(whole, 0, 1.36 * nearY, 0); pen.fillText(data.axes[0].name, p[0], p[1]);
  p = box(whole, 1.36 * nearX, 0, 0); pen.fillText(data.axes[1].name, p[0], p[1]);
  line(box(whole, -nearX, nearY, 0), box(whole, -nearX, nearY, 1));
  if (upright) for (const t of ticks(upright[0], upright[upright.length - 1], 3)) if (unit(upright, t) > -0.95) { p = box(whole, -1.12 * nearX, 1.12 * nearY, (unit(upright, t) + 1) / 2); pen.fillText(said(t, 3), p[0], p[1]); }
  if (upright) { p = box(whole, -nearX, nearY, 1.14); pen.fillText(name, p[0], p[1]); }
  if (zlabel) { pen.textAlign = "left"; pen.textBaseline = "top"; pen.fillText(zlabel, 4, 4); }
}

// Lays a picture over what is drawn already.
let sheet = null;
function onto(pen, picture, x, y, width, height) {
  sheet = sheet || document.createElement("canvas");
  sheet.width = picture.width; sheet.height = picture.height;
  sheet.getContext("2d").putImageData(picture, 0, 0);
  pen.drawImage(sheet, x, y, width, height);
}

function drawSurface(one, whole, values, shape) {
  const { pen, range, quantity } = whole, [n, m] = shape, axes = data.axes.map(axis => axis.values);
  const step = Math.max(1, Math.ceil(Math.max(n, m) / 130)), rows = [], columns = [];
  for (let i = 0; i < n; i += step) rows.push(i);
  for (let j = 0; j < m; j += step) columns.push(j);
  if (rows[rows.length - 1] !== n - 1) rows.push(n - 1);
  if (columns[columns.length - 1] !== m - 1) columns.push(m - 1);
  frame(whole, "height: " + quantity.label + (state.log ? ", logarithmic" : ""));
  const seen = rows.map(i => columns.map(j => { const h = heightOf(values[i * m + j], range); return isFinite(h) ? [...box(whole, unit(axes[0], axes[0][i]), unit(axes[1], axes[1][j]), h), h] : null; }));
  const canvas = one.canvas, ratio = canvas.width / whole.width, picture = new ImageData(canvas.width, canvas.height), pixels = new Uint32Array(picture.data.buffer);
  const sharp = seen.map(row => row.map(p => p && [p[0] * ratio, p[1] * ratio]));
  for (const a of order(rows.length - 1, Math.sin(state.azimuth))) for (const b of order(columns.length - 1, Math.cos(state.azimuth))) {
    const p = seen[a][b], q = seen[a + 1][b], r = seen[a + 1][b + 1], t = seen[a][b + 1];
    if (!p || !q || !r || !t) continue;
    const light = Math.min(1.12, 1 - 0.25 * Math.max(-1, Math.min(1, 4 * (q[3] - p[3] - t[3] + r[3]))));
    const paint = paintOf(color((p[3] + q[3] + r[3] + t[3]) / 4).map(c => Math.round(Math.min(255, c * light))));
    fillTriangle(pixels, canvas.width, canvas.height, sharp[a][b], sharp[a + 1][b], sharp[a + 1][b + 1], paint);
    fillTriangle(pixels, canvas.width, canvas.height, sharp[a][b], sharp[a + 1][b + 1], sharp[a][b + 1], paint);
  }
  onto(pen, picture, 0, 0, whole.width, whole.height);
  rows.forEach((i, a) => columns.forEach((j, b) => { const p = seen[a][b]; if (p) one.hits.push([p[0], p[1], p[2], i * m + j]); }));
  const lifted = (x, y) => { const v = between(values, axes, x, y), h = heightOf(v, range); return box(whole, unit(axes[0], x), unit(axes[1], y), isFinite(h) ? h : 0); };
  marks(one, whole, shape, lifted);
}

function drawContour(one, whole, values, shape) {
  const { pen, width, height, range, ink } = whole, axes = data.axes.map(axis => axis.values);
  const left = 44, top = 8, w = width - left - 62, h = height - top - 40, c = state.centre || [0.5, 0.5], half = 0.5 / state.zoom;
  const ends = [0, 1].map(k => { const a = axes[k], low = a[0], span = a[a.length - 1] - low; return [low + (c[k] - half) * span, low + (c[k] + half) * span]; });
  const side = Math.max(0.2, data.aspect ? Math.min(1, w / h * (ends[1][1] - ends[1][0]) / (ends[0][1] - ends[0][0])) : 1);
  const wide = data.aspect ? Math.min(w, h * (ends[0][1] - ends[0][0]) / (ends[1][1] - ends[1][0])) : w, high = h * side;
  const toX = x => left + wide * (x - ends[0][0]) / (ends[0][1] - ends[0][0]), toY = y => top + high - high * (y - ends[1][0]) / (ends[1][1] - ends[1][0]);
  const px = Math.max(1, Math.round(wide)), py = Math.max(1, Math.round(high)), picture = new ImageData(px, py), pixels = new Uint32Array(picture.data.buffer);
  const count = 12, bands = new Int16Array(px * py), m = axes[1].length, columns = [], paints = [], edges = [];
  for (let k = 0; k < count; k++) {
    const rgb = color((k + 0.5) / count);
    paints.push(paintOf(rgb));
    edges.push(paintOf(rgb.map(v => Math.round(k < count * 0.55 ? v + 0.55 * (255 - v) : 0.5 * v))));
  }
  for (let p = 0; p < px; p++) columns.push(locate(axes[0], ends[0][0] + (p + 0.5) / px * (ends[0][1] - ends[0][0])));
  for (let q = 0; q < py; q++) {
    const [j, t] = locate(axes[1], ends[1][1] - (q + 0.5) / py * (ends[1][1] - ends[1][0]));
    for (let p = 0; p < px; p++) {
      const [i, s] = columns[p], at = i * m + j, k = q * px + p;
      const height = heightOf((values[at] * (1 - s) + values[at + m] * s) * (1 - t) + (values[at + 1] * (1 - s) + values[at + m + 1] * s) * t, range);
      const band = height >= 0 ? Math.min(count - 1, Math.floor(height * count)) : -1;
      bands[k] = band;
      if (band < 0) pixels[k] = (p + q) % 8 < 2 ? 0xff6e6e6e : 0xffe4e4e4;
      else pixels[k] = (p && bands[k - 1] >= 0 && bands[k - 1] !== band) || (q && bands[k - px] >= 0 && bands[k - px] !== band) ? edges[band] : paints[band];
    }
  }
  onto(pen, picture, left, top, wide, high);
  pen.strokeStyle = ink.text; pen.fillStyle = ink.text; pen.lineWidth = 1;
  pen.strokeRect(left, top, wide, high);
  pen.textAlign = "center"; pen.textBaseline = "top";
  for (const t of ticks(...ends[0], 4)) pen.fillText(said(t, 3), toX(t), top + high + 4);
  pen.fillText(data.axes[0].name, left + wide / 2, top + high + 20);
  pen.textAlign = "right";
  if (data.dimensions === 3) pen.fillText(data.axes[2].name + " = " + said(data.axes[2].values[state.slice], 3), left + wide, top + high + 20);
  pen.textBaseline = "middle";
  for (const t of ticks(...ends[1], 4)) pen.fillText(said(t, 3), left - 5, toY(t));
  pen.textAlign = "left"; pen.fillText(data.axes[1].name, 2, top + 6);
  one.inverse = (x, y) => [ends[0][0] + (x - left) / wide * (ends[0][1] - ends[0][0]), ends[1][0] + (top + high - y) / high * (ends[1][1] - ends[1][0])];
  pen.save(); pen.beginPath(); pen.rect(left, top, wide, high); pen.clip();
  marks(one, whole, shape, (x, y) => [toX(x), toY(y)]);
  pen.restore();
  return left + wide;
}

function drawCurve(one, whole) {
  const { pen, width, height, quantity, ink } = whole, axis = data.axes[0].values, left = 64, top = 10, w = width - left - 12, h = height - top - 40;
  const range = { ...whole.range, high: quantity.high };
  const toX = x => left + w * (unit([axis[0], axis[axis.length - 1]], x) + 1) / 2, toY = v => top + h - 0.96 * h * heightOf(v, range) - 0.02 * h;
  pen.strokeStyle = ink.text; pen.fillStyle = ink.text; pen.strokeRect(left, top, w, h);
  pen.textAlign = "center"; pen.textBaseline = "top";
  for (const t of ticks(axis[0], axis[axis.length - 1], 5)) pen.fillText(said(t, 3), toX(t), top + h + 4);
  pen.fillText(data.axes[0].name, left + w / 2, top + h + 20);
  pen.textAlign = "right"; pen.textBaseline = "middle";
  for (let k = 0; k <= 4; k++) { const v = valueAt(k / 4, range); pen.fillText(said(v, 3), left - 5, toY(v)); }
  if (quantity.doubt) {
    pen.fillStyle = "rgba(0,114,178,.25)";
    for (let i = 0; i + 1 < axis.length; i++) {
      const at = [i, i + 1], ok = at.every(k => isFinite(quantity.grid[k]) && isFinite(quantity.doubt[k]));
      if (!ok) continue;
      pen.beginPath(); pen.moveTo(toX(axis[i]), toY(quantity.grid[i] + quantity.doubt[i])); pen.lineTo(toX(axis[i + 1]), toY(quantity.grid[i + 1] + quantity.doubt[i + 1]));
      pen.lineTo(toX(axis[i + 1]), toY(quantity.grid[i + 1] - quantity.doubt[i + 1])); pen.lineTo(toX(axis[i]), toY(quantity.grid[i] - quantity.doubt[i])); pen.fill();
    }
  }
  pen.strokeStyle = "#0072b2"; pen.lineWidth = 2; pen.beginPath();
  let on = false;
  for (let i = 0; i < axis.length; i++) {
    const v = quantity.grid[i];
    if (!isFinite(v)) { on = false; continue; }
    if (on) pen.lineTo(toX(axis[i]), toY(v)); else pen.moveTo(toX(axis[i]), toY(v));
    on = true;
    one.hits.push([toX(axis[i]), toY(v), 0, i]);
  }
  pen.stroke();
  if (axis[0] <= 0 && axis[axis.length - 1] >= 0) dot(pen, [toX(0), toY(quantity.grid[nearest(axis, 0)])], "white", "black", 5);
}

function drawLevel(one, whole, shape) {
  const { pen, quantity, range } = whole, axes = data.axes.map(axis => axis.values), top = { ...range, high: quantity.high };
  const level = state.clip >= 1 ? valueAt(0.5, top) : range.high, step = Math.max(1, Math.ceil(Math.max(...shape) / 34));
  // The triangles stay while the picture is turned.
  const known = [state.quantity, level, step].join();
  if (!one.level || one.level.known !== known) one.level = { known, triangles: levelSurface(quantity.grid, shape, level, step), slopes: null };
  const { triangles } = one.level, faces = [], paint = color(heightOf(level, top));
  if (!one.level.slopes) one.level.slopes = slopesOf(quantity.grid, shape, triangles, step);
  frame(whole, "", axes[2], data.axes[2].name);
  for (let t = 0; t < triangles.length; t += 9) {
    const points = [0, 3, 6].map(c => { const at = [0, 1, 2].map(k => along(axes[k], triangles[t + c + k])); return box(whole, unit(axes[0], at[0]), unit(axes[1], at[1]), (unit(axes[2], at[2]) + 1) / 2); });
    faces.push([points, points[0][2] + points[1][2] + points[2][2], facing(one.level.slopes[t / 9], shape, state)]);
  }
  faces.sort((a, b) => a[1] - b[1]);
  for (const [points, , light] of faces) {
    const fill = "rgb(" + paint.map(c => Math.round((0.5 + 0.5 * light) * c + 70 * light * light * light * light)).join(",") + ")";
    pen.fillStyle = fill; pen.strokeStyle = fill; pen.beginPath();
    points.forEach((p, i) => i ? pen.lineTo(p[0], p[1]) : pen.moveTo(p[0], p[1]));
    pen.closePath(); pen.fill(); pen.stroke();
  }
  dot(pen, box(whole, unit(axes[0], 0), unit(axes[1], 0), (unit(axes[2], 0) + 1) / 2), "white", "black", 4);
  one.told.textContent = "the surface on which " + quantity.label + " is " + said(level) + (triangles.length ? "" : ": it does not cross the grid");
  return level;
}

function dot(pen, at, fill, edge, size) {
  pen.beginPath(); pen.arc(at[0], at[1], size, 0, 7); pen.fillStyle = fill; pen.fill(); pen.lineWidth = 1.5; pen.strokeStyle = edge; pen.stroke();
}

function marks(one, whole, shape, place) {
  const { pen } = whole, axes = data.axes.map(axis => axis.values), panel = one.panel, inside = (x, y) => x >= axes[0][0] && x <= axes[0][axes[0].length - 1] && y >= axes[1][0] && y <= axes[1][axes[1].length - 1];
  if (panel.basins && state.basins) {
    for (const [colour, wide] of [["black", 3], ["white", 1.4]]) {
      pen.strokeStyle = colour; pen.lineWidth = wide; pen.beginPath();
      for (const [i0, j0, i1, j1] of borders(panel.basins.grid, shape)) { const a = place(along(axes[0], i0), along(axes[1], j0)), b = place(along(axes[0], i1), along(axes[1], j1)); pen.moveTo(a[0], a[1]); pen.lineTo(b[0], b[1]); }
      pen.stroke();
    }
    for (const [x, y] of panel.basins.saddles) { const p = place(x, y); for (const [colour, wide] of [["white", 4], ["#c00000", 2]]) { pen.strokeStyle = colour; pen.lineWidth = wide; pen.beginPath(); pen.moveTo(p[0] - 4, p[1] - 4); pen.lineTo(p[0] + 4, p[1] + 4); pen.moveTo(p[0] + 4, p[1] - 4); pen.lineTo(p[0] - 4, p[1] + 4); pen.stroke(); } }
    for (const [x, y] of panel.basins.minima) dot(pen, place(x, y), "black", "white", 3.5);
  }
  for (const path of panel.paths || []) {
    const known = path.at.slice(0, state.step + 1).filter(p => p.every(isFinite) && inside(p[0], p[1]));
    for (const [colour, wide] of [["black", 4], [path.color || "white", 2]]) {
      pen.strokeStyle = colour; pen.lineWidth = wide; pen.beginPath();
      known.forEach((p, i) => { const q = place(p[0], p[1]); if (i) pen.lineTo(q[0], q[1]); else pen.moveTo(q[0], q[1]); });
      pen.stroke();
    }
    if (known.length) dot(pen, place(...known[known.length - 1]), path.color || "#d55e00", "black", 4.5);
    if (path.words && state.step < path.words.length) one.told.textContent = (path.name ? path.name + ": " : "") + path.words[state.step];
  }
  if (inside(0, 0) && !(data.dimensions === 3 && state.slice !== data.middle)) dot(pen, place(0, 0), "white", "black", 5);
}

function drawScale(whole, right, level = null) {
  const { pen, height, range, ink } = whole, x = right + 10, top = 14, h = height - 60;
  for (let k = 0; k < 60; k++) { pen.fillStyle = "rgb(" + color((k + 0.5) / 60).join(",") + ")"; pen.fillRect(x, top + h * (59 - k) / 60, 12, h / 60 + 1); }
  pen.fillStyle = ink.text; pen.textAlign = "left"; pen.textBaseline = "middle";
  for (let k = 0; k <= 4; k++) pen.fillText(said(valueAt(k / 4, range), 2), x + 15, top + h * (1 - k / 4));
  if (level === null) return;
  const y = top + h * (1 - heightOf(level, range));
  pen.fillStyle = "#c00000"; pen.fillRect(x - 5, y - 1.5, 22, 3);
}

// Says what is under the pointer.
function read(one, x, y) {
  data.axes = one.panel.axes;
  const quantity = current(one), axes = data.axes.map(axis => axis.values), shape = axes.map(axis => axis.length);
  let index = null;
  if (state.mode === "contour" || state.mode === "slice") {
    if (!one.inverse) return;
    const [a, b] = one.inverse(x, y);
    if (a < axes[0][0] || a > axes[0][shape[0] - 1] || b < axes[1][0] || b > axes[1][shape[1] - 1]) return;
    index = nearest(axes[0], a) * shape[1] + nearest(axes[1], b);
    if (data.dimensions === 3) index = index * shape[2] + state.slice;
  } else index = pick(one.hits, x, y, state.mode === "curve");
  if (index === null) return;
  one.told.textContent = sentence(index, quantity, data.axes);
}

// The index of what is drawn nearest to a place, of near ones the frontmost; of a curve the nearest along x.
function pick(hits, x, y, curve) {
  let best = null, least = Infinity;
  for (const [px, py, near, index] of hits) {
    const away = curve ? Math.abs(px - x) : Math.hypot(px - x, py - y) - 6 * near;
    if (away < least && (curve || Math.hypot(px - x, py - y) < 24)) { least = away; best = index; }
  }
  return best;
}

// Coordinates, value and error of one point.
function sentence(index, quantity, axes) {
  const parts = [];
  let rest = index;
  for (let k = axes.length - 1; k >= 0; k--) { const n = axes[k].values.length; parts.unshift(axes[k].name + " = " + said(axes[k].values[rest % n])); rest = Math.floor(rest / n); }
  const doubt = quantity.doubt ? " ± " + said(quantity.doubt[index], 2) : "";
  return parts.join(", ") + ": " + quantity.label + " " + said(quantity.grid[index], 5) + doubt;
}

if (typeof document !== "undefined") start();
