// Keys: every act of the page has one.

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// ``page``: actions by key; steer(dx, dy), undo(), choose(digit), isModal().
export function listen(page) {
  document.onkeydown = (event) => {
    const { target, key } = event;
    if (target.matches("input[type=text]") || page.isModal() || event.metaKey) return;
    if (target.matches("input, summary, button") && [" ", "Enter"].includes(key)) return;
    const act = actOf(page, event);
    if (!act) return;
    event.preventDefault();
    act();
  };
}

function actOf(page, event) {
  const { key } = event;
  if (event.altKey) return STEPS[key] && (() => steer(page, event));
  if (event.ctrlKey) return key === "z" ? page.undo : null;
  if (/^[0-9]$/.test(key)) return () => page.choose(Number(key));
  if (event.target.matches("input[type=range]")) return null;
  return page.actions[key] ?? page.actions[key.toLowerCase()];
}

function steer(page, { key, shiftKey }) {
  const step = shiftKey ? 0.004 : 0.02;
  page.steer(...STEPS[key].map((sign) => sign * step));
}
