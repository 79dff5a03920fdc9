// Drawing: the frame with masks and scribbles, and the timeline. Knows nothing of the server.

const STOPS = [[217, 83, 74], [232, 161, 61], [217, 207, 106], [95, 183, 166], [47, 134, 193]];
const LOW = 0.4; // qualities below look the same: bad

export function qualityColour(quality) {
  const place = (Math.min(Math.max((quality - LOW) / (1 - LOW), 0), 1)) * (STOPS.length - 1);
  const index = Math.min(Math.floor(place), STOPS.length - 2);
  const share = place - index;
  const mixed = STOPS[index].map((low, i) => Math.round(low + share * (STOPS[index + 1][i] - low)));
  return `rgb(${mixed.join(" ")})`;
}

export function objectColour(state, id) {
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

export function fit(clip, box) {
  const scale = Math.min(box.width / clip.width, box.height / clip.height);
  return { width: Math.floor(clip.width * scale), height: Math.floor(clip.height * scale) };
}

export function drawFrame(canvas, size, picture, mask, opacity) {
  const context = prepare(canvas, size.width, size.height);
  if (picture) context.drawImage(picture, 0, 0, size.width, size.height);
  if (!mask) return context;
  context.globalAlpha = opacity;
  context.drawImage(mask, 0, 0, size.width, size.height);
  context.globalAlpha = 1;
  return context;
}

export function drawLine(context, size, line, colour, isOld) {
  context.lineCap = context.lineJoin = "round";
  context.setLineDash(line.object_id === 0 ? [2, 9] : []);
  const casing = isOld ? "rgb(255 255 255 / 90%)" : "rgb(0 0 0 / 65%)";
  for (const [width, style] of [[7, casing], [4, colour]]) {
    context.lineWidth = isOld ? width - 2 : width;
    context.strokeStyle = style;
    context.beginPath();
    line.path.forEach(([x, y], index) => {
      const point = [x * size.width, y * size.height];
      if (index === 0) context.moveTo(...point);
      context.lineTo(...point);
    });
    context.stroke();
  }
  context.setLineDash([]);
}

export function drawStrip(canvas, state, frame, pending) {
  const { clientWidth: width, clientHeight: height } = canvas.parentElement;
  const context = prepare(canvas, width, height - 14);
  const tall = height - 14;
  const count = state.clip ? state.clip.frames : 1;
  const cell = width / count;
  const gap = cell > 6 ? 1 : 0;
  for (let index = 0; index < count; index += 1) {
    context.fillStyle = state.quality ? qualityColour(state.quality[index]) : "#2c313a";
    context.fillRect(index * cell, 5, Math.max(cell - gap, 1), tall - 10);
  }
  const marked = new Set(state.rounds.map((round) => round.frame));
  for (const index of new Set([...marked, ...pending])) {
    context.beginPath();
    context.arc((index + 0.5) * cell, tall / 2, 4, 0, 7);
    context.fillStyle = marked.has(index) ? "#ffffff" : "#ffb02e";
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = "#14161a";
    context.stroke();
  }
  if (state.recommended !== null) {
    context.lineWidth = 2.5;
    context.strokeStyle = "#ffb02e";
    const wide = Math.max(cell, 8);
    context.strokeRect((state.recommended + 0.5) * cell - wide / 2, 2, wide, tall - 4);
  }
  if (!state.clip) return cell;
  context.fillStyle = "#ffffff";
  context.fillRect((frame + 0.5) * cell - 1.5, 0, 3, tall);
  return cell;
}
