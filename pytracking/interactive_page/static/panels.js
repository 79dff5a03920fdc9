// What the fixed parts of the page say. Every part stays in place: only its text and its state change.

import { PAGE, pageOf } from "./view.js";

export const $ = (id) => document.getElementById(id);
export const SESSION_TOOLS = ["box", "brush", "eraser"]; // a host takes lines and points only

const HINTS = {
  line: "Draw a line over the object",
  box: "Drag a box around the object",
  positive: "Click on the object",
  negative: "Click on what is not the object",
  brush: "Paint the object",
  eraser: "Wipe over what is not the object",
  pan: "Drag to move the picture; the wheel zooms",
};

const newPrompts = (state) => state.prompts.filter((own) => own.isNew);

export const canRun = ({ state, work }) => !work.isBusy
  && (work.steps.length > 0 || newPrompts(state).length > 0 || state.objects.length > 0);

export const canUndo = ({ state, work }) => !work.isBusy && Boolean(work.steps.length || state.undo);

// ``view``: state, frame, tool, end, work.
export function showPanels(view) {
  showVideo(view);
  showControls(view);
  showRecommended(view);
  showTools(view);
  showPages(view);
  showLegend(view);
  $("hint").textContent = hint(view);
}

function showVideo({ state, frame }) {
  const { video } = state;
  for (const part of [$("stage"), $("canvas")]) part.classList.toggle("empty", !video);
  $("open").classList.toggle("primary", !video);
  $("video-name").textContent = video ? video.name : "Segment a video";
  $("video-facts").textContent = video ? facts(video, state.host) : state.host || "";
  $("position").textContent = video ? `Frame ${frame + 1} / ${video.frames}` : "";
  $("play").disabled = !video;
  $("zoom").hidden = !video;
  $("timeline").setAttribute("aria-valuemax", video ? video.frames : 1);
  $("timeline").setAttribute("aria-valuenow", frame + 1);
}

function facts(video, host) {
  const kept = video.length && video.length > video.frames ? ` of ${video.length}` : "";
  return `${video.frames}${kept} frames · ${video.width} × ${video.height} · ${host}`;
}

function showControls(view) {
  const { state, end, work } = view;
  $("round").textContent = state.rounds.length ? `Round ${state.rounds.length}` : "";
  $("propagate").disabled = $("backward").disabled = $("forward").disabled = !canRun(view);
  $("range").hidden = !state.isSession;
  $("mark").textContent = end === null ? "Mark end" : `End: ${end + 1}`;
  $("mark").setAttribute("aria-pressed", String(end !== null));
  $("mark").disabled = !state.video;
  $("undo").disabled = !canUndo(view);
  $("undo").textContent = state.undo === "round" ? "Undo round" : "Undo";
  $("export").disabled = work.isBusy || !state.rounds.length;
  $("find").hidden = !state.video || !state.canFind;
  $("find-go").disabled = $("find-all").disabled = work.isBusy; // the sentence may be typed on
}

function showRecommended({ state, frame, work }) {
  const { recommended } = state;
  const isElsewhere = recommended !== null && recommended !== frame;
  const verb = state.rounds.length ? "Correct" : "Look at";
  const other = recommended === null ? "Next frame" : `${verb} frame ${recommended + 1} next`;
  $("recommended").disabled = work.isBusy || !isElsewhere;
  $("recommended").textContent = recommended === frame ? "This frame is next" : other;
  $("recommended").classList.toggle("wanted", isElsewhere && !newPrompts(state).length);
}

function showTools({ state, tool }) {
  $("canvas").dataset.tool = tool;
  for (const button of $("tools").children) {
    const name = button.dataset.tool;
    button.hidden = !state.isSession && SESSION_TOOLS.includes(name);
    button.setAttribute("aria-checked", String(name === tool));
  }
  $("radius-row").hidden = !["brush", "eraser"].includes(tool);
}

function showPages({ state, frame }) {
  const { first, count } = pageOf(state.video, frame);
  $("pages").hidden = !state.video || state.video.frames <= PAGE;
  $("page-text").textContent = `${first + 1} to ${first + count}`;
  $("page-back").disabled = first === 0;
  $("page-on").disabled = !state.video || first + count >= state.video.frames;
}

function showLegend({ state, frame }) {
  const rated = Boolean(state.quality);
  for (const part of document.querySelectorAll(".scale, .dots")) part.hidden = !rated;
  const name = state.qualityLabel || "";
  $("quality-label").textContent = rated
    ? name[0].toUpperCase() + name.slice(1)
    : "Quality of every frame appears here after the first round";
  $("summary").textContent = summary(state, frame);
}

function summary(state, frame) {
  const known = (state.quality ?? []).filter((value) => value !== null);
  if (!known.length) return "";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const here = state.quality[frame];
  const own = here === null ? "" : `this frame ${Math.round(100 * here)} · `;
  return `${own}mean ${Math.round(100 * mean)} · ${state.seconds.toFixed(1)} s`;
}

function hint({ state, frame, tool, work }) {
  if (!work.isIdle) return "";
  if (!state.video) return "Drop a video here, or open one";
  if (!state.prompts.length) return `${HINTS[tool]}, then press Propagate`;
  if (newPrompts(state).length || frame !== state.recommended || !state.rounds.length) return "";
  return "Correct what is wrong: missed parts with the object, extra parts with Background";
}

// The further formats to tick; what is ticked stays so.
export function showFormats(names) {
  const box = $("formats");
  if (box.dataset.names === names.join()) return;
  box.dataset.names = names.join();
  box.replaceChildren(...names.map((name) => {
    const label = document.createElement("label");
    const tick = document.createElement("input");
    tick.type = "checkbox";
    tick.value = name;
    label.append(tick, ` ${name}`);
    return label;
  }));
}

export function toast(text, isError, links = []) {
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
