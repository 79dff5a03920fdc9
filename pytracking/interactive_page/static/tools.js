// From the pointer, touch or keys to prompts, and to a view that moves. Knows nothing of the server.

import { clampLens } from "./view.js";

const LEAST_STEP = 0.003; // of the frame: shorter moves add no point
const LEAST_BOX = 2; // pixels

// ``page``: what the tools need: video(), tool(), object(), radius(), isBusy(), lens, draw(), send(prompt).
export class Tools {
  constructor(canvas, page) {
    this.canvas = canvas;
    this.page = page;
    this.stroke = null; // of a line, brush, eraser or box, while it is drawn
    this.crosshair = null;
    this.pointers = new Map();
    canvas.onpointerdown = (event) => this.down(event);
    canvas.onpointermove = (event) => this.move(event);
    canvas.onpointerup = canvas.onpointercancel = (event) => this.up(event);
    canvas.onwheel = (event) => this.wheel(event);
    canvas.oncontextmenu = (event) => event.preventDefault();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  // Fractions of the frame, at the edge where the pointer has left it.
  point(event) {
    const { lens } = this.page;
    const [x, y] = this.place(event);
    const within = (value) => Math.min(Math.max(value, 0), 1);
    return [within(lens.left + x / lens.scale), within(lens.top + y / lens.scale)];
  }

  down(event) {
    if (!this.page.video()) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.place(event));
    if (this.pointers.size === 2) { // a second finger moves and zooms
      this.stroke = null;
      this.page.draw();
      return;
    }
    this.isMoving = event.button === 1 || this.page.tool() === "pan";
    if (this.isMoving || this.page.isBusy()) return;
    this.begin(this.point(event), event.button === 2 || event.shiftKey);
  }

  begin(point, isOther) {
    const tool = this.page.tool();
    if (tool === "positive" || tool === "negative") {
      this.click(point, (tool === "positive") !== isOther);
    } else if (tool !== "pan") {
      this.stroke = { tool, object_id: this.page.object(), path: [point], radius: this.page.radius(), erase: tool === "eraser" };
      this.page.draw();
    }
  }

  pixel([x, y]) {
    const { width, height } = this.page.video();
    return [Math.min(Math.floor(x * width), width - 1), Math.min(Math.floor(y * height), height - 1)];
  }

  click(point, isPositive) {
    this.page.send({ object_id: this.page.object(), points: [[...this.pixel(point), Number(isPositive)]] });
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    if (this.pointers.size === 2) {
      this.pinch(event);
    } else if (this.isMoving) {
      const [x, y] = this.place(event);
      const { lens } = this.page;
      lens.left -= (x - before[0]) / lens.scale;
      lens.top -= (y - before[1]) / lens.scale;
      clampLens(lens);
      this.page.draw();
    } else if (this.stroke) {
      for (const step of event.getCoalescedEvents?.() ?? [event]) this.extend(this.point(step));
      this.page.draw();
    }
    this.pointers.set(event.pointerId, this.place(event));
  }

  extend([x, y]) {
    const { path, tool } = this.stroke;
    const [lastX, lastY] = path[path.length - 1];
    if (tool === "box") path[1] = [x, y];
    else if (Math.hypot(x - lastX, y - lastY) > LEAST_STEP) path.push([x, y]);
  }

  pinch(event) {
    const [id, other] = [...this.pointers].find(([key]) => key !== event.pointerId);
    const old = this.pointers.get(event.pointerId);
    const now = this.place(event);
    const spread = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
    const centre = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
    if (id !== undefined && spread(old, other) > 0.01) this.zoom(spread(now, other) / spread(old, other), centre);
    const { lens } = this.page;
    lens.left -= (now[0] - old[0]) / 2 / lens.scale;
    lens.top -= (now[1] - old[1]) / 2 / lens.scale;
    clampLens(lens);
    this.page.draw();
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    this.isMoving = false;
    this.finish();
  }

  finish() {
    const { stroke } = this;
    this.stroke = null;
    if (!stroke) return;
    const { object_id, path, radius, erase } = stroke;
    if (stroke.tool === "line") this.page.send({ object_id, lines: [{ object_id, path }] });
    else if (stroke.tool === "box") this.sendBox(stroke);
    else this.page.send({ object_id, brush: { path, radius, erase } });
    this.page.draw();
  }

  boxOf({ path }) {
    const [[x0, y0], [x1, y1]] = [this.pixel(path[0]), this.pixel(path[path.length - 1])];
    return [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)];
  }

  sendBox(stroke) {
    const box = this.boxOf(stroke);
    if (box[2] >= LEAST_BOX && box[3] >= LEAST_BOX) this.page.send({ object_id: stroke.object_id, box });
  }

  wheel(event) {
    if (!this.page.video()) return;
    event.preventDefault();
    this.zoom(Math.exp(-event.deltaY / 400), this.place(event));
  }

  zoom(factor, centre = [0.5, 0.5]) {
    const { lens } = this.page;
    const before = lens.scale;
    lens.scale = Math.min(Math.max(lens.scale * factor, 1), 16);
    lens.left += centre[0] * (1 / before - 1 / lens.scale);
    lens.top += centre[1] * (1 / before - 1 / lens.scale);
    clampLens(lens);
    this.page.draw();
  }

  // Alt and arrows move a crosshair, and ``press`` does with it what the pointer would do.
  steer(dx, dy) {
    const [x, y] = this.crosshair ?? [0.5, 0.5];
    const within = (value) => Math.min(Math.max(value, 0), 1);
    this.crosshair = [within(x + dx), within(y + dy)];
    if (this.stroke) this.extend(this.crosshair);
    this.page.draw();
  }

  press(isOther) {
    if (!this.page.video() || this.page.isBusy()) return;
    this.crosshair ??= [0.5, 0.5];
    if (this.stroke) this.finish();
    else this.begin(this.crosshair, isOther);
    this.page.draw();
  }
}
