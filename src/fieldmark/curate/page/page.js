// The page of `fieldmark clean`: a grid, keys, and decisions that count once the server has written them down.

import { Refused, ask, insist } from "./server.js";
import { arrange, classOf, isDecided } from "./order.js";
import { Grid } from "./grid.js";
import { Cropper, parse, place } from "./crop.js";

const POLL = 1000; // milliseconds between two looks for what another tab or command decided
const REST = 200; // milliseconds on one photo before it is fetched in full

const byId = (id) => document.getElementById(id);
const zoom = byId("zoom");
const help = byId("help");
const picker = byId("picker");

let board = null;
let photosById = new Map();
let last = 0; // the last row of the journal that is on the screen
let boot = "";
let reading = "";
let canUndo = false;
let canRedo = false;

// What the server knows

async function load() {
  const focused = grid.focused;
  const reply = await insist("api/board", null, () => trouble("The server does not answer. Is fieldmark clean still running? Trying again …"));
  trouble("");
  board = readBoard(reply);
  photosById = new Map(board.photos.filter((photo) => photo.id).map((photo) => [photo.id, photo]));
  boot = reply.boot;
  last = 0;
  take(reply);
  document.title = `${board.name} · Fieldmark clean`;
  byId("name").textContent = board.name;
  fillFilters();
  drawClasses();
  arrangeAll(focused && photosById.get(focused.id));
}

function readBoard(reply) {
  const photos = reply.photos.map(([id, paths, labels, missing, group], at) => ({
    id, paths, at, group, missing: Boolean(missing), labels: labels.map((n) => reply.classes[n]), findings: [], decision: null, broken: false,
  }));
  const byKind = new Map(reply.kinds.map((kind) => [kind, []]));
  for (const [at, kind, sure, text] of reply.findings) {
    photos[at].findings.push({ kind: reply.kinds[kind], sure: Boolean(sure), text });
    byKind.get(reply.kinds[kind]).push(photos[at]);
  }
  for (const photo of photos) photo.words = [...photo.paths, ...photo.findings.map((found) => found.text)].join("\n").toLowerCase();
  return { name: reply.name, classes: reply.classes, kinds: reply.kinds, titles: reply.titles, checked: reply.checked, photos, byKind };
}

/** Let those buttons be pressed that can do something now; a key says why it cannot. */
function enable() {
  const photo = grid.focused;
  const able = Boolean(photo) && !reading;
  const set = (selector, enabled) => document.querySelectorAll(selector).forEach((button) => (button.disabled = !enabled));
  set("[data-do=keep], [data-do=reject], [data-do=crop], .class-button", able);
  set("[data-do=group]", able && (photo.group !== "" || photo.paths.length > 1));
  set("[data-do=zoom]", Boolean(photo));
  set("[data-do=undo]", canUndo && !reading);
  set("[data-do=redo]", canRedo && !reading);
}

/** Put an answer of the server on the screen; return the photos that it changed. */
function take(reply) {
  const changed = [];
  for (const [id, decision] of Object.entries(reply.decisions)) {
    const photo = photosById.get(id);
    if (!photo) continue;
    const before = JSON.stringify(photo.decision);
    photo.decision = decision && { state: decision[0], label: decision[1], crop: decision[2], once: Boolean(decision[3]), by: decision[4], at: decision[5], why: decision[6] };
    if (JSON.stringify(photo.decision) !== before) changed.push(photo);
  }
  last = Math.max(last, reply.last);
  canUndo = reply.can_undo;
  canRedo = reply.can_redo;
  if (reading !== reply.reading) {
    reading = reply.reading;
    showBanner();
  }
  for (const photo of changed) grid.dress(photo);
  if (changed.includes(grid.focused)) describe(grid.focused);
  if (changed.length || !byId("progress-text").textContent) tally();
  const [made, total] = reply.thumbnails;
  byId("shown").textContent = shownText() + (made < total ? ` · thumbnails: ${made} of ${total}` : "");
  enable();
  return changed;
}

let polling = false;
async function poll() {
  if (!board || polling || busy || document.hidden) return;
  polling = true;
  try {
    const reply = await ask(`api/changes?after=${last}`);
    if (!stuck) trouble("");
    if (reply.boot !== boot) await load();
    else if (!busy) take(reply); // while an act is under way its own answer brings all that is new
  } catch (error) {
    if (!stuck) trouble(error instanceof Refused ? error.message : "The server does not answer. Is fieldmark clean still running? Trying again …");
  } finally {
    polling = false;
  }
}

// Deciding: one act after another, each on the screen once its row is written

let queue = Promise.resolve();
let busy = 0;
let stuck = false;

/** Run `work` after all that was begun before; at once when there is nothing. */
function inTurn(work) {
  if (!busy) {
    const begun = work();
    if (!(begun instanceof Promise)) return;
    busy += 1;
    queue = begun.catch(complain).finally(() => (busy -= 1));
    return;
  }
  busy += 1;
  queue = queue.then(() => !stuck && work()).catch(complain).finally(() => (busy -= 1));
}

function complain(error) {
  announce(error instanceof Refused ? error.message : "That failed; nothing was decided.");
  if (!(error instanceof Refused)) console.error(error);
}

async function send(path, words, verdicts) {
  const pending = { path, words, body: { act: crypto.randomUUID(), after: last, ...(verdicts && { verdicts }) } };
  sessionStorage.setItem("pending", JSON.stringify(pending)); // a tab that is loaded anew meanwhile sends it again
  return deliver(pending);
}

async function deliver({ path, words, body }) {
  try {
    return await insist(path, body, () => {
      stuck = true;
      trouble(`Not saved yet: ${words}. The server does not answer. Is fieldmark clean still running? Trying again …`);
    });
  } finally {
    sessionStorage.removeItem("pending");
    if (stuck) trouble("");
    stuck = false;
  }
}

async function decide(verdicts, words, { go = true } = {}) {
  if (!verdicts.length) return;
  const from = grid.focused;
  const reply = await send("api/acts", words, verdicts);
  take(reply);
  if (go) goOn(from);
  announce(`${words}. ${progressWords()}`);
}

async function shift(path) {
  const name = path === "api/undo" ? "undone" : "redone";
  const reply = await send(path, name === "undone" ? "undo" : "redo");
  take(reply);
  const photos = (reply.photos || []).map((id) => photosById.get(id)).filter(Boolean);
  if (reply[name] === null) return announce(name === "undone" ? "There is nothing to undo." : "There is nothing to redo.");
  if (photos.length) grid.focus(photos[0]);
  announce(`${name === "undone" ? "Undone" : "Done again"}: ${photos.length === 1 ? nameOf(photos[0]) : `${photos.length} photos`}. ${progressWords()}`);
}

/** The photos that a key is about: the selected ones, or that in focus. */
function meant() {
  const photos = grid.selected.size ? grid.order.filter((photo) => grid.selected.has(photo)) : [grid.focused].filter(Boolean);
  return photos.filter((photo) => photo.id);
}

function refuseAny(photos) {
  if (photos.length) return false;
  announce(grid.focused ? "This file cannot be read, so nothing can be decided about it." : "There is no photo here.");
  return true;
}

/** Leave out what no class can learn from, as it is no picture; say so where nothing is left. */
function readable(photos) {
  if (refuseAny(photos)) return [];
  const able = photos.filter((photo) => !isUnreadable(photo));
  if (!able.length) announce(`Nothing to keep: ${naming(photos)} cannot be read as ${photos.length === 1 ? "a picture" : "pictures"}. Press d to reject.`);
  return able;
}

const isUnreadable = (photo) => photo.broken || photo.findings.some((found) => found.kind === "unreadable");

/** Say what was done, and how many were passed over. */
const passingOver = (words, able, photos) => (able.length < photos.length ? `${words}; ${photos.length - able.length} that cannot be read left as they were` : words);

/** Verdicts that keep a photo; of equal files one counts. Null where nobody has said of which class it is. */
function keeping(photo) {
  if (!classOf(photo)) return null;
  const once = photo.paths.length > 1 ? [{ photo: photo.id, kind: "once", value: "" }] : [];
  return [{ photo: photo.id, kind: "keep", value: "" }, ...once];
}

function keep(photos) {
  const able = readable(photos);
  if (!able.length) return;
  const verdicts = able.map(keeping);
  if (verdicts.includes(null)) return announce(`${list(able[verdicts.indexOf(null)].labels)} both claim this photo. Press the number of its class.`);
  return decide(verdicts.flat(), passingOver(`Kept: ${naming(able)}`, able, photos));
}

function reject(photos) {
  if (refuseAny(photos)) return;
  return decide(photos.map((photo) => ({ photo: photo.id, kind: "reject", value: "" })), `Rejected: ${naming(photos)}`);
}

function relabel(photos, name) {
  const able = readable(photos);
  if (!able.length) return;
  const verdicts = able.flatMap((photo) => [
    { photo: photo.id, kind: "label", value: name },
    ...(photo.paths.length > 1 ? [{ photo: photo.id, kind: "once", value: "" }] : []),
  ]);
  return decide(verdicts, passingOver(`${name}: ${naming(able)}`, able, photos));
}

/** Of a group keep one and reject the others. */
function settle(best) {
  const photo = grid.focused;
  if (!photo || (photo.group === "" && photo.paths.length < 2)) return announce("This photo has no look-alikes.");
  const members = groupOf(photo).filter((other) => other.id && !other.missing);
  const chosen = best ?? members.find((other) => other.id === photo.group) ?? members[0];
  if (!chosen) return announce("No photo of this group is left on the disk.");
  const kept = keeping(chosen);
  if (!kept) return announce(`${list(chosen.labels)} both claim the best of them. Press the number of its class first.`);
  const rest = members.filter((other) => other !== chosen);
  const verdicts = [...kept, ...rest.map((other) => ({ photo: other.id, kind: "reject", value: `look-alike of ${chosen.id}` }))];
  return decide(verdicts, `Kept ${nameOf(chosen)}, rejected ${rest.length} ${rest.length === 1 ? "look-alike" : "look-alikes"}`);
}

const groupOf = (photo) => (photo.group ? board.photos.filter((other) => other.group === photo.group) : [photo]);

function wholePage(kind) {
  const page = grid.page();
  const open = page.filter((photo) => photo.id && !isDecided(photo) && !photo.missing);
  const able = kind === "keep" ? open.filter((photo) => !isUnreadable(photo) && keeping(photo)) : open;
  if (!able.length) {
    grid.focus(page.at(-1));
    grid.key("ArrowRight", false);
    return announce("Everything on this page is decided.");
  }
  const verdicts = kind === "keep" ? able.flatMap(keeping) : able.map((photo) => ({ photo: photo.id, kind, value: "" }));
  grid.focus(able.at(-1));
  return decide(verdicts, `${kind === "keep" ? "Kept" : "Rejected"}: ${able.length} photos`);
}

/** Put the focus on the next photo that nobody has decided about; at the end begin again. */
function goOn(from) {
  const at = grid.places.get(from)?.at ?? -1;
  const open = (photo) => !isDecided(photo) && !photo.missing && photo.id;
  const next = grid.order.slice(at + 1).find(open) ?? grid.order.slice(0, Math.max(0, at)).find(open);
  if (next) grid.focus(next);
  else grid.focus(from);
  if (zoom.open) showLarge(grid.focused);
}

// The grid

const grid = new Grid(byId("scroller"), byId("grid"), { draw: drawTile, redraw: dressTile, moved: focusMoved });

function drawTile(photo) {
  const tile = element("div", "tile");
  tile.setAttribute("role", "gridcell");
  const frame = element("div", "frame");
  if (photo.missing || !photo.id || photo.broken) frame.append(element("p", "no-picture", absence(photo)));
  else {
    const image = element("img");
    image.alt = "";
    image.decoding = "async";
    image.draggable = false;
    image.addEventListener("load", () => fit(image));
    image.addEventListener("error", () => {
      if (!image.getAttribute("src")) return;
      photo.broken = true;
      frame.replaceChildren(element("p", "no-picture", absence(photo)));
      if (grid.focused === photo) describe(photo); // or an empty plate would stand beside it
    });
    image.src = `thumb/${photo.id}`;
    const box = element("span", "picture");
    box.append(image);
    frame.append(box);
  }
  const caption = element("div", "caption");
  caption.append(element("span", "class"), element("span", "flag"), element("span", "mark"));
  tile.append(frame, caption);
  tile.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // or it would select text
  tile.addEventListener("click", (event) => {
    const wasFocused = grid.focused === photo && !event.shiftKey;
    inTurn(() => grid.focus(photo, { range: event.shiftKey }));
    if (wasFocused && event.detail === 2) openZoom();
  });
  return tile;
}

/** Give the box around a picture the picture's own shape, so that a crop can be drawn over it. */
function fit(image) {
  const wide = image.naturalWidth >= image.naturalHeight;
  image.parentElement.style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
  image.parentElement.classList.toggle("wide", wide);
  image.parentElement.classList.add("there");
}

function absence(photo) {
  if (photo.missing) return "missing";
  return "cannot be shown";
}

function dressTile(tile, photo) {
  const decision = photo.decision;
  const state = decision?.state ?? "";
  tile.dataset.id = photo.id;
  tile.dataset.state = state;
  tile.classList.toggle("missing", photo.missing);
  tile.classList.toggle("relabelled", decision?.label != null);
  const best = photo.group !== "" && photo.group === photo.id && (photo.unit?.length ?? 0) > 1;
  tile.classList.toggle("best", best);
  const [name, flag, mark] = tile.lastElementChild.children;
  name.textContent = classOf(photo) || photo.labels.join(" or ");
  flag.textContent = best ? "best" : photo.paths.length > 1 ? `${photo.paths.length} files` : "";
  mark.textContent = { keep: "✓", reject: "✕" }[state] ?? "";
  drawCrop(tile, decision?.crop);
  const doubts = photo.findings.map((found) => board.titles[found.kind].toLowerCase());
  tile.setAttribute("aria-label", [nameOf(photo), name.textContent, stateWords(photo), best ? "best of its group" : "", ...doubts].filter(Boolean).join(", "));
}

function drawCrop(tile, crop) {
  const box = tile.querySelector(".picture");
  if (!box) return;
  box.querySelector(".crop-mark")?.remove();
  if (!crop) return;
  const mark = element("span", "crop-mark");
  place(mark, parse(crop));
  box.append(mark);
}

function stateWords(photo) {
  const decision = photo.decision;
  const words = photo.missing ? ["missing from the disk"] : [];
  if (decision?.state === "reject") words.push("rejected");
  else if (decision?.label != null) words.push("given another class");
  else if (decision?.state === "keep") words.push("kept");
  if (decision?.crop) words.push("cropped");
  return words.join(", ");
}

let resting = 0;
function focusMoved(photo) {
  describe(photo);
  clearTimeout(resting);
  if (photo) resting = setTimeout(() => rest(photo), REST);
}

/** Say beside the grid what is known of a photo. */
function describe(photo) {
  const plate = byId("plate-photo");
  byId("plate").hidden = !photo;
  enable();
  const first = photo?.findings[0];
  byId("strip").textContent = first ? `${board.titles[first.kind]}. ${first.text}` : "";
  for (const button of byId("classes").children) button.setAttribute("aria-pressed", String(Boolean(photo) && classOf(photo) === button.dataset.name));
  byId("notes").replaceChildren(...(photo ? notesOn(photo) : []));
  if (!photo) return;
  byId("plate-name").textContent = nameOf(photo);
  const showable = photo.id && !photo.missing && !photo.broken;
  plate.parentElement.hidden = !showable;
  if (showable && plate.dataset.id !== photo.id) {
    plate.dataset.id = photo.id;
    plate.src = `thumb/${photo.id}`;
  }
}

const origins = new Map();

/** Fetch what only a look at one photo needs. */
async function rest(photo) {
  if (!photo.id) return;
  if (!origins.has(photo.id)) {
    try {
      origins.set(photo.id, (await ask(`api/origin/${photo.id}`)).origin);
    } catch {
      return; // asked again with the next look
    }
    if (grid.focused !== photo) return;
    byId("notes").replaceChildren(...notesOn(photo));
    if (zoom.open) byId("zoom-notes").replaceChildren(...notesOn(photo));
  }
  const plate = byId("plate-photo");
  if (grid.focused === photo && plate.offsetParent && !photo.missing && !photo.broken) plate.src = `photo/${photo.id}`;
}

function notesOn(photo) {
  const parts = [];
  if (photo.missing) parts.push(element("p", "why sure", "This file is no longer where it was. What was decided about it is kept."));
  for (const found of photo.findings) {
    const line = element("p", found.sure ? "why sure" : "why");
    line.append(element("span", "kind", board.titles[found.kind]), ` ${found.text}`);
    parts.push(line);
  }
  const decision = photo.decision;
  if (decision) {
    const words = [stateWords(photo), classOf(photo) && `counts as ${classOf(photo)}`].filter(Boolean).join("; ");
    const by = { person: "", auto: ", by --auto", import: ", by an import" }[decision.by] ?? "";
    parts.push(element("p", "decided", `${upper(words)}${by}${decision.why ? ` (${decision.why})` : ""}.`));
  }
  const facts = element("dl", "facts");
  const fact = (name, value, href) => {
    if (!value) return;
    const given = element("dd");
    if (href && /^https?:\/\//.test(href)) {
      const link = element("a", "", value);
      Object.assign(link, { href, target: "_blank", rel: "noreferrer noopener" });
      given.append(link);
    } else given.textContent = value;
    facts.append(element("dt", "", name), given);
  };
  fact(photo.paths.length > 1 ? "Files" : "File", photo.paths.join(", "));
  const origin = origins.get(photo.id);
  if (origin) {
    fact("Title", origin.title);
    fact("Author", origin.author);
    fact("Licence", origin.licence);
    fact("Page", shorten(origin.page), origin.page);
    fact("Source", shorten(origin.source), origin.source);
    fact("Size", origin.size);
  }
  parts.push(facts);
  return parts;
}

// How far one is

function tally() {
  const doubtful = board.photos.filter((photo) => photo.id && !photo.missing && photo.findings.some((found) => found.sure));
  const counted = doubtful.length ? doubtful : board.photos.filter((photo) => photo.id && !photo.missing);
  const done = counted.filter(isDecided).length;
  const other = doubtful.length ? board.photos.filter(isDecided).length - done : 0;
  byId("progress-text").textContent = `${done} of ${counted.length} ${doubtful.length ? "doubtful ones " : ""}decided${other > 0 ? `, and ${other} others` : ""}`;
  const bar = byId("progress");
  bar.setAttribute("aria-valuenow", String(done));
  bar.setAttribute("aria-valuemax", String(counted.length));
  bar.firstElementChild.style.width = `${counted.length ? (100 * done) / counted.length : 0}%`;
  drawBalance();
}

const progressWords = () => `${byId("progress-text").textContent}.`;

function drawBalance() {
  const counts = new Map(board.classes.map((name) => [name, 0]));
  const add = (name, n) => counts.set(name, counts.get(name) + n);
  for (const photo of board.photos) {
    if (photo.missing || photo.decision?.state === "reject") continue;
    const name = classOf(photo);
    if (name) add(name, photo.decision?.once ? 1 : photo.paths.length);
    else if (!photo.paths[0].startsWith("../")) photo.labels.forEach((label) => add(label, 1)); // it does lie in both
  }
  const most = Math.max(1, ...counts.values());
  for (const button of byId("classes").children) {
    if (!button.dataset.name) continue;
    const n = counts.get(button.dataset.name);
    button.querySelector(".count").textContent = String(n);
    button.querySelector(".fill").style.width = `${(100 * n) / most}%`;
    button.setAttribute("aria-label", `${button.dataset.name}, ${n} photos`);
  }
}

function drawClasses() {
  const buttons = board.classes.slice(0, 9).map((name, at) => {
    const button = element("button", "class-button");
    button.type = "button";
    button.dataset.name = name;
    button.title = name;
    const track = element("span", "track");
    track.append(element("span", "fill"));
    button.append(element("kbd", "", String(at + 1)), element("span", "name", name), element("span", "count"), track);
    button.addEventListener("click", () => begin(() => relabel(meant(), name)));
    return button;
  });
  if (board.classes.length > 9) {
    const more = element("button", "class-button more");
    more.type = "button";
    more.append(element("kbd", "", "0"), element("span", "name", `${board.classes.length - 9} more classes …`));
    more.addEventListener("click", openPicker);
    buttons.push(more);
  }
  byId("classes").replaceChildren(...buttons);
  enable();
  drawBalance();
}

// Views

function fillFilters() {
  const options = (id, values) => {
    const select = byId(id);
    const chosen = select.value;
    select.replaceChildren(select.options[0], ...values.map(([value, text]) => new Option(text, value)));
    select.value = values.some(([value]) => value === chosen) ? chosen : "";
  };
  options("by-class", board.classes.map((name) => [name, name]));
  const found = board.kinds.filter((kind) => board.byKind.get(kind).length);
  options("by-kind", found.map((kind) => [kind, `${board.titles[kind]} (${board.byKind.get(kind).length})`]));
}

function viewNow() {
  return { order: byId("order").value, class: byId("by-class").value, kind: byId("by-kind").value, state: byId("by-state").value, text: byId("by-text").value.trim() };
}

function arrangeAll(focused) {
  const view = viewNow();
  if (focused !== undefined) grid.focused = focused;
  grid.show(arrange(board, view));
  const filtered = view.class || view.kind || view.state || view.text;
  byId("filters-button").classList.toggle("on", Boolean(filtered));
  byId("shown").textContent = shownText();
  const nothing = byId("nothing");
  nothing.hidden = grid.order.length > 0;
  nothing.textContent = view.order === "group" && !filtered ? "No look-alikes were found." : "No photo matches this filter.";
  if (!filtered) return;
  const all = element("button", "", "Show all photos");
  all.type = "button";
  all.addEventListener("click", showAll);
  nothing.append(all);
}

/** Take every filter away; the order stays. */
function showAll() {
  for (const id of ["by-class", "by-kind", "by-state", "by-text"]) byId(id).value = "";
  arrangeAll();
  backToGrid();
}

const shownText = () => {
  const n = grid.order.length;
  const shown = `${n} ${n === 1 ? "photo" : "photos"}`;
  return board && !board.checked ? `${shown} · checked by pixels alone: fieldmark check finds more` : shown;
};

for (const id of ["order", "by-class", "by-kind", "by-state"]) byId(id).addEventListener("change", () => arrangeAll());
let typing = 0;
byId("by-text").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => arrangeAll(), 150);
});
byId("filters").addEventListener("submit", (event) => {
  event.preventDefault();
  backToGrid();
});
byId("filters").addEventListener("keydown", (event) => {
  if (event.key === "Escape") backToGrid();
});

function openFilters(id) {
  byId("filters").classList.add("open");
  byId("filters-button").setAttribute("aria-expanded", "true");
  byId(id).focus();
}

byId("filters-button").addEventListener("click", () => {
  const open = byId("filters").classList.toggle("open");
  byId("filters-button").setAttribute("aria-expanded", String(open));
});

function backToGrid() {
  const tile = grid.tiles.get(grid.focused);
  if (tile) tile.focus({ preventScroll: true });
  else byId("scroller").focus();
}

// Large, and crop

const cropper = new Cropper(byId("zoom-frame"), byId("crop"), (words) => announce(`Crop: ${words}`));

function openZoom() {
  if (!grid.focused) return;
  if (!zoom.open) zoom.showModal();
  showLarge(grid.focused);
  rest(grid.focused);
}

function showLarge(photo) {
  cropMode(false);
  byId("zoom-name").textContent = nameOf(photo);
  byId("zoom-notes").replaceChildren(...notesOn(photo));
  const image = byId("zoom-photo");
  const showable = photo.id && !photo.missing && !photo.broken;
  byId("zoom-frame").hidden = !showable;
  byId("zoom-nothing").hidden = showable;
  zoom.dataset.state = photo.decision?.state ?? "";
  if (showable) {
    image.src = `photo/${photo.id}`;
    image.alt = tileWords(photo);
  }
  byId("zoom-frame").querySelector(".crop-mark")?.remove();
  if (photo.decision?.crop) {
    const mark = element("span", "crop-mark");
    place(mark, parse(photo.decision.crop));
    byId("zoom-frame").append(mark);
  }
}

const tileWords = (photo) => [nameOf(photo), classOf(photo), stateWords(photo)].filter(Boolean).join(", ");

zoom.addEventListener("close", () => {
  cropMode(false);
  backToGrid();
});
zoom.addEventListener("cancel", (event) => {
  if (!cropper.active) return;
  event.preventDefault(); // Esc leaves the crop first
  showLarge(grid.focused);
});
// A picture that has not come yet has no shape; the crop waits for it.
byId("zoom-photo").addEventListener("load", () => fitZoom());
new ResizeObserver(() => fitZoom()).observe(byId("zoom-mount"));

/** Make the frame exactly as large as the picture in it. */
function fitZoom() {
  const image = byId("zoom-photo");
  const mount = byId("zoom-mount");
  if (!image.naturalWidth) return;
  const scale = Math.min((mount.clientWidth - 16) / image.naturalWidth, (mount.clientHeight - 16) / image.naturalHeight, 2);
  byId("zoom-frame").style.width = `${Math.floor(image.naturalWidth * scale)}px`;
  byId("zoom-frame").style.height = `${Math.floor(image.naturalHeight * scale)}px`;
}

function cropMode(on) {
  byId("crop-actions").hidden = !on;
  byId("crop-help").hidden = !on;
  byId("zoom-actions").hidden = on;
  if (!on) cropper.stop();
}

function openCrop() {
  const photo = grid.focused;
  if (!photo?.id || photo.missing || photo.broken) return announce("There is no picture to crop.");
  openZoom();
  byId("zoom-frame").querySelector(".crop-mark")?.remove();
  cropMode(true);
  cropper.start(photo.decision?.crop);
}

/** Write a crop down; who takes the trouble to crop a photo keeps it, unless a class is yet to be chosen. */
function saveCrop(text) {
  const photo = grid.focused;
  cropMode(false);
  if (text === (photo.decision?.crop ?? "")) {
    zoom.close();
    return announce("The crop stays as it was.");
  }
  const kept = text && !isDecided(photo) ? (keeping(photo) ?? []) : [];
  zoom.close();
  return decide([{ photo: photo.id, kind: "crop", value: text }, ...kept], `${text ? "Cropped" : "Whole picture again"}: ${nameOf(photo)}`, { go: kept.length > 0 });
}

// More than nine classes

function openPicker() {
  byId("picker-text").value = "";
  fillPicker();
  picker.showModal();
  byId("picker-text").focus();
}

function fillPicker() {
  const text = byId("picker-text").value.trim().toLowerCase();
  const fitting = board.classes.filter((name) => name.toLowerCase().includes(text));
  byId("picker-list").replaceChildren(...fitting.map((name) => {
    const button = element("button", "", name);
    button.type = "button";
    button.addEventListener("click", () => pick(name));
    return button;
  }));
}

function pick(name) {
  picker.close();
  begin(() => relabel(meant(), name));
}

byId("picker-text").addEventListener("input", fillPicker);
byId("picker-text").addEventListener("keydown", (event) => {
  const first = byId("picker-list").firstElementChild;
  if (event.key !== "Enter" || !first) return;
  event.preventDefault();
  first.click();
});

// Keys and buttons

const DOINGS = {
  keep: () => begin(() => keep(meant())),
  reject: () => begin(() => reject(meant())),
  group: () => begin(() => settle()),
  undo: () => begin(() => shift("api/undo")),
  redo: () => begin(() => shift("api/redo")),
  crop: () => inTurn(openCrop),
  zoom: () => inTurn(openZoom),
  close: () => zoom.close(),
  previous: () => step("ArrowLeft"),
  next: () => step("ArrowRight"),
  "crop-save": () => begin(() => saveCrop(cropper.text)),
  "crop-remove": () => begin(() => saveCrop("")),
  "crop-leave": () => showLarge(grid.focused),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (!button) return;
  DOINGS[button.dataset.do]();
  // The keys go on working where the eye is; space must not press the same button again.
  if (zoom.open && !cropper.active) byId("zoom-mount").focus({ preventScroll: true });
  else if (button.closest(".actions")) backToGrid();
});
byId("plate-zoom").addEventListener("click", () => DOINGS.zoom());
byId("help-button").addEventListener("click", () => help.showModal());

/** Decide, unless nothing can be decided now. */
function begin(work) {
  if (stuck) return announce("Not saved yet. Go on once the server answers again.");
  inTurn(work);
}

function step(key) {
  inTurn(() => {
    grid.key(key, false);
    if (zoom.open) showLarge(grid.focused);
  });
}

const PLAIN = {
  " ": DOINGS.keep, d: DOINGS.reject, u: DOINGS.undo, g: DOINGS.group, c: DOINGS.crop, z: DOINGS.zoom, Enter: DOINGS.zoom,
  b: () => begin(() => settle(grid.focused)),
  n: () => inTurn(() => goOn(grid.focused)),
  G: () => begin(() => wholePage("keep")),
  D: () => begin(() => wholePage("reject")),
  "?": () => help.showModal(),
  f: () => openFilters("order"),
  "/": () => openFilters("by-text"),
  0: () => board.classes.length > 9 && openPicker(),
};

document.addEventListener("keydown", (event) => {
  if (!board || event.isComposing || picker.open || help.open || event.target.closest("input, select, textarea")) return;
  const key = event.key.length === 1 && !event.shiftKey ? event.key.toLowerCase() : event.key;
  const action = cropper.active ? cropKey(event, key) : keyAction(event, key);
  if (!action) return;
  event.preventDefault();
  action();
});

function keyAction(event, key) {
  if (event.ctrlKey || event.metaKey) {
    const letter = key.toLowerCase();
    if (event.altKey) return null;
    if (letter === "z") return event.shiftKey ? DOINGS.redo : DOINGS.undo;
    return letter === "y" ? DOINGS.redo : null;
  }
  if (event.altKey) return null;
  if ((key === " " || key === "Enter") && event.target.closest("button, a, summary")) return null; // those have their own use for it
  if (event.repeat && (key in PLAIN || /^[1-9]$/.test(key))) return () => {}; // a key that is held down decides once
  if (/^[1-9]$/.test(key)) return board.classes[key - 1] ? () => begin(() => relabel(meant(), board.classes[key - 1])) : null;
  if (zoom.open) return zoomKey(key);
  if (key === "Escape") return grid.selected.size ? () => grid.focus(grid.focused) : null;
  if (key in PLAIN) return PLAIN[key];
  if (/^(Arrow|Page|Home|End)/.test(key)) return () => inTurn(() => void grid.key(key, event.shiftKey));
  return null;
}

function zoomKey(key) {
  if (key === "z" || key === "Enter") return DOINGS.close;
  if (/^Arrow/.test(key)) return () => step(key);
  return [" ", "d", "u", "g", "b", "c", "n", "?", "0"].includes(key) ? PLAIN[key] : null;
}

function cropKey(event, key) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (key === "Enter" && event.target.closest("button")) return null;
  if (key === "Enter") return DOINGS["crop-save"];
  if (key === "Escape") return DOINGS["crop-leave"];
  if (key === "Delete" || key === "Backspace") return DOINGS["crop-remove"];
  return /^Arrow/.test(key) ? () => cropper.key(key, event.shiftKey) : null;
}

// Saying

function announce(text) {
  byId("status").textContent = text;
}

let troubled = "";
function trouble(text) {
  if (troubled === text) return;
  troubled = text;
  showBanner();
}

function showBanner() {
  const text = troubled || (reading && `Reading only. ${reading}`);
  byId("banner").hidden = !text;
  byId("banner").replaceChildren(...withLinks(text));
  byId("banner").classList.toggle("unsaved", stuck);
}

/** Make links of the addresses of this computer in a sentence of ours; what follows the port is no part of them. */
function withLinks(text) {
  return text.split(/(http:\/\/127\.0\.0\.1:\d+)/).map((part, at) => {
    if (at % 2 === 0) return part;
    const link = element("a", "", part);
    link.href = part;
    return link;
  });
}

const nameOf = (photo) => (photo.paths[0] ?? photo.id).replace(/^\.\.\//, "");
const naming = (photos) => (photos.length === 1 ? nameOf(photos[0]) : `${photos.length} photos`);
const list = (names) => `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const shorten = (url) => (url ? url.replace(/^https?:\/\/(www\.)?/, "").slice(0, 70) : "");

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

// Beginning

async function start() {
  const kept = sessionStorage.getItem("pending");
  if (kept) await deliver(JSON.parse(kept)).catch(complain); // decided just before this tab was loaded anew
  await load();
  if (grid.focused) grid.focus(grid.focused);
  setInterval(poll, POLL);
  document.addEventListener("visibilitychange", poll);
}

start();
