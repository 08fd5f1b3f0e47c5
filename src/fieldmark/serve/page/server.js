// A photo, or the address of one -> the answer of the server that sent this page.
import { Refusal, start } from "./page.js";

const limit = Number(document.querySelector("main").dataset.maxBytes);
const TRIES = 4; // of a server that is busy and says when to come back

start({
  takesAddresses: true,
  doing: () => "Looking …",
  answer: (photo, { visible, signal }) => (photo.file ? send(photo.file, visible, signal) : sendAddress(photo.url, signal)),
});

async function send(file, visible, signal) {
  if (file.size > limit) throw new Refusal(`This file is larger than ${limit / 2 ** 20} MiB. Give a smaller one.`);
  const form = new FormData();
  form.append("file", file, "photo"); // the name stays here; the server has no use for it
  if (!visible) form.append("thumbnail", "1");
  return ask("upload", { body: form, signal });
}

function sendAddress(url, signal) {
  const body = JSON.stringify({ url, thumbnail: true });
  return ask("classify-url", { body, headers: { "Content-Type": "application/json" }, signal });
}

async function ask(path, options, tries = TRIES) {
  let response, reply;
  try {
    response = await fetch(path, { method: "POST", ...options });
    reply = await response.json();
  } catch {
    throw new Refusal(response ? `The server answered ${response.status}, and nothing we can read.` : "The server does not answer. Is it still running?");
  }
  if (response.ok) return reply;
  const seconds = Number(response.headers.get("Retry-After"));
  if (!seconds || seconds > 60 || tries <= 1) throw new Refusal(reply.error || `The server answered ${response.status}.`);
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  return ask(path, options, tries - 1);
}
