// Photos and a view -> sections of units. A unit is one photo, or a group of look-alikes that stay side by side.

export const isDecided = (photo) => photo.decision?.state != null;

/** The class a photo counts for; "" where classes are in conflict about it. */
export function classOf(photo) {
  return photo.decision?.label ?? (photo.labels.length === 1 ? photo.labels[0] : "");
}

/** Return `[{title, units: [[photo, ...], ...]}]`. */
export function arrange(board, view) {
  const wanted = (photo) => matches(photo, view);
  const units = unitsOf(board.photos, view.order === "class" || view.order === "all");
  const shown = (unit) => unit.some(wanted);
  switch (view.order) {
    case "class":
      return board.classes.map((name) => section(name, units.get("all").filter((unit) => shownIn(unit, name) && shown(unit)))).concat(
        section("No class yet", units.get("all").filter((unit) => classOf(unit[0]) === "" && shown(unit)))).filter(notEmpty);
    case "finding":
      return byFinding(board, units, shown, view.kind ? [view.kind] : board.kinds);
    case "group":
      return [section("Groups of look-alikes", units.get("all").filter((unit) => unit.length > 1 && shown(unit)))].filter(notEmpty);
    case "all":
      return [section("", units.get("all").filter(shown))].filter(notEmpty);
    default:
      return doubtful(board, units, shown);
  }
}

function doubtful(board, units, shown) {
  const placer = new Placer(units, shown);
  const isSure = (kind) => (photo) => photo.findings.some((found) => found.kind === kind && found.sure);
  for (const kind of board.kinds) placer.place(board.titles[kind], board.byKind.get(kind).filter(isSure(kind)));
  for (const kind of board.kinds) placer.place(`${board.titles[kind]}: less sure`, board.byKind.get(kind));
  placer.place(placer.sections.length ? "Nothing was found" : "", board.photos);
  return placer.sections;
}

function byFinding(board, units, shown, kinds) {
  const placer = new Placer(units, shown);
  for (const kind of kinds) placer.place(board.titles[kind], board.byKind.get(kind));
  return placer.sections;
}

/** Puts units into sections, each unit once: under the first section that has one of its photos. */
class Placer {
  constructor(units, shown) {
    Object.assign(this, { units, shown, sections: [], placed: new Set() });
  }

  place(title, photos) {
    const found = [];
    for (const photo of photos) {
      const unit = this.units.get(photo);
      if (!this.placed.has(unit) && this.shown(unit)) found.push(unit);
      this.placed.add(unit);
    }
    if (found.length) this.sections.push(section(title, found));
  }
}

/** Map each photo, and "all", to units. */
function unitsOf(photos, alone) {
  const units = new Map();
  const all = [];
  const groups = new Map();
  for (const photo of photos) {
    const key = alone ? "" : photo.group;
    let unit = key && groups.get(key);
    if (unit) unit.push(photo);
    else {
      unit = [photo];
      all.push(unit);
      if (key) groups.set(key, unit);
    }
    units.set(photo, unit);
  }
  for (const unit of groups.values()) unit.sort((a, b) => (b.id === b.group) - (a.id === a.group)); // the best copy first
  return units.set("all", all);
}

const section = (title, units) => ({ title, units });
const notEmpty = (part) => part.units.length > 0;
const shownIn = (unit, name) => classOf(unit[0]) === name;

function matches(photo, view) {
  if (view.class && !(classOf(photo) === view.class || (!classOf(photo) && photo.labels.includes(view.class)))) return false;
  if (view.kind && !photo.findings.some((found) => found.kind === view.kind)) return false;
  if (view.state && !inState(photo, view.state)) return false;
  return !view.text || photo.words.includes(view.text.toLowerCase());
}

function inState(photo, state) {
  const decision = photo.decision;
  if (state === "undecided") return !isDecided(photo) && !photo.missing;
  if (state === "missing") return photo.missing;
  if (state === "label") return decision?.label != null && decision.state !== "reject";
  if (state === "crop") return Boolean(decision?.crop);
  return decision?.state === state;
}
