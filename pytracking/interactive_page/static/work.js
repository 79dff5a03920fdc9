// What the person waits for: one long work at a time, or short steps that follow each other.

import { call, follow, inTurn } from "./server.js";

const QUIET_MS = 1000; // short steps that take less are not told
const TICK_MS = 200;

export class Work {
  // ``parts``: the elements area, box, text, bar and cancel; ``page``: changed(), fail(error), reached(frames).
  constructor(parts, page) {
    this.parts = parts;
    this.page = page;
    this.long = ""; // what nothing else may be begun beside
    this.steps = []; // what is on its way or waits for its turn
    this.calls = 0; // beginnings and ends so far
    this.progress = null;
    this.told = ""; // what the person reads, and since when
    this.since = 0;
    this.tick = 0;
  }

  get isBusy() { return Boolean(this.long); }

  get isIdle() { return !this.long && !this.steps.length; }

  // A short step: what the person does meanwhile is kept, and done after it.
  async step(what, ask) {
    this.steps.push(what);
    this.changed();
    try {
      await inTurn(() => this.attempt(ask));
    } finally {
      this.steps.shift();
      this.changed();
    }
  }

  // A long work, after the steps before it. ``isFollowed``: the server counts the frames of it.
  async run(what, ask, isFollowed = false) {
    this.long = what;
    this.parts.cancel.disabled = false;
    this.changed();
    let isOver = false;
    if (isFollowed) follow(() => isOver, (record) => this.show(record));
    try {
      return await inTurn(() => this.attempt(ask));
    } finally {
      isOver = true;
      this.long = "";
      this.progress = null;
      this.changed();
    }
  }

  async attempt(ask) {
    try {
      return await ask();
    } catch (error) {
      this.page.fail(error);
      return null;
    }
  }

  // Work that this page did not begin: of another tab, or from before it was loaded anew. ``ask`` comes after it.
  watch(what, ask) {
    let isOver = false;
    const show = (record) => {
      isOver = !record.busy;
      this.show(record);
    };
    return this.run(`Still ${what}`, () => follow(() => isOver, show).then(ask));
  }

  // What the server says while this page wants nothing of it; null where that has changed meanwhile.
  async peek(path) {
    const before = this.calls;
    const record = await call(path).catch(() => null);
    return this.isIdle && this.calls === before ? record : null;
  }

  changed() {
    this.calls += 1;
    const what = this.long || this.steps[0] || "";
    if (what !== this.told) this.since = performance.now();
    this.told = what;
    this.parts.area.setAttribute("aria-busy", String(!this.isIdle));
    this.tell();
    this.page.changed();
  }

  show(record) {
    this.progress = record.progress;
    if (this.progress?.frames.length) this.page.reached(this.progress.frames);
  }

  tell() {
    clearTimeout(this.tick);
    const { box, text, bar } = this.parts;
    const passed = performance.now() - this.since;
    box.hidden = !this.told || (!this.long && passed < QUIET_MS);
    bar.hidden = !this.progress;
    if (!this.told) return;
    text.textContent = this.progress ? progressText(this.told, this.progress) : timeText(this.told, passed);
    if (this.progress) bar.value = this.progress.done / this.progress.total;
    this.tick = setTimeout(() => this.tell(), TICK_MS);
  }
}

function timeText(what, passed) {
  const seconds = Math.round(passed / 1000);
  return seconds > 1 ? `${what} ${seconds} s` : what;
}

function progressText(what, { done, total, left }) {
  const rest = left === null ? "" : ` · ${Math.max(1, Math.round(left))} s left`;
  return `${what} ${done} / ${total}${rest}`;
}
