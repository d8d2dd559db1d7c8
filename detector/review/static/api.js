// Asks the server, and tells it one thing after another so that nothing overtakes and nothing is lost.
const RETRY_MS = 1500;
let last = Promise.resolve();
let waiting = 0;
const HUNG_MS = 5000;
let watch = () => {};

export class Refused extends Error {}

async function answer(response) {
  const told = await response.json().catch(() => ({ error: response.statusText }));
  if (!response.ok) throw new Refused(told.error);
  return told;
}

// A server that takes long is said; what it was asked goes on.
async function patiently(asked) {
  const timer = setTimeout(() => watch(waiting, "The review has not answered for 5 seconds; it is waited for. Keep this page open."), HUNG_MS);
  try {
    return await asked;
  } finally {
    clearTimeout(timer);
  }
}

export async function ask(path, values = {}) {
  return answer(await patiently(fetch(`api/${path}?${new URLSearchParams(values)}`)));
}

// Resolves with the server's answer; tries again for as long as the server does not answer. What may get lost is
// told quietly.
export function tell(path, content, { quiet = false } = {}) {
  if (!quiet) waiting += 1;
  if (!quiet) watch(waiting);
  const mine = last.then(async () => {
    for (;;) {
      let response;
      try {
        response = await patiently(fetch(`api/${path}`, {
          method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content), keepalive: true,
        }));
      } catch (error) {
        if (quiet) throw error;
        watch(waiting, "The review does not answer; it is tried again. Keep this page open.");
        await new Promise((done) => setTimeout(done, RETRY_MS));
        continue;
      }
      return answer(response);
    }
  });
  const settled = (error) => {
    if (quiet) return;
    waiting -= 1;
    watch(waiting, error instanceof Refused ? error.message : "");
  };
  last = mine.then(() => settled(), settled);
  return mine;
}

// `seen` is called with how many are not saved yet and, if there is trouble, what it is.
export function watchSaving(seen) { watch = seen; }

addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
