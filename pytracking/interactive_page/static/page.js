// The page: what the person does, what the server knows, and what is shown of both.

import { drawFrame, drawLine, drawStrip, fit, objectColour } from "./view.js";

const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const LEAST_STEP = 0.003; // of the frame: shorter moves add no point
const KEPT_PICTURES = 400;

let state = { clip: null, rounds: [], quality: null, recommended: null, colours: [[0, 0, 0]], busy: "" };
let frame = 0;
let object = 1;
let shownObjects = 1;
let pending = []; // strokes of this round, all on one frame
let stroke = null;
let working = "";
let player = null;
let version = 0; // of the masks
let size = { width: 1, height: 1 };
const pictures = new Map();

async function ask(path, body, what) {
  if (what) setWorking(what);
  try {
    const options = body === undefined ? {} : { method: "POST", body };
    const response = await fetch(path, options);
    const record = await response.json();
    if (record.cancelled) { toast(record.error, false); return null; }
    if (!response.ok) throw new Error(record.error || response.statusText);
    return record;
  } catch (error) {
    toast(error.message === "Failed to fetch" ? "The program has ended: start it again." : error.message, true);
    return null;
  } finally {
    if (what) setWorking("");
  }
}

function adopt(record) {
  if (!record) return false;
  const isOther = record.clip?.serial !== state.clip?.serial;
  state = record;
  if (isOther) { // opened here or in another tab: lines for the clip before do not belong to it
    pictures.clear();
    pending = [];
    frame = 0;
    object = shownObjects = 1;
  }
  version += 1;
  for (const key of pictures.keys()) if (key.startsWith("masks")) pictures.delete(key);
  const drawn = state.rounds.flatMap((round) => round.lines.map((line) => line.object_id));
  shownObjects = Math.max(shownObjects, ...drawn);
  refresh();
  return true;
}

function picture(path) {
  if (!pictures.has(path)) {
    const image = new Image();
    image.onload = () => { image.isReady = true; draw(); };
    image.src = path;
    pictures.set(path, image);
    if (pictures.size > KEPT_PICTURES) pictures.delete(pictures.keys().next().value);
  }
  const found = pictures.get(path);
  return found.isReady ? found : null;
}

const framePath = (index) => `frames/${index}.jpg?clip=${state.clip.serial}`;
const maskPath = (index) => `masks/${index}.png?v=${version}`;

function draw() {
  if (!state.clip) return;
  const box = $("stage").getBoundingClientRect();
  size = fit(state.clip, { width: box.width - 28, height: box.height - 28 });
  const image = picture(framePath(frame));
  const mask = state.rounds.length && $("show-masks").checked ? picture(maskPath(frame)) : null;
  const context = drawFrame(canvas, size, image, mask, $("opacity").value / 100);
  if ($("show-lines").checked) {
    for (const round of state.rounds) {
      if (round.frame !== frame) continue;
      for (const line of round.lines) drawLine(context, size, line, objectColour(state, line.object_id), true);
    }
    const fresh = pending.filter((line) => line.frame === frame);
    for (const line of stroke ? [...fresh, stroke] : fresh) {
      drawLine(context, size, line, objectColour(state, line.object_id), false);
    }
  }
  for (const near of [frame + 1, frame + 2, frame - 1]) {
    if (near >= 0 && near < state.clip.frames) picture(framePath(near));
  }
}

function drawTimeline() {
  const cell = drawStrip($("strip"), state, frame, pending.map((line) => line.frame));
  const flag = $("flag");
  flag.hidden = state.recommended === null;
  if (flag.hidden) return;
  const wide = $("timeline").clientWidth;
  const middle = (state.recommended + 0.5) * cell - flag.offsetWidth / 2;
  flag.style.left = `${Math.min(Math.max(middle, 0), wide - flag.offsetWidth)}px`;
}

function refresh() {
  const clip = state.clip;
  $("stage").classList.toggle("empty", !clip);
  canvas.classList.toggle("empty", !clip);
  $("open").classList.toggle("primary", !clip);
  $("clip-name").textContent = clip ? clip.name : "Scribble to segment";
  $("clip-facts").textContent = clip ? facts(clip) : state.host || "";
  $("position").textContent = clip ? `Frame ${frame + 1} / ${clip.frames}` : "";
  $("round").textContent = state.rounds.length ? `Round ${state.rounds.length}` : "";
  $("propagate").disabled = Boolean(working) || !pending.length;
  $("propagate").textContent = pending.length > 1 ? `Propagate ${pending.length} scribbles` : "Propagate";
  $("undo").disabled = Boolean(working) || !(pending.length || state.rounds.length);
  $("undo").textContent = pending.length || !state.rounds.length ? "Undo" : "Undo round";
  $("export").disabled = Boolean(working) || !state.rounds.length;
  const isElsewhere = state.recommended !== null && state.recommended !== frame;
  $("recommended").disabled = Boolean(working) || !isElsewhere;
  $("recommended").textContent = recommendation();
  $("recommended").classList.toggle("wanted", isElsewhere && !pending.length);
  $("play").disabled = !clip;
  $("timeline").setAttribute("aria-valuemax", clip ? clip.frames : 1);
  $("timeline").setAttribute("aria-valuenow", frame + 1);
  showLegend();
  showObjects();
  $("hint").textContent = hint();
  draw();
  drawTimeline();
}

function recommendation() {
  if (state.recommended === null) return "Next frame";
  return state.recommended === frame ? "This frame is next" : `Correct frame ${state.recommended + 1} next`;
}

function facts(clip) {
  const kept = clip.length && clip.length > clip.frames ? ` of ${clip.length}` : "";
  return `${clip.frames}${kept} frames · ${clip.width} × ${clip.height} · ${state.host}`;
}

function showLegend() {
  const rated = Boolean(state.quality);
  for (const part of document.querySelectorAll(".scale, .dots")) part.hidden = !rated;
  const name = state.qualityLabel || "";
  $("quality-label").textContent = rated
    ? name[0].toUpperCase() + name.slice(1)
    : "Quality of every frame appears here after the first round";
  if (!rated) { $("summary").textContent = ""; return; }
  const mean = state.quality.reduce((sum, value) => sum + value, 0) / state.quality.length;
  const here = Math.round(100 * state.quality[frame]);
  $("summary").textContent =
    `this frame ${here} · mean ${Math.round(100 * mean)} · ${state.seconds.toFixed(1)} s`;
}

function showObjects() {
  const list = $("objects");
  list.replaceChildren();
  const ids = [...Array(shownObjects).keys()].map((index) => index + 1);
  for (const id of [...ids, 0]) {
    const button = document.createElement("button");
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(id === object));
    button.dataset.object = id;
    const swatch = document.createElement("span");
    swatch.className = id ? "swatch" : "swatch background";
    if (id) swatch.style.background = objectColour(state, id);
    const key = document.createElement("kbd");
    key.textContent = id < 10 ? id : "";
    button.append(swatch, id ? `Object ${id}` : "Background", key);
    button.onclick = () => choose(id);
    list.append(button);
  }
  $("add-object").disabled = shownObjects >= (state.maxObjects || 1);
}

function hint() {
  if (working) return "";
  if (!state.clip) return "Drop a clip here, or open one";
  if (pending.length) return "";
  if (!state.rounds.length) return "Draw a line over each object, then press Propagate";
  if (frame === state.recommended) return "Draw over what is wrong: missed parts with the object, extra parts with Background";
  return "";
}

function choose(id) {
  object = id;
  shownObjects = Math.max(shownObjects, id);
  refresh();
}

function go(index) {
  if (!state.clip) return;
  frame = Math.min(Math.max(index, 0), state.clip.frames - 1);
  refresh();
}

function setWorking(what) {
  working = what;
  const started = performance.now();
  $("working").hidden = !what;
  $("cancel").disabled = false;
  const tell = () => {
    if (working !== what) return;
    const seconds = Math.round((performance.now() - started) / 1000);
    $("working-text").textContent = seconds > 1 ? `${what} ${seconds} s` : what;
    setTimeout(tell, 500);
  };
  if (what) tell();
  refresh();
}

// The server refuses what was meant for a clip that is not open any more.
const forClip = (path) => `${path}?clip=${state.clip.serial}`;

async function cancel() {
  $("cancel").disabled = true;
  await ask("api/cancel", "");
}

async function propagate() {
  if (!pending.length || working) return;
  const place = pending[0].frame;
  const lines = pending.map(({ object_id, path }) => ({ object_id, path }));
  const body = JSON.stringify({ frame: place, lines });
  const record = await ask(forClip("api/propagate"), body, "Segmenting all frames…");
  if (record) pending = [];
  adopt(record);
}

async function undo() {
  if (working) return;
  if (pending.length) {
    pending.pop();
    refresh();
  } else if (state.rounds.length) {
    adopt(await ask(forClip("api/undo"), "", "Undoing…"));
  }
}

async function exportAll() {
  const record = await ask(forClip("api/export"), "", "Writing masks and video…");
  if (!adopt(record)) return;
  toast(`Saved in ${record.exported}`, false, [["overlay.mp4", "exports/overlay.mp4"], ["masks.zip", "exports/masks.zip"]]);
}

async function openClip(file) {
  if (!file || working) return;
  const path = `api/clip?name=${encodeURIComponent(file.name)}`;
  const record = await ask(path, file, "Reading the clip…");
  adopt(record);
}

function toast(text, isError, links = []) {
  const box = $("toast");
  box.replaceChildren(text);
  for (const [name, path] of links) {
    const link = document.createElement("a");
    link.textContent = name;
    link.href = path;
    box.append(link);
  }
  box.className = isError ? "error" : "";
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { box.hidden = true; }, links.length ? 20000 : 7000);
}

function play() {
  if (player) {
    clearInterval(player);
    player = null;
  } else if (state.clip) {
    player = setInterval(() => go((frame + 1) % state.clip.frames), 1000 / Math.min(state.clip.fps, 25));
  }
  $("play").textContent = player ? "❚❚" : "▶";
  $("play").setAttribute("aria-label", player ? "Pause" : "Play");
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  const within = (value) => Math.min(Math.max(value, 0), 1);
  return [within((event.clientX - box.left) / box.width), within((event.clientY - box.top) / box.height)];
}

canvas.onpointerdown = (event) => {
  if (event.button !== 0 || working || !state.clip) return;
  if (player) play();
  if (pending.length && pending[0].frame !== frame) {
    toast(`The scribbles on frame ${pending[0].frame + 1} are waiting: propagate or undo them first.`, true);
    return;
  }
  canvas.setPointerCapture(event.pointerId);
  stroke = { object_id: object, path: [point(event)], frame };
  draw();
};

canvas.onpointermove = (event) => {
  if (!stroke) return;
  for (const step of event.getCoalescedEvents?.() ?? [event]) {
    const [x, y] = point(step);
    const [lastX, lastY] = stroke.path[stroke.path.length - 1];
    if (Math.hypot(x - lastX, y - lastY) > LEAST_STEP) stroke.path.push([x, y]);
  }
  draw();
};

canvas.onpointerup = canvas.onpointercancel = () => {
  if (!stroke) return;
  pending.push(stroke);
  stroke = null;
  refresh();
};

function seek(event) {
  const box = $("timeline").getBoundingClientRect();
  go(Math.floor(((event.clientX - box.left) / box.width) * state.clip.frames));
}

$("timeline").onpointerdown = (event) => {
  if (!state.clip) return;
  $("timeline").setPointerCapture(event.pointerId);
  seek(event);
};
$("timeline").onpointermove = (event) => { if (event.buttons === 1 && state.clip) seek(event); };

$("propagate").onclick = propagate;
$("cancel").onclick = cancel;
$("undo").onclick = undo;
$("export").onclick = exportAll;
$("recommended").onclick = () => go(state.recommended);
$("add-object").onclick = () => choose(shownObjects + 1);
$("play").onclick = play;
$("file").onchange = (event) => { openClip(event.target.files[0]); event.target.value = ""; };
for (const id of ["show-masks", "show-lines", "opacity"]) $(id).oninput = draw;

const KEYS = {
  ArrowLeft: () => go(frame - 1),
  ArrowRight: () => go(frame + 1),
  Home: () => go(0),
  End: () => go(Infinity),
  " ": play,
  Enter: propagate,
  Escape: () => { if (working) cancel(); },
  n: () => { if (state.recommended !== null) go(state.recommended); },
  m: () => { $("show-masks").click(); },
};

document.onkeydown = (event) => {
  const isTyping = event.target.matches("input, summary, button") && [" ", "Enter"].includes(event.key);
  if (event.altKey || event.metaKey || isTyping) return;
  if (event.ctrlKey) {
    if (event.key === "z") { event.preventDefault(); undo(); }
    return;
  }
  if (/^[0-9]$/.test(event.key) && Number(event.key) <= shownObjects) { choose(Number(event.key)); return; }
  const action = KEYS[event.key] || KEYS[event.key.toLowerCase()];
  if (!action || event.target.matches("input[type=range]")) return;
  event.preventDefault();
  action();
};

document.ondragover = (event) => { event.preventDefault(); $("drop").hidden = false; };
document.ondragleave = (event) => { if (!event.relatedTarget) $("drop").hidden = true; };
document.ondrop = (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  openClip(event.dataTransfer.files[0]);
};
window.onresize = refresh;

adopt(await ask("api/state"));
while (state.busy) { // the page was loaded anew during the work
  setWorking(`Still ${state.busy}…`);
  await new Promise((done) => setTimeout(done, 1000));
  if (!adopt(await ask("api/state"))) break;
}
setWorking("");
if (state.recommended !== null) go(state.recommended);
document.body.dataset.ready = "true";
