// The list of objects: choose, rename, colour, hide, remove.

const hex = (colour) => `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
const rgb = (text) => [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));

export function nameOf(state, id) {
  if (id === 0) return "Background";
  return state.objects.find((own) => own.id === id)?.name ?? `Object ${id}`;
}

// ``act``: choose(id), style(id, {name, colour}), hide(id), remove(id).
export function showObjects(list, state, { current, count, hidden }, act) {
  list.replaceChildren();
  const known = new Set(state.objects.map((own) => own.id));
  for (const id of [...Array(count).keys()].map((index) => index + 1).concat(0)) {
    const row = document.createElement("div");
    row.className = "object";
    row.classList.toggle("current", id === current);
    if (id) row.append(colourField(state, id, act));
    row.append(chooser(state, id, current, act));
    if (id && known.has(id)) {
      const isHidden = hidden.has(id);
      row.append(
        small(isHidden ? "○" : "●", `${isHidden ? "Show" : "Hide"} ${nameOf(state, id)}`, () => act.hide(id), "eye"),
      );
      if (state.isSession) row.append(small("✕", `Remove ${nameOf(state, id)}`, () => act.remove(id), "remove"));
    }
    list.append(row);
  }
}

function chooser(state, id, current, act) {
  const button = document.createElement("button");
  button.setAttribute("role", "radio");
  button.setAttribute("aria-checked", String(id === current));
  button.dataset.object = id;
  if (!id) {
    const swatch = document.createElement("span");
    swatch.className = "swatch background";
    button.append(swatch);
  }
  const name = document.createElement("span");
  name.textContent = nameOf(state, id);
  const key = document.createElement("kbd");
  key.textContent = id < 10 ? id : "";
  button.append(name, key);
  button.onclick = () => act.choose(id);
  button.ondblclick = () => { if (id) rename(button, state, id, act); };
  return button;
}

function colourField(state, id, act) {
  const field = document.createElement("input");
  field.type = "color";
  field.className = "colour";
  field.value = hex(state.colours[id]);
  field.setAttribute("aria-label", `Colour of ${nameOf(state, id)}`);
  field.onchange = () => act.style(id, { colour: rgb(field.value) });
  return field;
}

function small(text, label, onclick, kind) {
  const button = document.createElement("button");
  button.className = `quiet icon ${kind}`;
  button.textContent = text;
  button.setAttribute("aria-label", label);
  button.title = label;
  button.onclick = onclick;
  return button;
}

export function rename(button, state, id, act) {
  const field = document.createElement("input");
  field.type = "text";
  field.maxLength = 40;
  field.value = nameOf(state, id);
  field.setAttribute("aria-label", "New name");
  const finish = (isWanted) => {
    field.onblur = null;
    const name = field.value.trim();
    if (isWanted && name && name !== nameOf(state, id)) act.style(id, { name });
    else field.replaceWith(button);
  };
  field.onblur = () => finish(true);
  field.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") finish(false);
  };
  button.replaceWith(field);
  field.select();
}
