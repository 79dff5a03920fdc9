// The list of objects: choose, rename, colour, hide, remove.
// A row stays in place as long as its object is there: a press, a focus and a half-typed name outlive every answer
// of the server.

const hex = (colour) => `#${colour.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
const rgb = (text) => [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));

export function nameOf(state, id) {
  if (id === 0) return "Background";
  return state.objects.find((own) => own.id === id)?.name ?? `Object ${id}`;
}

export class ObjectList {
  // ``act``: choose(id), style(id, {name, colour}), hide(id), remove(id).
  constructor(list, act) {
    this.list = list;
    this.act = act;
    this.rows = new Map();
  }

  show(state, { current, count, hidden }) {
    for (const [id, row] of this.rows) {
      if (id <= count) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    for (let id = 0; id <= count; id += 1) this.row(id).show(state, id === current, hidden.has(id));
  }

  // Objects ascend; the background is the last row.
  row(id) {
    if (!this.rows.has(id)) {
      const row = new Row(id, this.act);
      this.rows.set(id, row);
      this.list.insertBefore(row.element, id ? this.rows.get(0).element : null);
    }
    return this.rows.get(id);
  }

  rename(id) {
    this.rows.get(id)?.rename();
  }
}

class Row {
  constructor(id, act) {
    this.id = id;
    this.act = act;
    this.element = document.createElement("div");
    this.element.className = "object";
    this.name = document.createElement("span");
    this.chooser = this.choosing();
    if (!id) {
      this.element.append(this.chooser);
      return;
    }
    this.colour = document.createElement("input");
    this.colour.type = "color";
    this.colour.className = "colour";
    this.colour.onchange = () => act.style(id, { colour: rgb(this.colour.value) });
    this.colour.onblur = () => { this.colour.value = hex(this.shownColour); };
    this.eye = small("eye", () => act.hide(id));
    this.cross = small("remove", () => act.remove(id));
    this.cross.textContent = "✕";
    this.element.append(this.colour, this.chooser, this.eye, this.cross);
  }

  choosing() {
    const button = document.createElement("button");
    const key = document.createElement("kbd");
    button.setAttribute("role", "radio");
    key.textContent = this.id < 10 ? this.id : "";
    button.append(this.name, key);
    if (!this.id) {
      const swatch = document.createElement("span");
      swatch.className = "swatch background";
      button.prepend(swatch);
    }
    button.onclick = () => this.act.choose(this.id);
    button.ondblclick = () => this.rename();
    return button;
  }

  show(state, isCurrent, isHidden) {
    const { id } = this;
    const name = nameOf(state, id);
    this.element.classList.toggle("current", isCurrent);
    this.chooser.setAttribute("aria-checked", String(isCurrent));
    setText(this.name, name);
    if (!id) return;
    this.isKnown = state.objects.some((own) => own.id === id);
    this.shownColour = state.colours[id];
    if (this.colour !== document.activeElement) this.colour.value = hex(this.shownColour);
    this.colour.setAttribute("aria-label", `Colour of ${name}`);
    this.eye.hidden = !this.isKnown;
    this.cross.hidden = !this.isKnown || !state.isSession;
    setText(this.eye, isHidden ? "○" : "●");
    label(this.eye, `${isHidden ? "Show" : "Hide"} ${name}`);
    label(this.cross, `Remove ${name}`);
  }

  // A field lies in the place of the name until Enter, Escape, or a press elsewhere.
  rename() {
    if (!this.isKnown || this.chooser.hidden) return;
    const { chooser } = this;
    const old = this.name.textContent;
    const field = document.createElement("input");
    field.type = "text";
    field.maxLength = 40;
    field.value = old;
    field.setAttribute("aria-label", "New name");
    const finish = (isWanted) => {
      field.onblur = null;
      field.remove();
      chooser.hidden = false;
      const name = field.value.trim();
      if (isWanted && name && name !== old) this.act.style(this.id, { name });
    };
    field.onblur = () => finish(true);
    field.onkeydown = (event) => {
      event.stopPropagation();
      if (["Enter", "Escape"].includes(event.key)) finish(event.key === "Enter");
    };
    chooser.before(field);
    chooser.hidden = true;
    field.select();
  }
}

function small(kind, onclick) {
  const button = document.createElement("button");
  button.className = `quiet icon ${kind}`;
  button.onclick = onclick;
  return button;
}

function label(button, text) {
  button.setAttribute("aria-label", text);
  button.title = text;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
