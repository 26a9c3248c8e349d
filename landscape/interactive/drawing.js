// The pictures.
function current(one) { return one.panel.quantities[Math.min(state.quantity, one.panel.quantities.length - 1)]; }

function scaleOf(quantity) {
  return rangeOf(quantity.low, quantity.high, quantity.floor, state.log, state.clip);
}

function inks() {
  const dark = !paper && matchMedia("(prefers-color-scheme: dark)").matches;
  return { text: paper ? "#000" : getComputedStyle(document.body).color, curve: dark ? "#56b4e9" : "#0072b2" };
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
  one.scale.textContent = scaleWords(state.mode, quantity.label, state.log);
  if (quantity.empty) { area.pen.fillStyle = ink.text; area.pen.textAlign = "center"; area.pen.fillText("no finite value", right / 2, whole.height / 2); }
  else if (level !== null) drawScale({ ...whole, range: { ...range, high: quantity.high } }, right, level);
  else if (data.dimensions > 1) drawScale(whole, right);
}

function box(whole, x, y, z) {
  const size = 0.31 * Math.min(whole.width - 60, whole.height * 1.1) * state.zoom;
  const [right, up, near] = project(x, y, z, state);
  return [(whole.width - 60) / 2 + size * right, 0.48 * whole.height - size * up, near];
}

function unit(axis, value) { const low = axis[0], high = axis[axis.length - 1]; return high > low ? 2 * (value - low) / (high - low) - 1 : 0; }

function frame(whole, upright, name) {
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
  frame(whole);
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
  pen.strokeStyle = ink.curve; pen.lineWidth = 2; pen.beginPath();
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
  frame(whole, axes[2], data.axes[2].name);
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
