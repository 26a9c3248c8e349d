"use strict";
// The page of a surface: what is computed. These functions know no document, and are tested in an engine without one.

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

// What the height and the colours of a picture are.
function scaleWords(mode, label, log) {
  const what = { surface: "height and colours", curve: "height" }[mode] || "colours";
  return what + ": " + label + (log ? ", logarithmic" : "");
}
