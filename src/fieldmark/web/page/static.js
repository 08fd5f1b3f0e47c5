// A photo -> the answer of the model in this very browser. Nothing is sent anywhere.
import { Refusal, announce, say, start } from "./page.js";
import { keepOffline } from "./offline.js";

const WORKER = new URL("worker.js", import.meta.url).href;
const MEGABYTE = 1e6;
const loading = document.getElementById("loading");
const text = document.getElementById("loading-text");
const bar = document.getElementById("loaded");

let thinker = null; // the worker that answers, once it has the model
let ready = false;
let broken = null; // the sentence, where the model cannot be had
const asked = new Map(); // number of a question -> who waits for its answer
let questions = 0;

start({ doing: () => (ready ? "Looking …" : "Waiting for the model …"), answer });
begin();

function answer({ file }) {
  if (broken) throw new Refusal(broken);
  return new Promise((resolve, reject) => {
    questions += 1;
    asked.set(questions, { resolve, reject });
    thinker.postMessage({ question: questions, file });
  });
}

function begin(start = boundWorker) {
  let heard = false;
  thinker = start();
  thinker.onmessage = ({ data }) => {
    heard = true;
    if ("loaded" in data) showProgress(data);
    else if (data.ready) showReady();
    else if (data.broken) giveUp(data.broken);
    else settle(data);
  };
  thinker.onerror = (event) => {
    if (!heard && start === boundWorker) begin(plainWorker);
    else giveUp(`This browser cannot run the model (${event.message || "its worker did not start"}).`);
  };
}

// A worker made of a blob is bound by this page's Content-Security-Policy; one loaded from its address by none at all.
function boundWorker() {
  const blob = new Blob([`import ${JSON.stringify(WORKER)};`], { type: "text/javascript" });
  return new Worker(URL.createObjectURL(blob), { type: "module" });
}

// For a browser that makes no module workers of blobs.
function plainWorker() {
  return new Worker(WORKER, { type: "module" });
}

function settle({ question, reply, refusal, lost }) {
  const waits = asked.get(question);
  asked.delete(question);
  if (reply) waits?.resolve(reply);
  else waits?.reject(new Refusal(refusal));
  if (lost) restart();
}

// After its memory ran out a worker answers nothing any more; the files it needs are at hand.
function restart() {
  thinker.terminate();
  begin();
}

function showProgress({ loaded, total }) {
  const shown = (bytes) => (bytes / MEGABYTE).toFixed(1);
  text.textContent = loaded < total ? `Fetching the model: ${shown(loaded)} of ${shown(total)} MB` : "Opening the model …";
  bar.value = Math.min(loaded / total, 1);
}

function showReady() {
  if (!ready) keepOffline(); // only now, so that nothing is fetched twice
  ready = true;
  loading.hidden = true;
  for (const doing of document.querySelectorAll('.card[data-state="asking"] .doing')) doing.textContent = "Looking …";
  if (!asked.size) announce("Ready.");
}

function giveUp(sentence) {
  broken = sentence;
  loading.hidden = true;
  say(sentence);
  for (const { reject } of asked.values()) reject(new Refusal(sentence));
  asked.clear();
}
