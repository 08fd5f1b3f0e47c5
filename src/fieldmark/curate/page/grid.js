// Sections of photos -> a grid of which only what is near the window is in the document.

const HEAD = 46; // pixels of a section's heading
const CAPTION = 30; // pixels below each picture
const BEYOND = 500; // pixels drawn above and below what is seen

export class Grid {
  /** `draw(photo)` makes a tile, `redraw(tile, photo)` puts it up to date, `moved(photo)` is told of a new focus. */
  constructor(scroller, element, { draw, redraw, moved }) {
    Object.assign(this, { scroller, element, draw, redraw, moved });
    this.rows = []; // {top, height, title} or {top, height, photos}
    this.order = []; // photos as they follow one another
    this.places = new Map(); // photo -> {row, column, at}
    this.drawn = new Map(); // row number -> element
    this.tiles = new Map(); // photo -> element
    this.focused = null;
    this.selected = new Set();
    this.anchor = null;
    this.sections = [];
    this.frame = 0;
    scroller.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(scroller);
  }

  /** Show these sections; the focus stays on its photo where that is among them. */
  show(sections) {
    this.sections = sections;
    this.selected.clear();
    this.anchor = null;
    this.layout(true);
    if (!this.places.has(this.focused)) this.focused = this.order[0] ?? null;
    this.clear();
    this.scrollTo(this.focused);
    this.render();
    this.moved(this.focused);
  }

  layout(forced = false) {
    const width = this.scroller.clientWidth - parseFloat(getComputedStyle(this.element).marginLeft) * 2;
    if (!forced && width === this.width) return this.soon();
    const seen = this.rowAt(this.scroller.scrollTop);
    const kept = this.rows[seen]?.photos?.[0];
    this.width = width;
    const least = width < 600 ? 104 : 148;
    this.columns = Math.max(2, Math.floor(width / least));
    this.size = Math.floor(width / this.columns);
    this.rows = [];
    this.order = [];
    this.places.clear();
    let top = 0;
    const push = (row) => {
      this.rows.push({ top, ...row });
      top += row.height;
    };
    for (const { title, units } of this.sections) {
      if (title) push({ height: HEAD, title, count: units.reduce((sum, unit) => sum + unit.length, 0), photos: null });
      for (const photos of inRows(units, this.columns)) {
        photos.forEach((photo, column) => {
          this.places.set(photo, { row: this.rows.length, column, at: this.order.length });
          this.order.push(photo);
        });
        push({ height: this.size + CAPTION, photos });
      }
    }
    this.element.style.height = `${top}px`;
    this.element.style.setProperty("--size", `${this.size}px`);
    this.element.setAttribute("aria-rowcount", String(this.rows.length));
    this.element.setAttribute("aria-colcount", String(this.columns));
    this.clear();
    if (kept && this.places.has(kept)) this.scroller.scrollTop = this.rows[this.places.get(kept).row].top;
    this.render();
  }

  clear() {
    for (const row of [...this.drawn.keys()]) this.drop(row);
  }

  drop(number) {
    const element = this.drawn.get(number);
    for (const image of element.querySelectorAll("img")) image.removeAttribute("src"); // stops loading what flew past
    for (const photo of this.rows[number]?.photos ?? []) this.tiles.delete(photo);
    for (const [photo, tile] of this.tiles) if (element.contains(tile)) this.tiles.delete(photo);
    element.remove();
    this.drawn.delete(number);
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.render();
    });
  }

  render() {
    const first = this.rowAt(this.scroller.scrollTop - BEYOND);
    const last = this.rowAt(this.scroller.scrollTop + this.scroller.clientHeight + BEYOND);
    const focus = this.places.get(this.focused)?.row; // stays in the document, so that the keyboard stays in the grid
    for (const number of [...this.drawn.keys()]) if ((number < first || number > last) && number !== focus) this.drop(number);
    for (let number = first; number <= last && number < this.rows.length; number += 1) this.drawRow(number);
    if (focus !== undefined) this.drawRow(focus);
  }

  drawRow(number) {
    if (this.drawn.has(number)) return;
    const row = this.rows[number];
    const element = document.createElement("div");
    element.setAttribute("role", "row");
    element.setAttribute("aria-rowindex", String(number + 1));
    element.className = row.photos ? "row" : "row heading";
    element.style.transform = `translateY(${row.top}px)`;
    if (row.photos) {
      row.photos.forEach((photo, column) => {
        const tile = this.draw(photo);
        tile.setAttribute("aria-colindex", String(column + 1));
        tile.classList.toggle("opens", photo.unit !== row.photos[column - 1]?.unit);
        tile.classList.toggle("closes", photo.unit !== row.photos[column + 1]?.unit);
        tile.classList.toggle("together", photo.unit.length > 1);
        this.tiles.set(photo, tile);
        this.dress(photo);
        element.append(tile);
      });
    } else {
      const head = document.createElement("div");
      head.setAttribute("role", "rowheader");
      const title = document.createElement("h2");
      title.textContent = row.title;
      const count = document.createElement("span");
      count.className = "fine";
      count.textContent = String(row.count);
      head.append(title, count);
      element.append(head);
    }
    // In the order of the rows, for those who listen to the page and do not see it.
    const after = [...this.drawn.keys()].filter((other) => other > number);
    this.element.insertBefore(element, after.length ? this.drawn.get(Math.min(...after)) : null);
    this.drawn.set(number, element);
  }

  /** Put a photo's tile up to date, if it is drawn. */
  dress(photo) {
    const tile = this.tiles.get(photo);
    if (!tile) return;
    this.redraw(tile, photo);
    tile.tabIndex = photo === this.focused ? 0 : -1;
    tile.classList.toggle("focused", photo === this.focused);
    tile.setAttribute("aria-selected", String(this.selected.has(photo)));
  }

  rowAt(height) {
    let low = 0;
    let high = this.rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].top <= height) low = middle;
      else high = middle - 1;
    }
    return Math.max(0, low);
  }

  scrollTo(photo) {
    const place = this.places.get(photo);
    if (!place) return;
    const row = this.rows[place.row];
    const head = this.rows[place.row - 1]?.title ? HEAD : 0;
    const view = this.scroller;
    if (row.top - head < view.scrollTop) view.scrollTop = row.top - head;
    else if (row.top + row.height > view.scrollTop + view.clientHeight) view.scrollTop = row.top + row.height - view.clientHeight;
  }

  /** Give a photo the focus; with `range` the selection reaches from where it began to here. */
  focus(photo, { range = false, keep = false } = {}) {
    if (!photo || !this.places.has(photo)) return;
    const before = this.focused;
    const changed = new Set(this.selected);
    if (range) {
      this.anchor ??= before;
      const [from, to] = [this.places.get(this.anchor).at, this.places.get(photo).at].sort((a, b) => a - b);
      this.selected = new Set(this.order.slice(from, to + 1));
    } else if (!keep) {
      this.selected.clear();
      this.anchor = null;
    }
    this.focused = photo;
    this.scrollTo(photo);
    this.render();
    for (const other of new Set([before, photo, ...changed, ...this.selected])) if (other) this.dress(other);
    this.tiles.get(photo)?.focus({ preventScroll: true });
    this.moved(photo);
  }

  /** Move the focus by a key; return false for one that moves nothing. */
  key(name, range) {
    const place = this.places.get(this.focused);
    if (!place) return false;
    const steps = { ArrowRight: 1, ArrowLeft: -1 };
    if (name in steps) this.focus(this.order[place.at + steps[name]], { range });
    else if (name === "Home") this.focus(this.order[0], { range });
    else if (name === "End") this.focus(this.order.at(-1), { range });
    else if (name === "ArrowDown" || name === "ArrowUp") this.focus(this.above(place, name === "ArrowUp" ? -1 : 1), { range });
    else if (name === "PageDown" || name === "PageUp") {
      const rows = Math.max(1, Math.floor(this.scroller.clientHeight / (this.size + CAPTION)));
      let photo = this.focused;
      for (let n = 0; n < rows; n += 1) photo = this.above(this.places.get(photo), name === "PageUp" ? -1 : 1) ?? photo;
      this.focus(photo, { range });
    } else return false;
    return true;
  }

  above(place, step) {
    let row = place.row + step;
    while (this.rows[row] && !this.rows[row].photos) row += step;
    const photos = this.rows[row]?.photos;
    return photos && photos[Math.min(place.column, photos.length - 1)];
  }

  /** The photos of which at least half can be seen. */
  page() {
    const top = this.scroller.scrollTop;
    const bottom = top + this.scroller.clientHeight;
    return this.rows.filter((row) => row.photos && row.top + row.height / 2 >= top && row.top + row.height / 2 <= bottom).flatMap((row) => row.photos);
  }
}

/** Put units into rows; a unit that fits into a row is not broken. */
function inRows(units, columns) {
  const rows = [];
  let row = [];
  for (const unit of units) {
    if (row.length && row.length + Math.min(unit.length, columns) > columns) {
      rows.push(row);
      row = [];
    }
    for (const photo of unit) {
      photo.unit = unit;
      row.push(photo);
      if (row.length === columns) {
        rows.push(row);
        row = [];
      }
    }
  }
  if (row.length) rows.push(row);
  return rows;
}
