// Talking to the program: one call at a time, errors as a sentence, progress while it works.

const POLL_MS = 250;

export class CallError extends Error {
  constructor(text, isCancelled) {
    super(text);
    this.isCancelled = isCancelled;
  }
}

export async function call(path, body) {
  const options = body === undefined ? {} : { method: "POST", body };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new CallError("The program has ended: start it again.", false);
  }
  const record = await response.json();
  if (!response.ok) throw new CallError(record.error || response.statusText, Boolean(record.cancelled));
  return record;
}

// Calls are made one after the other: a second stroke waits for the preview of the first.
let last = Promise.resolve();

export function inTurn(work) {
  const next = last.then(work, work);
  last = next.catch(() => {});
  return next;
}

// Tells ``show`` what is new until ``isOver()``; the first answer comes after a moment.
export async function follow(isOver, show) {
  let seen = 0;
  while (!isOver()) {
    await new Promise((done) => setTimeout(done, POLL_MS));
    if (isOver()) return;
    try {
      const record = await call(`api/progress?since=${seen}`);
      if (record.progress) seen = record.progress.seen;
      show(record);
    } catch {
      return;
    }
  }
}
