// Photos, however they are given -> cards with answers, one photo after the other. Who answers is the caller's business.
import { offerCamera } from "./camera.js";
import { Card } from "./cards.js";
import { listen } from "./giving.js";
import { save } from "./table.js";
import { spoken, tally } from "./words.js";

const main = document.querySelector("main");
const notice = document.getElementById("notice");
const list = document.getElementById("cards");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const cards = []; // as they stand on the page, the newest first
const waiting = []; // those nobody looks at yet
let working = false;
let round = new AbortController(); // `Clear` ends it

// A reason why there is no answer, fit to be read.
export class Refusal extends Error {}

// `asker` has `answer(photo, { visible, signal })`, which returns a reply as the server's API has it or throws Refusal;
// `doing()`, what a card says meanwhile; and, where it takes addresses of photos, `takesAddresses`.
export function start(asker) {
  const give = (photos) => add(photos, asker);
  const files = (chosen) => give(chosen.map((file) => ({ name: file.name || "Your photo", file })));
  document.getElementById("file").multiple = true; // without this script the form sends one
  listen(files, asker.takesAddresses && ((url) => giveAddress(url, give)));
  offerCamera((photo) => files([photo]), say);
  document.getElementById("save").addEventListener("click", () => save(cards));
  document.getElementById("clear").addEventListener("click", clear);
  document.getElementById("empty").addEventListener("click", () => document.getElementById("file").click());
}

// Says at the ways to give a photo why nothing came of one of them.
export function say(sentence) {
  notice.textContent = sentence;
  notice.hidden = !sentence;
}

export function announce(text) {
  document.getElementById("announcement").textContent = text;
}

function giveAddress(url, give) {
  if (url) {
    give([{ name: url, url }]);
    return;
  }
  say("Give the address of a photo first, such as https://example.org/photo.jpg.");
  document.getElementById("url").focus();
}

function add(photos, asker) {
  say("");
  const batch = photos.map((photo) => new Card(photo));
  for (const card of cards) card.large = false;
  if (batch.length === 1) batch[0].large = true;
  for (const card of batch) card.batch = batch;
  cards.unshift(...batch);
  waiting.unshift(...batch); // who gives one more photo after fifty wants to know about that one
  list.prepend(...batch.map((card) => card.element));
  sumUp();
  reveal(batch);
  announce(batch.length === 1 ? "Looking." : `Looking at ${batch.length} photos.`);
  work(asker);
}

async function work(asker) {
  if (working) return;
  working = true;
  while (waiting.length) await look(waiting.shift(), asker);
  working = false;
}

async function look(card, asker) {
  const { signal } = round;
  card.look(asker.doing());
  const visible = card.photo.file ? await card.preview() : false;
  try {
    const reply = await asker.answer(card.photo, { visible, signal });
    if (!signal.aborted) await card.tell(reply);
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof Refusal)) console.error(error);
    card.refuse(error instanceof Refusal ? error.message : `This page failed at it (${error.message}). Reload it.`);
  }
  if (signal.aborted) return;
  sumUp();
  if (card.batch.every((one) => one.isDone)) end(card.batch);
}

function end(batch) {
  const [card] = batch;
  reveal(batch);
  announce(batch.length > 1 ? `${tally(batch)}.` : card.reply ? spoken(card.reply) : card.refused);
}

function sumUp() {
  const done = cards.filter((card) => card.isDone).length;
  const left = cards.length - done;
  main.dataset.cards = cards.length ? "some" : "none";
  main.setAttribute("aria-busy", String(left > 0));
  document.querySelector(".answers").hidden = document.getElementById("clear").hidden = cards.length === 0;
  document.getElementById("sums").hidden = cards.length < 2;
  document.getElementById("tally").textContent = tally(cards) + (left ? `; ${left} to go` : "");
}

function reveal(batch) {
  const top = batch.length === 1 ? batch[0].element : document.querySelector(".answers");
  top.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function clear() {
  round.abort();
  round = new AbortController();
  waiting.length = 0;
  for (const card of cards.splice(0)) card.forget();
  say("");
  sumUp();
  announce("Cleared.");
  document.getElementById("file").focus();
}
