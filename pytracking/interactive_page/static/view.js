// Drawing: the frame with masks and prompts, and the timeline. Knows nothing of the server.

const STOPS = [[217, 83, 74], [232, 161, 61], [217, 207, 106], [95, 183, 166], [47, 134, 193]];
const LOW = 0.4; // qualities below look the same: bad
export const PAGE = 300; // frames that the timeline shows together

export function qualityColour(quality) {
  const place = (Math.min(Math.max((quality - LOW) / (1 - LOW), 0), 1)) * (STOPS.length - 1);
  const index = Math.min(Math.floor(place), STOPS.length - 2);
  const share = place - index;
  const mixed = STOPS[index].map((low, i) => Math.round(low + share * (STOPS[index + 1][i] - low)));
  return `rgb(${mixed.join(" ")})`;
}

function objectColour(state, id) {
  return id === 0 ? "#ffffff" : `rgb(${state.colours[id].join(" ")})`;
}

// Sizes a canvas for sharp drawing; returns its context, scaled to CSS pixels.
function prepare(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

export function fit(video, box) {
  const scale = Math.min(box.width / video.width, box.height / video.height);
  return { width: Math.floor(video.width * scale), height: Math.floor(video.height * scale) };
}

// Where the frame lies on the canvas: scale 1 fits, left and top are fractions that are cut off.
export function clampLens(lens) {
  lens.scale = Math.min(Math.max(lens.scale, 1), 16);
  const most = 1 - 1 / lens.scale;
  lens.left = Math.min(Math.max(lens.left, 0), most);
  lens.top = Math.min(Math.max(lens.top, 0), most);
  return lens;
}

function place(size, lens) {
  return [
    -lens.left * lens.scale * size.width, -lens.top * lens.scale * size.height,
    size.width * lens.scale, size.height * lens.scale,
  ];
}

function toCanvas(size, lens, [x, y]) {
  return [(x - lens.left) * lens.scale * size.width, (y - lens.top) * lens.scale * size.height];
}

export function drawFrame(canvas, size, lens, picture, mask, old, opacity) {
  const context = prepare(canvas, size.width, size.height);
  context.imageSmoothingEnabled = lens.scale < 4;
  if (picture) context.drawImage(picture, ...place(size, lens));
  context.globalAlpha = opacity;
  if (old === undefined) {
    if (mask) context.drawImage(mask, ...place(size, lens));
  } else {
    const middle = size.width / 2;
    for (const [image, left] of [[old, 0], [mask, middle]]) {
      context.save();
      context.beginPath();
      context.rect(left, 0, middle, size.height);
      context.clip();
      if (image) context.drawImage(image, ...place(size, lens));
      context.restore();
    }
    context.globalAlpha = 1;
    drawSplit(context, size, middle);
  }
  context.globalAlpha = 1;
  return context;
}

function drawSplit(context, size, middle) {
  context.fillStyle = "#ffffff";
  context.fillRect(middle - 1, 0, 2, size.height);
  context.font = "600 12px system-ui, sans-serif";
  for (const [text, x] of [["before", middle - 62], ["after", middle + 12]]) {
    context.fillStyle = "rgb(20 22 26 / 80%)";
    context.fillRect(x - 6, 10, 58, 22);
    context.fillStyle = "#ffffff";
    context.fillText(text, x, 25);
  }
}

function drawLine(context, size, lens, line, colour, isOld) {
  context.lineCap = context.lineJoin = "round";
  context.setLineDash(line.object_id === 0 ? [2, 9] : []);
  const casing = isOld ? "rgb(255 255 255 / 90%)" : "rgb(0 0 0 / 65%)";
  for (const [width, style] of [[7, casing], [4, colour]]) {
    context.lineWidth = isOld ? width - 2 : width;
    context.strokeStyle = style;
    context.beginPath();
    line.path.forEach((point, index) => {
      const at = toCanvas(size, lens, point);
      if (index === 0) context.moveTo(...at);
      context.lineTo(...at);
    });
    context.stroke();
  }
  context.setLineDash([]);
}

function drawBrush(context, size, lens, video, stroke, colour) {
  context.lineCap = context.lineJoin = "round";
  context.lineWidth = 2 * stroke.radius * lens.scale * (size.width / video.width);
  context.strokeStyle = stroke.erase ? "rgb(0 0 0 / 45%)" : colour;
  context.globalAlpha = 0.7;
  context.beginPath();
  stroke.path.forEach((point, index) => {
    const at = toCanvas(size, lens, point);
    if (index === 0) context.moveTo(...at);
    context.lineTo(...at);
  });
  context.stroke();
  context.globalAlpha = 1;
}

function drawPoint(context, size, lens, video, [x, y, sign], colour) {
  const [left, top] = toCanvas(size, lens, [(x + 0.5) / video.width, (y + 0.5) / video.height]);
  context.beginPath();
  context.arc(left, top, 8, 0, 7);
  context.fillStyle = sign ? colour : "#ffffff";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = sign ? "#ffffff" : colour;
  context.stroke();
  context.strokeStyle = sign ? "#14161a" : "#c22f21";
  context.beginPath();
  context.moveTo(left - 4, top);
  context.lineTo(left + 4, top);
  if (sign) {
    context.moveTo(left, top - 4);
    context.lineTo(left, top + 4);
  }
  context.stroke();
}

function drawBox(context, size, lens, video, [x, y, width, height], colour) {
  const [left, top] = toCanvas(size, lens, [x / video.width, y / video.height]);
  const [right, bottom] = toCanvas(size, lens, [(x + width) / video.width, (y + height) / video.height]);
  for (const [thick, style] of [[4, "rgb(0 0 0 / 65%)"], [2, colour]]) {
    context.lineWidth = thick;
    context.strokeStyle = style;
    context.strokeRect(left, top, right - left, bottom - top);
  }
}

// All prompts of a frame, but those of hidden objects.
export function drawPrompts(context, size, lens, state, frame, hidden) {
  const own = state.prompts.find((entry) => entry.frame === frame);
  for (const prompt of own?.objects ?? []) {
    if (hidden.has(prompt.object_id)) continue;
    const colour = objectColour(state, prompt.object_id);
    for (const line of prompt.lines) drawLine(context, size, lens, line, objectColour(state, line.object_id), !own.isNew);
    if (prompt.box) drawBox(context, size, lens, state.video, prompt.box, colour);
    for (const point of prompt.points) drawPoint(context, size, lens, state.video, point, colour);
  }
}

// What is being drawn; ``box`` is its box.
export function drawStroke(context, size, lens, state, stroke, box) {
  const colour = objectColour(state, stroke.object_id);
  if (stroke.tool === "line") drawLine(context, size, lens, stroke, colour, false);
  else if (stroke.tool === "box") drawBox(context, size, lens, state.video, box, colour);
  else drawBrush(context, size, lens, state.video, stroke, colour);
}

export function drawCrosshair(context, size, lens, point) {
  const [x, y] = toCanvas(size, lens, point);
  for (const [thick, style] of [[4, "rgb(0 0 0 / 60%)"], [1.5, "#ffffff"]]) {
    context.lineWidth = thick;
    context.strokeStyle = style;
    context.beginPath();
    context.moveTo(x - 14, y);
    context.lineTo(x + 14, y);
    context.moveTo(x, y - 14);
    context.lineTo(x, y + 14);
    context.stroke();
  }
}

// The part of the video that the timeline shows: first frame and number of frames.
export function pageOf(video, frame) {
  const count = video ? video.frames : 1;
  const first = count <= PAGE ? 0 : Math.floor(frame / PAGE) * PAGE;
  return { first, count: Math.min(PAGE, count - first) };
}

// A canvas knows no variables: the page resolves them.
function resolveColours(canvas) {
  return ["empty", "fresh", "accent", "danger", "text"].map((name) => {
    canvas.style.color = `var(--${name})`;
    return getComputedStyle(canvas).color;
  });
}

export function drawStrip(canvas, state, frame, marks) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement;
  const tall = height - 14;
  const context = prepare(canvas, width, tall);
  const [empty, fresh, accent, danger, text] = resolveColours(canvas);
  const { first, count } = pageOf(state.video, frame);
  const cell = width / count;
  const gap = cell > 6 ? 1 : 0;
  const centre = (index) => (index - first + 0.5) * cell;
  const isShown = (index) => index >= first && index < first + count;
  for (let index = first; index < first + count; index += 1) {
    const known = state.quality?.[index];
    context.fillStyle = known == null ? empty : qualityColour(known);
    if (marks.done.has(index)) context.fillStyle = fresh;
    context.fillRect((index - first) * cell, 5, Math.max(cell - gap, 1), tall - 10);
  }
  for (const { frame: index, isNew } of state.prompts.filter((own) => isShown(own.frame))) {
    context.beginPath();
    context.arc(centre(index), tall / 2, 4, 0, 7);
    context.fillStyle = isNew ? accent : "#ffffff";
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = "#14161a";
    context.stroke();
  }
  if (marks.end !== null && isShown(marks.end)) {
    context.fillStyle = danger;
    context.fillRect(centre(marks.end) - 2, 0, 4, tall);
  }
  if (state.recommended !== null && isShown(state.recommended)) {
    context.lineWidth = 2.5;
    context.strokeStyle = accent;
    const wide = Math.max(cell, 8);
    context.strokeRect(centre(state.recommended) - wide / 2, 2, wide, tall - 4);
  }
  if (!state.video) return { cell, first };
  context.fillStyle = text;
  context.fillRect(centre(frame) - 1.5, 0, 3, tall);
  return { cell, first };
}
