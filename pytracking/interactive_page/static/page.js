// The page: what the person does, what the server knows, and what is shown of both.

import {
  PAGE, clampLens, drawBox, drawBrush, drawCrosshair, drawFrame, drawLine, drawPoint, drawStrip, fit, objectColour, pageOf,
} from "./view.js";
import { nameOf, rename, showObjects } from "./objects.js";
import { call, follow, inTurn } from "./server.js";
import { Tools } from "./tools.js";

const $ = (id) => document.getElementById(id);
const canvas = $("canvas");
const KEPT_PICTURES = 400;
const IDLE_POLL_MS = 3000;
const MAX_RADIUS = 60;

let state = {
  clip: null, rounds: [], prompts: [], objects: [], quality: null, recommended: null,
  colours: [[0, 0, 0]], busy: "", version: -1,
};
let frame = 0;
let object = 1;
let shownObjects = 1;
let tool = "line";
let end = null; // marked last frame of the next pass
let working = "";
let player = null;
let size = { width: 1, height: 1 };
let progress = null;
const done = new Set(); // frames that the running pass has reached
const fresh = new Map(); // how often the mask of a frame has changed during it
const hidden = new Set();
const lens = { scale: 1, left: 0, top: 0 };
const pictures = new Map();

const tools = new Tools(canvas, {
  lens,
  clip: () => state.clip,
  tool: () => tool,
  object: () => object,
  radius: () => Number($("radius").value),
  isBusy: () => Boolean(working) && working !== "Drawing…",
  draw: () => draw(),
  send: (prompt) => send(prompt),
});

async function ask(path, body, what) {
  if (what) setWorking(what);
  try {
    return await call(path, body);
  } catch (error) {
    toast(error.message, !error.isCancelled);
    return null;
  } finally {
    if (what) setWorking("");
  }
}

function adopt(record) {
  if (!record) return false;
  const isOther = record.clip?.serial !== state.clip?.serial;
  state = record;
  if (isOther) { // opened here or in another tab
    pictures.clear();
    hidden.clear();
    frame = 0;
    end = null;
    object = shownObjects = 1;
    Object.assign(lens, { scale: 1, left: 0, top: 0 });
  }
  done.clear();
  fresh.clear();
  shownObjects = Math.max(shownObjects, ...state.objects.map((own) => own.id));
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
const maskPath = (index, before) => `masks/${index}.png?v=${state.version}.${fresh.get(index) ?? 0}`
  + `&hide=${[...hidden].join(",")}${before ? "&before=1" : ""}`;
const hasMask = (index) => state.quality?.[index] != null || fresh.has(index)
  || state.prompts.some((own) => own.frame === index);
let lastMask = { path: "", image: null };

function maskPicture() {
  if (!hasMask(frame) || !$("show-masks").checked) return null;
  const image = picture(maskPath(frame, false));
  const key = `${state.clip.serial}.${frame}.${[...hidden]}`;
  if (image) lastMask = { key, image };
  return image ?? (lastMask.key === key ? lastMask.image : null); // no flicker while it is loaded
}

function draw() {
  if (!state.clip) return;
  const box = $("stage").getBoundingClientRect();
  size = fit(state.clip, { width: box.width - 28, height: box.height - 28 });
  const isCompared = $("compare").checked && state.rounds.length;
  const old = isCompared ? picture(maskPath(frame, true)) : undefined;
  const context = drawFrame(canvas, size, lens, picture(framePath(frame)), maskPicture(), old, $("opacity").value / 100);
  if ($("show-lines").checked) drawPrompts(context);
  drawStroke(context);
  if (tools.crosshair) drawCrosshair(context, size, lens, tools.crosshair);
  for (const near of [frame + 1, frame + 2, frame - 1]) {
    if (near >= 0 && near < state.clip.frames) picture(framePath(near));
  }
  $("zoom-fit").textContent = `${Math.round(100 * lens.scale)} %`;
}

function drawPrompts(context) {
  const { clip } = state;
  const own = state.prompts.find((entry) => entry.frame === frame);
  for (const prompt of own?.objects ?? []) {
    if (hidden.has(prompt.object_id)) continue;
    const colour = objectColour(state, prompt.object_id);
    for (const line of prompt.lines) drawLine(context, size, lens, line, objectColour(state, line.object_id), !own.isNew);
    if (prompt.box) drawBox(context, size, lens, clip, prompt.box, colour);
    for (const point of prompt.points) drawPoint(context, size, lens, clip, point, colour);
  }
}

function drawStroke(context) {
  const { stroke } = tools;
  if (!stroke) return;
  const colour = objectColour(state, stroke.object_id);
  if (stroke.tool === "line") drawLine(context, size, lens, stroke, colour, false);
  else if (stroke.tool === "box") drawBox(context, size, lens, state.clip, tools.boxOf(stroke), colour);
  else drawBrush(context, size, lens, state.clip, stroke, colour);
}

function drawTimeline() {
  const { cell, first } = drawStrip($("strip"), state, frame, { done, end });
  const flag = $("flag");
  const place = state.recommended === null ? -1 : state.recommended - first;
  flag.hidden = place < 0 || place >= PAGE;
  if (flag.hidden) return;
  const wide = $("timeline").clientWidth;
  const middle = (place + 0.5) * cell - flag.offsetWidth / 2;
  flag.style.left = `${Math.min(Math.max(middle, 0), wide - flag.offsetWidth)}px`;
}

const isBusy = () => Boolean(working);
const newPrompts = () => state.prompts.filter((own) => own.isNew);

function refresh() {
  const clip = state.clip;
  const canRun = !isBusy() && (newPrompts().length > 0 || state.objects.length > 0);
  $("stage").classList.toggle("empty", !clip);
  canvas.classList.toggle("empty", !clip);
  canvas.dataset.tool = tool;
  $("open").classList.toggle("primary", !clip);
  $("clip-name").textContent = clip ? clip.name : "Segment a video";
  $("clip-facts").textContent = clip ? facts(clip) : state.host || "";
  $("position").textContent = clip ? `Frame ${frame + 1} / ${clip.frames}` : "";
  $("round").textContent = state.rounds.length ? `Round ${state.rounds.length}` : "";
  $("propagate").disabled = !canRun;
  $("range").hidden = !state.isSession;
  $("backward").disabled = $("forward").disabled = !canRun;
  $("mark").textContent = end === null ? "Mark end" : `End: ${end + 1}`;
  $("mark").setAttribute("aria-pressed", String(end !== null));
  $("mark").disabled = !clip;
  $("undo").disabled = isBusy() || !state.undo;
  $("undo").textContent = state.undo === "round" ? "Undo round" : "Undo";
  $("export").disabled = isBusy() || !state.rounds.length;
  $("find").hidden = !clip || !state.canFind;
  for (const part of $("find").elements) part.disabled = isBusy();
  const isElsewhere = state.recommended !== null && state.recommended !== frame;
  $("recommended").disabled = isBusy() || !isElsewhere;
  $("recommended").textContent = recommendation();
  $("recommended").classList.toggle("wanted", isElsewhere && !newPrompts().length);
  $("play").disabled = !clip;
  $("zoom").hidden = !clip;
  $("timeline").setAttribute("aria-valuemax", clip ? clip.frames : 1);
  $("timeline").setAttribute("aria-valuenow", frame + 1);
  $("hint").textContent = hint();
  showTools();
  showPages();
  showLegend();
  showObjects($("objects"), state, { current: object, count: shownObjects, hidden }, acts);
  $("add-object").disabled = shownObjects >= (state.maxObjects || 1);
  draw();
  drawTimeline();
}

function showTools() {
  for (const button of $("tools").children) {
    const name = button.dataset.tool;
    button.hidden = !state.isSession && ["box", "brush", "eraser"].includes(name);
    button.setAttribute("aria-checked", String(name === tool));
  }
  $("radius-row").hidden = !["brush", "eraser"].includes(tool);
}

function showPages() {
  const { first, count } = pageOf(state.clip, frame);
  $("pages").hidden = !state.clip || state.clip.frames <= PAGE;
  $("page-text").textContent = `${first + 1} to ${first + count}`;
  $("page-back").disabled = first === 0;
  $("page-on").disabled = !state.clip || first + count >= state.clip.frames;
}

function recommendation() {
  if (state.recommended === null) return "Next frame";
  if (state.recommended === frame) return "This frame is next";
  return `${state.rounds.length ? "Correct" : "Look at"} frame ${state.recommended + 1} next`;
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
  const known = (state.quality ?? []).filter((value) => value !== null);
  if (!known.length) { $("summary").textContent = ""; return; }
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const here = state.quality[frame];
  const own = here === null ? "" : `this frame ${Math.round(100 * here)} · `;
  $("summary").textContent = `${own}mean ${Math.round(100 * mean)} · ${state.seconds.toFixed(1)} s`;
}

const HINTS = {
  line: "Draw a line over the object",
  box: "Drag a box around the object",
  positive: "Click on the object",
  negative: "Click on what is not the object",
  brush: "Paint the object",
  eraser: "Wipe over what is not the object",
  pan: "Drag to move the picture; the wheel zooms",
};

function hint() {
  if (isBusy()) return "";
  if (!state.clip) return "Drop a clip here, or open one";
  if (!state.prompts.length) return `${HINTS[tool]}, then press Propagate`;
  if (newPrompts().length || frame !== state.recommended || !state.rounds.length) return "";
  return "Correct what is wrong: missed parts with the object, extra parts with Background";
}

function choose(id) {
  object = id;
  shownObjects = Math.max(shownObjects, id);
  refresh();
}

function chooseTool(name) {
  if (!state.isSession && ["box", "brush", "eraser"].includes(name)) return;
  tool = name;
  refresh();
}

function go(index) {
  if (!state.clip) return;
  frame = Math.min(Math.max(index, 0), state.clip.frames - 1);
  refresh();
}

function setWorking(what) {
  working = what;
  progress = null;
  const started = performance.now();
  const tell = () => {
    if (working !== what) return;
    const seconds = Math.round((performance.now() - started) / 1000);
    $("working").hidden = what === "Drawing…" && seconds < 1;
    $("working-text").textContent = progress ? progressText(what) : (seconds > 1 ? `${what} ${seconds} s` : what);
    $("bar").hidden = !progress;
    if (progress) $("bar").value = progress.done / progress.total;
    setTimeout(tell, 200);
  };
  $("working").hidden = true;
  $("cancel").disabled = false;
  if (what) tell();
  refresh();
}

function progressText(what) {
  const left = progress.left === null ? "" : ` · ${Math.max(1, Math.round(progress.left))} s left`;
  return `${what} ${progress.done} / ${progress.total}${left}`;
}

// Masks that a pass has reached are shown while it runs.
function showProgress(record) {
  progress = record.progress;
  if (!progress?.frames.length) return;
  for (const index of progress.frames) {
    done.add(index);
    fresh.set(index, (fresh.get(index) ?? 0) + 1);
  }
  draw();
  drawTimeline();
}

// The server refuses what was meant for a clip that is not open any more.
const forClip = (path) => `${path}?clip=${state.clip.serial}`;

function send(prompt) {
  const body = JSON.stringify({ frame, prompts: [prompt] });
  if (player) play();
  return inTurn(async () => adopt(await ask(forClip("api/prompt"), body, "Drawing…")));
}

async function cancel() {
  $("cancel").disabled = true;
  await ask("api/cancel", "");
}

async function propagate(direction = "both") {
  if (isBusy() || $("propagate").disabled) return;
  const isRange = direction !== "both" && end !== null;
  const body = JSON.stringify({ frame, lines: [], direction, ...(isRange && { end }) });
  let isOver = false;
  const asked = ask(forClip("api/propagate"), body, "Segmenting").finally(() => { isOver = true; });
  follow(() => isOver, showProgress);
  const record = await asked;
  done.clear();
  if (record) end = null;
  if (!adopt(record)) adopt(await ask("api/state"));
}

async function undo() {
  if (!isBusy() && state.undo) adopt(await ask(forClip("api/undo"), "", "Undoing…"));
}

async function find(text) {
  if (isBusy()) return;
  const record = await ask(forClip("api/find"), JSON.stringify({ text }), "Searching the clip…");
  if (adopt(record)) {
    $("find-text").value = "";
    go(state.recommended);
  }
}

const acts = {
  choose,
  hide: (id) => {
    if (!hidden.delete(id)) hidden.add(id);
    refresh();
  },
  style: async (id, wanted) => adopt(await ask(forClip("api/style"), JSON.stringify({ object_id: id, ...wanted }), "Saving…")),
  remove: async (id) => {
    if (isBusy()) return;
    adopt(await ask(forClip("api/remove"), JSON.stringify({ object_id: id }), "Removing…"));
  },
};

function openExport() {
  if ($("export").disabled) return;
  const boxes = (state.formats ?? []).map((name) => {
    const label = document.createElement("label");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.value = name;
    label.append(box, ` ${name}`);
    return label;
  });
  $("formats").replaceChildren(...boxes);
  $("export-dialog").showModal();
}

async function exportAll() {
  const formats = [...$("formats").querySelectorAll(":checked")].map((box) => box.value);
  const record = await ask(forClip("api/export"), JSON.stringify({ formats }), "Writing masks and video…");
  if (!adopt(record)) return;
  toast(`Saved in ${record.exported}`, false, [["overlay.mp4", "exports/overlay.mp4"], ["masks.zip", "exports/masks.zip"]]);
}

async function openClip(file) {
  if (!file || isBusy()) return;
  adopt(await ask(`api/clip?name=${encodeURIComponent(file.name)}`, file, "Reading the clip…"));
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

function toggleTheme() {
  const root = document.documentElement;
  const chosen = root.dataset.theme;
  const isLight = chosen ? chosen === "light" : matchMedia("(prefers-color-scheme: light)").matches;
  root.dataset.theme = isLight ? "dark" : "light";
  localStorage.setItem("theme", root.dataset.theme);
  refresh();
}

function zoom(factor) {
  tools.zoom(factor);
  refresh();
}

function fitView() {
  clampLens(Object.assign(lens, { scale: 1 }));
  refresh();
}

function markEnd() {
  end = end === frame ? null : frame;
  refresh();
}

function seek(event) {
  const box = $("timeline").getBoundingClientRect();
  const { first, count } = pageOf(state.clip, frame);
  const place = Math.floor(((event.clientX - box.left) / box.width) * count);
  go(first + Math.min(Math.max(place, 0), count - 1));
}

$("timeline").onpointerdown = (event) => {
  if (!state.clip) return;
  $("timeline").setPointerCapture(event.pointerId);
  seek(event);
};
$("timeline").onpointermove = (event) => { if (event.buttons === 1 && state.clip) seek(event); };

$("propagate").onclick = () => propagate();
$("forward").onclick = () => propagate("forward");
$("backward").onclick = () => propagate("backward");
$("mark").onclick = markEnd;
$("cancel").onclick = cancel;
$("undo").onclick = undo;
$("export").onclick = openExport;
$("export-dialog").onclose = () => { if ($("export-dialog").returnValue === "export") exportAll(); };
$("recommended").onclick = () => go(state.recommended);
$("add-object").onclick = () => choose(shownObjects + 1);
$("play").onclick = play;
$("theme").onclick = toggleTheme;
$("zoom-in").onclick = () => zoom(1.5);
$("zoom-out").onclick = () => zoom(1 / 1.5);
$("zoom-fit").onclick = fitView;
$("page-back").onclick = () => go(pageOf(state.clip, frame).first - PAGE);
$("page-on").onclick = () => go(pageOf(state.clip, frame).first + PAGE);
$("find").onsubmit = (event) => {
  event.preventDefault();
  if ($("find-text").value.trim()) find($("find-text").value.trim());
};
$("find-all").onclick = () => find("");
$("file").onchange = (event) => { openClip(event.target.files[0]); event.target.value = ""; };
for (const button of $("tools").children) button.onclick = () => chooseTool(button.dataset.tool);
for (const id of ["show-masks", "show-lines", "opacity", "compare"]) $(id).oninput = draw;

function resize(step) {
  $("radius").value = Math.min(Math.max(Number($("radius").value) + step, 1), MAX_RADIUS);
}

function renameCurrent() {
  const button = document.querySelector(`#objects button[data-object="${object}"]`);
  if (object && button && state.objects.some((own) => own.id === object)) rename(button, state, object, acts);
}

const KEYS = {
  ArrowLeft: () => go(frame - 1),
  ArrowRight: () => go(frame + 1),
  PageUp: () => go(frame - PAGE),
  PageDown: () => go(frame + PAGE),
  Home: () => go(0),
  End: () => go(Infinity),
  " ": play,
  Enter: () => propagate(),
  ".": () => propagate("forward"),
  ",": () => propagate("backward"),
  Escape: () => { if (isBusy()) cancel(); },
  Delete: () => { if (object && state.isSession) acts.remove(object); },
  F2: renameCurrent,
  n: () => { if (state.recommended !== null) go(state.recommended); },
  m: () => { $("show-masks").click(); },
  c: () => { $("compare").click(); },
  v: () => { if (object) acts.hide(object); },
  t: toggleTheme,
  z: fitView,
  "+": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
  "[": () => resize(-2),
  "]": () => resize(2),
  k: () => tools.press(false),
  a: () => choose(Math.min(shownObjects + 1, state.maxObjects || 1)),
  d: () => chooseTool("line"),
  b: () => chooseTool("box"),
  p: () => chooseTool("positive"),
  x: () => chooseTool("negative"),
  r: () => chooseTool("brush"),
  e: () => chooseTool("eraser"),
  h: () => chooseTool("pan"),
  l: markEnd,
};

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

document.onkeydown = (event) => {
  if (event.target.matches("input[type=text]") || $("export-dialog").open) return;
  const isTyping = event.target.matches("input, summary, button") && [" ", "Enter"].includes(event.key);
  if (event.metaKey || isTyping) return;
  if (event.altKey) {
    if (!STEPS[event.key] || !state.clip) return;
    event.preventDefault();
    const step = event.shiftKey ? 0.004 : 0.02;
    tools.steer(...STEPS[event.key].map((sign) => sign * step));
    return;
  }
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

// The page was loaded anew during the work, or another tab works: show how far it is.
async function watch(busy) {
  let isOver = false;
  setWorking(`Still ${busy}`);
  await follow(() => isOver, (record) => {
    isOver = !record.busy;
    showProgress(record);
  });
  setWorking("");
  adopt(await ask("api/state"));
}

async function keepUp() {
  while (true) {
    await new Promise((wait) => setTimeout(wait, IDLE_POLL_MS));
    if (isBusy() || document.hidden) continue;
    const record = await call("api/progress").catch(() => null);
    if (!record || isBusy()) continue;
    if (record.busy) await watch(record.busy);
    else if (record.version !== state.version) adopt(await ask("api/state"));
  }
}

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
adopt(await ask("api/state"));
if (state.busy) await watch(state.busy);
if (state.recommended !== null) go(state.recommended);
document.body.dataset.ready = "true";
document.title = state.clip ? `${state.clip.name} – ${nameOf(state, object)}` : document.title;
keepUp();
