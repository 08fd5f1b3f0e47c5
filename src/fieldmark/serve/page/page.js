// A photo, however it is given -> the server's answer as bars. Every text goes in as text, never as markup.
"use strict";

const FIRST_BARS = 5;

const main = document.querySelector("main");
const preview = document.getElementById("preview");
const mount = document.querySelector(".mount");
const lens = document.querySelector(".lens");
const caption = document.getElementById("caption");
const urlField = document.getElementById("url");
const busy = document.querySelector(".busy");
const refusal = document.querySelector(".refusal");
const known = document.querySelector(".known");
const answer = document.querySelector(".answer");
const more = document.querySelector(".more");

let shown = null; // the blob: URL of the preview
let asking = null; // the AbortController of the question under way; a newer one ends it

// Ways to give a photo

for (const id of ["file", "camera"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    if (input.files.length) lookAtFile(input.files[0]);
    input.value = ""; // so that choosing the same photo again is a change too
  });
}

document.getElementById("by-url").addEventListener("submit", (event) => {
  event.preventDefault();
  lookAtUrl(urlField.value.trim());
});

let depth = 0; // dragenter and dragleave also come from every element inside
document.addEventListener("dragenter", (event) => {
  event.preventDefault();
  depth += 1;
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", () => {
  depth -= 1;
  if (depth <= 0) endDrag();
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault(); // or the browser would leave the page for the photo
  endDrag();
  take(event.dataTransfer, "text/uri-list");
});

document.addEventListener("paste", (event) => {
  const typing = event.target instanceof HTMLInputElement;
  if (take(event.clipboardData, typing ? null : "text/plain")) event.preventDefault();
});

function endDrag() {
  depth = 0;
  document.body.classList.remove("dropping");
}

function take(transfer, urlType) {
  if (transfer.files.length) {
    lookAtFile(transfer.files[0]);
    return true;
  }
  const text = urlType ? transfer.getData(urlType).trim().split(/\s/)[0] : "";
  if (!/^https?:\/\//i.test(text)) return false;
  urlField.value = text;
  lookAtUrl(text);
  return true;
}

// Asking

async function lookAtFile(file) {
  const question = begin(file.name || "Your photo");
  const limit = Number(main.dataset.maxBytes);
  if (file.size > limit) {
    refuse(`This file is larger than ${limit / 2 ** 20} MiB. Give a smaller one.`);
    return;
  }
  shown = URL.createObjectURL(file);
  const visible = await show(shown, question);
  if (question.signal.aborted) return;
  const form = new FormData();
  form.append("file", file, "photo"); // the name stays here; the server has no use for it
  if (!visible) form.append("thumbnail", "1");
  await ask("upload", { body: form }, question);
}

async function lookAtUrl(url) {
  const question = begin(url);
  if (!url) {
    refuse("Give the address of a photo first, such as https://example.org/photo.jpg.");
    urlField.focus();
    return;
  }
  const body = JSON.stringify({ url, thumbnail: true });
  await ask("classify-url", { body, headers: { "Content-Type": "application/json" } }, question);
}

async function ask(path, options, question) {
  let response, reply;
  try {
    response = await fetch(path, { method: "POST", signal: question.signal, ...options });
    reply = await response.json();
  } catch (error) {
    if (question.signal.aborted) return;
    refuse(response ? `The server answered ${response.status}, and nothing we can read.` : "The server does not answer. Is it still running?");
    return;
  }
  if (question.signal.aborted) return;
  if (response.ok) await tell(reply, question);
  else refuse(reply.error || `The server answered ${response.status}.`);
}

function begin(name) {
  asking?.abort();
  asking = new AbortController();
  if (shown) URL.revokeObjectURL(shown);
  shown = null;
  hidePreview();
  caption.textContent = name.length > 80 ? name.slice(0, 79) + "…" : name;
  enter("asking");
  announce("Looking.");
  return asking;
}

// Showing

async function show(source, question) {
  preview.src = source;
  const visible = await preview.decode().then(() => true, () => false);
  if (question.signal.aborted) return visible;
  preview.alt = visible ? "The photo that was given" : "";
  preview.hidden = !visible;
  mount.classList.toggle("filled", visible);
  lens.toggleAttribute("hidden", visible);
  document.querySelector(".no-preview").hidden = visible;
  return visible;
}

function hidePreview() {
  preview.hidden = true;
  preview.removeAttribute("src");
  document.querySelector(".no-preview").hidden = true;
  mount.classList.remove("filled");
  lens.removeAttribute("hidden");
}

function enter(state) {
  main.dataset.state = state;
  main.setAttribute("aria-busy", String(state === "asking"));
  busy.hidden = state !== "asking";
  refusal.hidden = state !== "refused";
  answer.hidden = state !== "answered" && state !== "unknown";
  known.hidden = !answer.hidden || state === "asking";
}

function refuse(sentence) {
  document.querySelector(".no-preview").hidden = true;
  refusal.textContent = sentence;
  enter("refused");
  announce("");
}

async function tell(reply, question) {
  if (typeof reply.thumbnail === "string" && reply.thumbnail.startsWith("data:image/jpeg;base64,")) {
    await show(reply.thumbnail, question);
    if (question.signal.aborted) return;
  }
  const [name, share] = reply.predictions[0];
  const verdict = reply.unknown ? "probably none of these" : name;
  answer.querySelector(".label").textContent = reply.unknown ? "It looks like" : "Most like";
  answer.querySelector(".verdict").textContent = verdict;
  answer.querySelector(".aside").textContent = reply.unknown ? "If it had to be one of them:" : "";
  const advice = answer.querySelector(".advice");
  advice.textContent = reply.advice || "";
  advice.hidden = !reply.advice;
  drawBars(reply.predictions);
  enter(reply.unknown ? "unknown" : "answered");
  announce(reply.unknown ? `Probably none of these. The nearest is ${name}, ${percent(share)}.` : `${name}, ${percent(share)}. ${reply.advice || ""}`);
}

function drawBars(predictions) {
  const bars = answer.querySelector(".bars");
  bars.replaceChildren(...predictions.slice(0, FIRST_BARS).map(bar));
  const rest = predictions.slice(FIRST_BARS);
  more.hidden = rest.length === 0;
  more.textContent = `Show all ${predictions.length}`;
  more.setAttribute("aria-expanded", "false");
  more.onclick = () => {
    const open = more.getAttribute("aria-expanded") === "true";
    if (open) bars.replaceChildren(...predictions.slice(0, FIRST_BARS).map(bar));
    else bars.append(...rest.map(bar));
    more.textContent = open ? `Show all ${predictions.length}` : `Show the first ${FIRST_BARS}`;
    more.setAttribute("aria-expanded", String(!open));
  };
}

function bar([name, share]) {
  const row = document.createElement("li");
  row.append(span("name", name), span("share", percent(share)));
  const track = span("track", "");
  const fill = span("fill", "");
  fill.style.setProperty("--share", String(share));
  track.setAttribute("aria-hidden", "true");
  track.append(fill);
  row.append(track);
  return row;
}

function span(kind, text) {
  const element = document.createElement("span");
  element.className = kind;
  element.textContent = text;
  return element;
}

// No photo is 100 % anything.
function percent(share) {
  if (share > 0.9995) return "over 99.9\u00a0%";
  if (share < 0.0005) return "under 0.1\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

function announce(text) {
  document.getElementById("announcement").textContent = text;
}
