// The page: what the person does, what the server knows, and what is shown of both.

import { listen } from "./keys.js";
import { ObjectList, nameOf } from "./objects.js";
import { $, SESSION_TOOLS, canRun, canUndo, showFormats, showPanels, toast } from "./panels.js";
import { Pictures } from "./pictures.js";
import { call } from "./server.js";
import { Tools } from "./tools.js";
import { PAGE, clampLens, drawCrosshair, drawFrame, drawPrompts, drawStrip, drawStroke, fit, pageOf } from "./view.js";
import { Work } from "./work.js";

const canvas = $("canvas");
const IDLE_POLL_MS = 3000;
const MAX_RADIUS = 60;

let state = {
  video: null, rounds: [], prompts: [], objects: [], quality: null, recommended: null,
  colours: [[0, 0, 0], [0, 0, 0]], busy: "", version: -1,
};
let frame = 0;
let object = 1;
let shownObjects = 1;
let tool = "line";
let end = null; // marked last frame of the next pass
let player = null;
let size = { width: 1, height: 1 };
const done = new Set(); // frames that the running pass has reached
const fresh = new Map(); // how often the mask of a frame has changed during it
const hidden = new Set();
const lens = { scale: 1, left: 0, top: 0 };
const pictures = new Pictures(() => draw());

const tools = new Tools(canvas, {
  lens,
  video: () => state.video,
  tool: () => tool,
  object: () => object,
  radius: () => Number($("radius").value),
  isBusy: () => work.isBusy,
  draw: () => draw(),
  send: (prompt) => send(prompt),
});

const work = new Work(
  { area: $("stage"), box: $("working"), text: $("working-text"), bar: $("bar"), cancel: $("cancel") },
  { changed: () => refresh(), fail, reached },
);

function view() {
  return { state, frame, tool, end, work };
}

function fail(error) {
  toast(error.message, !error.isCancelled);
}

function adopt(record) {
  const isOther = record.video?.serial !== state.video?.serial;
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
}

// Asks the server, and shows the state that it answers.
async function take(path, body) {
  const record = await call(path, body);
  adopt(record);
  return record;
}

// The same for what is to change: where the server refuses, the page shows what is there.
async function change(path, record) {
  try {
    return await take(path, JSON.stringify(record));
  } catch (error) {
    await take("api/state");
    throw error;
  }
}

const framePath = (index) => `frames/${index}.jpg?video=${state.video.serial}`;
const maskPath = (index, before) => `masks/${index}.png?v=${state.version}.${fresh.get(index) ?? 0}`
  + `&hide=${[...hidden].join(",")}${before ? "&before=1" : ""}`;
const hasMask = (index) => state.quality?.[index] != null || fresh.has(index)
  || state.prompts.some((own) => own.frame === index);

function maskPicture() {
  if (!hasMask(frame) || !$("show-masks").checked) return null;
  return pictures.latest(maskPath(frame, false), `${state.video.serial}.${frame}.${[...hidden]}`);
}

function draw() {
  if (!state.video) return;
  const box = $("stage").getBoundingClientRect();
  size = fit(state.video, { width: box.width - 28, height: box.height - 28 });
  const isCompared = $("compare").checked && state.rounds.length;
  const old = isCompared ? pictures.get(maskPath(frame, true)) : undefined;
  const context = drawFrame(canvas, size, lens, pictures.get(framePath(frame)), maskPicture(), old, $("opacity").value / 100);
  if ($("show-lines").checked) drawPrompts(context, size, lens, state, frame, hidden);
  if (tools.stroke) drawStroke(context, size, lens, state, tools.stroke, tools.boxOf(tools.stroke));
  if (tools.crosshair) drawCrosshair(context, size, lens, tools.crosshair);
  for (const near of [frame + 1, frame + 2, frame - 1]) {
    if (near >= 0 && near < state.video.frames) pictures.get(framePath(near));
  }
  $("zoom-fit").textContent = `${Math.round(100 * lens.scale)} %`;
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

function refresh() {
  showPanels(view());
  objects.show(state, { current: object, count: shownObjects, hidden });
  $("add-object").disabled = shownObjects >= (state.maxObjects || 1);
  draw();
  drawTimeline();
}

function choose(id) {
  object = id;
  shownObjects = Math.max(shownObjects, id);
  refresh();
}

function chooseTool(name) {
  if (!state.isSession && SESSION_TOOLS.includes(name)) return;
  tool = name;
  refresh();
}

function go(index) {
  if (!state.video) return;
  frame = Math.min(Math.max(index, 0), state.video.frames - 1);
  refresh();
}

// Masks that a pass has reached are shown while it runs.
function reached(frames) {
  for (const index of frames) {
    done.add(index);
    fresh.set(index, (fresh.get(index) ?? 0) + 1);
  }
  draw();
  drawTimeline();
}

// The server refuses what was meant for a video that is not open any more.
const forVideo = (path) => `${path}?video=${state.video.serial}`;

function send(prompt) {
  const path = forVideo("api/prompt");
  const wanted = { frame, prompts: [prompt] };
  if (player) play();
  return work.step("Drawing…", () => change(path, wanted));
}

function cancel() {
  $("cancel").disabled = true;
  return call("api/cancel", "").catch(fail);
}

async function propagate(direction = "both") {
  if (!canRun(view())) return;
  const isRange = direction !== "both" && end !== null;
  const path = forVideo("api/propagate");
  const wanted = { frame, lines: [], direction, ...(isRange && { end }) };
  if (await work.run("Segmenting", () => change(path, wanted), true)) markEnd(null);
}

async function undo() {
  if (!canUndo(view())) return;
  const path = forVideo("api/undo");
  await work.step("Undoing…", () => change(path, {}));
}

async function find(text) {
  if (work.isBusy) return;
  const path = forVideo("api/find");
  if (!await work.run("Searching the video…", () => change(path, { text }))) return;
  if ($("find-text").value.trim() === text) $("find-text").value = "";
  go(state.recommended);
}

const objects = new ObjectList($("objects"), {
  choose,
  hide,
  style,
  remove,
});

function hide(id) {
  if (!hidden.delete(id)) hidden.add(id);
  refresh();
}

// Seen at once, also while the server is at something else.
function style(id, wanted) {
  const path = forVideo("api/style");
  const known = state.objects.find((own) => own.id === id);
  if (known && wanted.name) known.name = wanted.name;
  if (wanted.colour) state.colours[id] = wanted.colour;
  return work.step("Saving…", () => change(path, { object_id: id, ...wanted }));
}

async function remove(id) {
  if (!state.video || work.isBusy) return;
  const path = forVideo("api/remove");
  await work.step("Removing…", () => change(path, { object_id: id }));
}

function openExport() {
  if ($("export").disabled) return;
  showFormats(state.formats ?? []);
  $("export-dialog").showModal();
}

async function exportAll() {
  const formats = [...$("formats").querySelectorAll(":checked")].map((box) => box.value);
  const path = forVideo("api/export");
  const record = await work.run("Writing masks and video…", () => change(path, { formats }));
  if (!record) return;
  toast(`Saved in ${record.exported}`, false, [["overlay.mp4", "exports/overlay.mp4"], ["masks.zip", "exports/masks.zip"]]);
}

async function openVideo(file) {
  if (!file || work.isBusy) return;
  await work.run("Reading the video…", () => take(`api/video?name=${encodeURIComponent(file.name)}`, file));
}

function play() {
  if (player) {
    clearInterval(player);
    player = null;
  } else if (state.video) {
    player = setInterval(() => go((frame + 1) % state.video.frames), 1000 / Math.min(state.video.fps, 25));
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

function markEnd(index) {
  end = index;
  refresh();
}

const toggleEnd = () => markEnd(end === frame ? null : frame);

function seek(event) {
  const box = $("timeline").getBoundingClientRect();
  const { first, count } = pageOf(state.video, frame);
  const place = Math.floor(((event.clientX - box.left) / box.width) * count);
  go(first + Math.min(Math.max(place, 0), count - 1));
}

$("timeline").onpointerdown = (event) => {
  if (!state.video) return;
  $("timeline").setPointerCapture(event.pointerId);
  seek(event);
};
$("timeline").onpointermove = (event) => { if (event.buttons === 1 && state.video) seek(event); };

$("propagate").onclick = () => propagate();
$("forward").onclick = () => propagate("forward");
$("backward").onclick = () => propagate("backward");
$("mark").onclick = toggleEnd;
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
$("page-back").onclick = () => go(pageOf(state.video, frame).first - PAGE);
$("page-on").onclick = () => go(pageOf(state.video, frame).first + PAGE);
$("find").onsubmit = (event) => {
  event.preventDefault();
  if ($("find-text").value.trim()) find($("find-text").value.trim());
};
$("find-all").onclick = () => find("");
$("file").onchange = (event) => { openVideo(event.target.files[0]); event.target.value = ""; };
for (const button of $("tools").children) button.onclick = () => chooseTool(button.dataset.tool);
for (const id of ["show-masks", "show-lines", "opacity", "compare"]) $(id).oninput = draw;

function resize(step) {
  $("radius").value = Math.min(Math.max(Number($("radius").value) + step, 1), MAX_RADIUS);
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
  Escape: () => { if (work.isBusy) cancel(); },
  Delete: () => { if (object && state.isSession) remove(object); },
  F2: () => objects.rename(object),
  n: () => { if (state.recommended !== null) go(state.recommended); },
  m: () => { $("show-masks").click(); },
  c: () => { $("compare").click(); },
  v: () => { if (object) hide(object); },
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
  l: toggleEnd,
};

listen({
  actions: KEYS,
  steer: (dx, dy) => { if (state.video) tools.steer(dx, dy); },
  undo,
  choose: (id) => { if (id <= shownObjects) choose(id); },
  isModal: () => $("export-dialog").open,
});

document.ondragover = (event) => { event.preventDefault(); $("drop").hidden = false; };
document.ondragleave = (event) => { if (!event.relatedTarget) $("drop").hidden = true; };
document.ondrop = (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  openVideo(event.dataTransfer.files[0]);
};
window.onresize = refresh;

async function keepUp() {
  while (true) {
    await new Promise((wait) => setTimeout(wait, IDLE_POLL_MS));
    if (!work.isIdle || document.hidden) continue;
    const record = await work.peek("api/progress");
    if (record?.busy) await work.watch(record.busy, () => take("api/state"));
    else if (record && record.version !== state.version) await catchUp();
  }
}

async function catchUp() {
  const record = await work.peek("api/state");
  if (record) adopt(record);
}

const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
await work.run("Loading…", () => take("api/state"));
if (state.busy) await work.watch(state.busy, () => take("api/state"));
if (state.recommended !== null) go(state.recommended);
document.body.dataset.ready = "true";
document.title = state.video ? `${state.video.name} – ${nameOf(state, object)}` : document.title;
keepUp();
