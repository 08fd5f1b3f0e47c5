// What the page asks its server, and how it keeps asking when there is no answer.

const TOKEN = document.querySelector("meta[name=token]").content;
const PATIENCE = 10_000; // milliseconds for one answer; a laptop that was closed drops connections without a word
const PAUSE = 500; // milliseconds between two tries

/** An answer of the server that says no, with its sentence. */
export class Refused extends Error {}

/** Ask once. Throws Refused, or a TypeError where nobody answers. */
export async function ask(path, body) {
  const options = { headers: { "X-Fieldmark-Token": TOKEN }, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) };
  if (body) {
    options.method = "POST";
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const reply = await response.json();
  if (response.ok) {
    sessionStorage.removeItem("reloaded");
    return reply;
  }
  if (response.status === 403 && !sessionStorage.getItem("reloaded")) {
    sessionStorage.setItem("reloaded", "1"); // the server may be a new one with a new token
    location.reload();
    await new Promise(() => {});
  }
  throw new Refused(reply.error || `The server answered ${response.status}.`);
}

/** Ask until there is an answer; `trouble` is called after every try that got none. Throws Refused. */
export async function insist(path, body, trouble) {
  for (;;) {
    try {
      return await ask(path, body);
    } catch (error) {
      if (error instanceof Refused) throw error;
      trouble();
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }
}
